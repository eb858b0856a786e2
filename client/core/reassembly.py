"""Putting messages together from fragments that come in any order, twice, late, or from strangers.

`Reassembly` says what each fragment means; the store keeps the data. What is kept is bounded: so many unfinished
messages, so many orphans (fragments whose head has not come), each for so long.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
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
    """An unfinished message that is too old, or the one of too many of which the fewest fragments are here."""

    head_id: bytes


class OrphanForgotten(msgspec.Struct, frozen=True):
    """An orphan that is too old, or the oldest of too many."""

    orphan_id: bytes


ReassemblyFact: TypeAlias = (
    Began | Added | Completed | OrphanKept | Repeated | Refused | MessageForgotten | OrphanForgotten
)


@dataclass(frozen=True)
class ReassemblyLimits:
    """How much is kept, and for how long."""

    messages: int = 256
    orphans: int = 32_768
    keep_s: float = 30 * 86_400.0


class KnownMessage(msgspec.Struct, frozen=True):
    """An unfinished message as the store has it."""

    head_id: bytes
    message_key: bytes
    total_bytes: int
    received: tuple[int, ...]
    changed_at_s: float


@dataclass
class _Unfinished:
    key: FragmentKey
    message_key: bytes
    total_bytes: int
    missing: int
    received: bytearray
    changed_at_s: float


@dataclass
class Reassembly:
    """The unfinished messages of the client `recipient` (its identity key)."""

    recipient: Identity
    sealer: Sealer
    sizes: FragmentSizes
    limits: ReassemblyLimits
    _messages: OrderedDict[bytes, _Unfinished] = field(default_factory=OrderedDict)
    _orphans: OrderedDict[bytes, float] = field(default_factory=OrderedDict)

    def restore(self, messages: Iterable[KnownMessage], orphans: Iterable[tuple[bytes, float]]) -> None:
        """Take up what the store has kept: messages and (orphan id, time), oldest first."""
        for known in messages:
            message = self._start(known.head_id, known.message_key, known.total_bytes, known.changed_at_s)
            for index in known.received:
                message.received[index] = 1
            message.missing = message.received.count(0)
        self._orphans.update(orphans)

    def receive(self, fragment: bytes, now_s: float) -> list[ReassemblyFact]:
        """Say what a fragment that the store has not seen before means."""
        name = fragment_id(fragment)
        if name in self._orphans or name in self._messages:
            return [Repeated()]
        # Tried with every unfinished message: one block cipher operation each, and no table that could be filled.
        for head_id, message in self._messages.items():
            index = message.key.index_of(name)
            if index is not None:
                return self._add(head_id, message, index, fragment, now_s)
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
        return self._add(head_id, message, index, fragment, now_s) if message is not None else []

    def finish(self, head_id: bytes) -> None:
        """Forget a completed message, once the store has it whole."""
        self._messages.pop(head_id, None)

    def expire(self, now_s: float) -> list[ReassemblyFact]:
        """Forget what is too old."""
        oldest_s = now_s - self.limits.keep_s
        facts: list[ReassemblyFact] = []
        for head_id in [name for name, message in self._messages.items() if message.changed_at_s < oldest_s]:
            del self._messages[head_id]
            facts.append(MessageForgotten(head_id))
        while self._orphans and next(iter(self._orphans.values())) < oldest_s:
            facts.append(OrphanForgotten(self._orphans.popitem(last=False)[0]))
        return facts

    def _begin(self, head_id: bytes, head: Head, now_s: float) -> list[ReassemblyFact]:
        if any(message.message_key == head.message_key for message in self._messages.values()):
            return [Refused("two heads announce one message")]
        facts: list[ReassemblyFact] = []
        if len(self._messages) >= self.limits.messages:
            facts.append(MessageForgotten(self._forget_one()))
        message = self._start(head_id, head.message_key, head.total_bytes, now_s)
        indices = ((name, message.key.index_of(name)) for name in self._orphans)
        orphans = tuple((name, index) for name, index in indices if index is not None)
        count = len(message.received)
        facts += [Began(head_id, head, count, orphans), *self._note(head_id, message, 0, head.data, now_s)]
        return facts

    def _forget_one(self) -> bytes:
        """Forget the message of which the fewest fragments are here, of several the one that has not grown for longest.

        Heads alone, which anybody who has our card can send by the hundred, push out no message that has come further.
        """
        here = {head_id: len(message.received) - message.missing for head_id, message in self._messages.items()}
        fewest = min(here, key=here.__getitem__)
        del self._messages[fewest]
        return fewest

    def _start(self, head_id: bytes, message_key: bytes, total_bytes: int, now_s: float) -> _Unfinished:
        count = self.sizes.count(total_bytes)
        message = _Unfinished(FragmentKey(message_key), message_key, total_bytes, count, bytearray(count), now_s)
        self._messages[head_id] = message
        return message

    def _add(
        self, head_id: bytes, message: _Unfinished, index: int, fragment: bytes, now_s: float
    ) -> list[ReassemblyFact]:
        if not 1 <= index < len(message.received):
            return [Refused("a fragment's number is over its message's count")]
        if message.received[index]:
            return [Repeated()]
        try:
            data = message.key.open(index, fragment, message.total_bytes, self.sizes)
        except PeerError as error:
            return [Refused(str(error))]
        return self._note(head_id, message, index, data, now_s)

    def _note(
        self, head_id: bytes, message: _Unfinished, index: int, data: bytes, now_s: float
    ) -> list[ReassemblyFact]:
        message.received[index] = 1
        message.missing -= 1
        message.changed_at_s = now_s
        self._messages.move_to_end(head_id)
        added = Added(head_id, index, data)
        return [added] if message.missing else [added, Completed(head_id)]

    def _keep(self, name: bytes, now_s: float) -> list[ReassemblyFact]:
        facts: list[ReassemblyFact] = []
        if len(self._orphans) >= self.limits.orphans:
            facts.append(OrphanForgotten(self._orphans.popitem(last=False)[0]))
        self._orphans[name] = now_s
        return [*facts, OrphanKept(name)]
