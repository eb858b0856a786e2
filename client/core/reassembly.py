"""Putting messages together from fragments that come in any order, twice, late, or from strangers.

`Reassembly` says what each fragment means; the store keeps the data. What is kept is bounded: so many unfinished
messages, so many orphans (fragments whose head has not come), each for so long.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from client.core.fragments import (
    FragmentKey,
    FragmentSizes,
    Head,
    fragment_id,
    open_head,
)
from client.core.sealing import NotForUsError, Sealer
from loopixmix.errors import PeerError
from loopixmix.seams import Identity


class Began(msgspec.Struct, frozen=True):
    """A head: a new message of `count` fragments. `orphans` belong to it, as (fragment id, index)."""

    head_id: bytes
    head: Head
    count: int
    orphans: tuple[tuple[bytes, int], ...]


class Added(msgspec.Struct, frozen=True):
    """The data of one fragment of a message that has begun."""

    head_id: bytes
    index: int
    data: bytes


class Completed(msgspec.Struct, frozen=True):
    """All fragments of a message are here."""

    head_id: bytes


class OrphanKept(msgspec.Struct, frozen=True):
    """A fragment of no message that has begun: an orphan, kept until its head comes."""

    orphan_id: bytes


class Repeated(msgspec.Struct, frozen=True):
    """A fragment that was here before."""


class Refused(msgspec.Struct, frozen=True):
    """A fragment that contradicts its message."""

    detail: str


class MessageForgotten(msgspec.Struct, frozen=True):
    """An unfinished message that is too old, or the one of too many, or too long ones, of which the least is here."""

    head_id: bytes


class OrphanForgotten(msgspec.Struct, frozen=True):
    """An orphan that is too old, or the oldest of too many."""

    orphan_id: bytes


ReassemblyFact: TypeAlias = (
    Began | Added | Completed | OrphanKept | Repeated | Refused | MessageForgotten | OrphanForgotten
)


WINDOW = 32
"""Of each unfinished message, so many fragments more than are here are recognised at once."""


@dataclass(frozen=True)
class ReassemblyLimits:
    """How much is kept, and for how long.

    `long_messages`: those of more fragments than a window. `fragments`: those of all unfinished messages together, some
    256 MB: a thousand of the longest messages, each of them but for one fragment, would take ten thousand.
    """

    messages: int = 1_024
    long_messages: int = 256
    fragments: int = 131_072
    orphans: int = 32_768
    keep_s: float = 30 * 86_400.0


GATEWAY_LIMITS = ReassemblyLimits(messages=8_192, long_messages=1_024, fragments=1_048_576)
"""Of a gateway, to whom many write at the same time, each as slowly as a user's rate is: of 90,000 users who send ten
mails of 50 KB a day at 0.13 packets per second, some 2,000 are on their way at any moment."""


class KnownMessage(msgspec.Struct, frozen=True):
    """An unfinished message as the store has it."""

    head_id: bytes
    message_key: bytes
    total_bytes: int
    received: tuple[int, ...]
    changed_at_s: float


@dataclass
class _Unfinished:
    head_id: bytes
    key: FragmentKey
    message_key: bytes
    total_bytes: int
    missing: int
    received: bytearray
    changed_at_s: float
    expected_to: int = 1
    """The fragments before this one are in the table of those that are recognised at once."""


@dataclass
class Reassembly:
    """The unfinished messages of the client `recipient` (its identity key).

    Fragments are recognised by a table of the names of those that come next. A name that is not in it is tried with
    each long message, one block cipher operation each. So the table is bounded by what is here and the windows, however
    long a stranger says that his messages are.
    """

    recipient: Identity
    sealer: Sealer
    sizes: FragmentSizes
    limits: ReassemblyLimits
    _messages: OrderedDict[bytes, _Unfinished] = field(default_factory=OrderedDict)
    _expected: dict[bytes, tuple[_Unfinished, int]] = field(default_factory=dict)
    _long: dict[bytes, _Unfinished] = field(default_factory=dict)
    """Messages of which not all fragments are in the table."""
    _message_keys: set[bytes] = field(default_factory=set)
    _orphans: OrderedDict[bytes, float] = field(default_factory=OrderedDict)
    _fragments: int = 0
    """How many fragments of unfinished messages are here."""

    def restore(self, messages: Iterable[KnownMessage], orphans: Iterable[tuple[bytes, float]]) -> None:
        """Take up what the store has kept: messages and (orphan id, time), oldest first."""
        for known in messages:
            message = self._start(known.head_id, known.message_key, known.total_bytes, known.changed_at_s)
            for index in known.received:
                message.received[index] = 1
            message.missing = message.received.count(0)
            self._fragments += len(known.received)
            self._expect(message, len(known.received))
        self._orphans.update(orphans)

    def receive(self, fragment: bytes, now_s: float) -> list[ReassemblyFact]:
        """Say what a fragment that the store has not seen before means."""
        name = fragment_id(fragment)
        if name in self._orphans or name in self._messages:
            return [Repeated()]
        if name in self._expected:
            message, index = self._expected[name]
            return self._add(message, index, fragment, now_s)
        for message in self._long.values():
            found = message.key.index_of(name)
            if found is not None:
                return self._add(message, found, fragment, now_s)
        try:
            head = open_head(fragment, recipient=self.recipient, sealer=self.sealer, sizes=self.sizes)
        except NotForUsError:
            return self._keep(name, now_s)
        except PeerError as error:
            return [Refused(str(error))]
        return self._begin(name, head, now_s)

    def adopt(self, head_id: bytes, index: int, fragment: bytes, now_s: float) -> list[ReassemblyFact]:
        """Say what an orphan that `Began` named means, now that it was fetched from the store."""
        self._orphans.pop(fragment_id(fragment), None)
        message = self._messages.get(head_id)
        return self._add(message, index, fragment, now_s) if message is not None else []

    def finish(self, head_id: bytes) -> None:
        """Forget a completed message, once the store has it whole."""
        if head_id in self._messages:
            self._drop(head_id)

    def expire(self, now_s: float) -> list[ReassemblyFact]:
        """Forget what is too old."""
        oldest_s = now_s - self.limits.keep_s
        facts: list[ReassemblyFact] = []
        for head_id in [name for name, message in self._messages.items() if message.changed_at_s < oldest_s]:
            self._drop(head_id)
            facts.append(MessageForgotten(head_id))
        while self._orphans and next(iter(self._orphans.values())) < oldest_s:
            facts.append(OrphanForgotten(self._orphans.popitem(last=False)[0]))
        return facts

    def _begin(self, head_id: bytes, head: Head, now_s: float) -> list[ReassemblyFact]:
        if head.message_key in self._message_keys:
            return [Refused("two heads announce one message")]
        facts: list[ReassemblyFact] = []
        is_long = self.sizes.count(head.total_bytes) > WINDOW + 1
        if is_long and len(self._long) >= self.limits.long_messages:
            facts.append(MessageForgotten(self._forget_one(self._long)))
        elif len(self._messages) >= self.limits.messages:
            facts.append(MessageForgotten(self._forget_one(self._messages)))
        message = self._start(head_id, head.message_key, head.total_bytes, now_s)
        count = len(message.received)
        facts += [Began(head_id, head, count, self._orphans_of(message)), *self._note(message, 0, head.data, now_s)]
        return facts

    def _orphans_of(self, message: _Unfinished) -> tuple[tuple[bytes, int], ...]:
        count = len(message.received)
        if count > len(self._orphans):
            indices = ((name, message.key.index_of(name)) for name in self._orphans)
            return tuple((name, index) for name, index in indices if index is not None)
        names = ((message.key.tag(index), index) for index in range(1, count))
        return tuple((name, index) for name, index in names if name in self._orphans)

    def _forget_one(self, of: Mapping[bytes, _Unfinished]) -> bytes:
        """Forget the message of which the fewest fragments are here, of several the one that has not grown for longest.

        Heads alone, which anybody who has our card can send by the hundred, push out no message that has come further.
        """
        # `of` may be in another order than that of growth.
        fewest = min(of.values(), key=lambda message: (len(message.received) - message.missing, message.changed_at_s))
        self._drop(fewest.head_id)
        return fewest.head_id

    def _make_room(self, growing: _Unfinished) -> list[ReassemblyFact]:
        """Forget messages until one more fragment of `growing` fits; never that one, which may end with it."""
        others = {name: message for name, message in self._messages.items() if message is not growing}
        facts: list[ReassemblyFact] = []
        while others and self._fragments >= self.limits.fragments:
            head_id = self._forget_one(others)
            del others[head_id]
            facts.append(MessageForgotten(head_id))
        return facts

    def _start(self, head_id: bytes, message_key: bytes, total_bytes: int, now_s: float) -> _Unfinished:
        count = self.sizes.count(total_bytes)
        key = FragmentKey(message_key)
        message = _Unfinished(head_id, key, message_key, total_bytes, count, bytearray(count), now_s)
        self._messages[head_id] = message
        self._message_keys.add(message_key)
        self._expect(message, WINDOW)
        return message

    def _expect(self, message: _Unfinished, more: int) -> None:
        """Recognise so many further fragments of a message at once."""
        count = len(message.received)
        end = min(count, message.expected_to + more)
        for index in range(message.expected_to, end):
            self._expected[message.key.tag(index)] = (message, index)
        message.expected_to = max(message.expected_to, end)
        if message.expected_to < count:
            self._long[message.head_id] = message
        else:
            self._long.pop(message.head_id, None)

    def _drop(self, head_id: bytes) -> None:
        message = self._messages.pop(head_id)
        self._fragments -= len(message.received) - message.missing
        self._message_keys.discard(message.message_key)
        self._long.pop(head_id, None)
        for index in range(1, message.expected_to):
            self._expected.pop(message.key.tag(index), None)

    def _add(self, message: _Unfinished, index: int, fragment: bytes, now_s: float) -> list[ReassemblyFact]:
        if not 1 <= index < len(message.received):
            return [Refused("a fragment's number is over its message's count")]
        if message.received[index]:
            return [Repeated()]
        try:
            data = message.key.open(index, fragment, message.total_bytes, self.sizes)
        except PeerError as error:
            return [Refused(str(error))]
        return self._note(message, index, data, now_s)

    def _note(self, message: _Unfinished, index: int, data: bytes, now_s: float) -> list[ReassemblyFact]:
        forgotten = self._make_room(message) if self._fragments >= self.limits.fragments else []
        message.received[index] = 1
        message.missing -= 1
        self._fragments += 1
        message.changed_at_s = now_s
        self._messages.move_to_end(message.head_id)
        self._expect(message, 1)
        added = Added(message.head_id, index, data)
        return [*forgotten, added, *([] if message.missing else [Completed(message.head_id)])]

    def _keep(self, name: bytes, now_s: float) -> list[ReassemblyFact]:
        facts: list[ReassemblyFact] = []
        if len(self._orphans) >= self.limits.orphans:
            facts.append(OrphanForgotten(self._orphans.popitem(last=False)[0]))
        self._orphans[name] = now_s
        return [*facts, OrphanKept(name)]
