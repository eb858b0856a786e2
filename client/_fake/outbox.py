"""The outgoing messages of a fake client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from client._fake.contacts import FakeContacts
from client._fake.member import Member
from client._fake.post import PostOffice
from client.api import (
    ConflictError,
    Letter,
    MessageId,
    MessageProgress,
    MessageState,
    NumberedChange,
    OutgoingMessage,
    QueueFullError,
    StateChange,
    TimeEstimate,
    UnknownMessageError,
    WrongStateError,
)
from client.core.arguments import REPLY_PREFIX, check_letter, check_letters, check_unsigned, told_of
from client.core.timing.leaving import leaving_s

FRAGMENT_BYTES = 1500
ENDED = (MessageState.STORED, MessageState.RECEIVED, MessageState.FAILED, MessageState.CANCELLED)


@dataclass
class _Outgoing:
    """A message on its way, with what is needed to send it again."""

    message: OutgoingMessage
    letter: Letter
    sealed_to: str


class FakeOutbox:
    """Messages by id, on their way or ended."""

    def __init__(
        self, owner: Member, network: PostOffice, contacts: FakeContacts, *, max_queued: int, tell: Callable[[], None]
    ) -> None:
        """Send for `owner` over `network` to its `contacts`, at most `max_queued` at a time; `tell` hears of news."""
        self.changes: list[NumberedChange] = []
        """All state changes; numbers begin at 1."""
        self._owner = owner
        self._network = network
        self._contacts = contacts
        self._max_queued = max_queued
        self._tell = tell
        self._messages: dict[MessageId, _Outgoing] = {}
        self._by_key: dict[str, MessageId] = {}
        self._count = 0

    @property
    def unfinished(self) -> list[OutgoingMessage]:
        """The messages of which something may still be sent."""
        return [each.message for each in self._messages.values() if each.message.state not in ENDED]

    @property
    def newest(self) -> int:
        """The number of the newest state change."""
        return self._count

    @property
    def fragments_sent(self) -> int:
        """How many fragments left, of all messages."""
        return sum(each.message.fragments_sent for each in self._messages.values())

    def check(self, letter: Letter) -> None:
        """Raise if a message has the wrong form."""
        check_letter(letter, now_s=self._network.clock.seconds())

    def post_many(self, letters: Sequence[Letter]) -> list[MessageId]:
        """Queue messages, all or none."""
        check_letters(letters)
        new: dict[str, Letter] = {}
        blocks: Counter[str] = Counter()
        # First everything that may be refused: afterwards there is nothing to take back.
        for index, letter in enumerate(letters):
            with told_of(index):
                self.check(letter)
                if not self._owner.address:
                    check_unsigned(letter)
                known = self._by_key.get(letter.idempotency_key)
                earlier = new.get(letter.idempotency_key) if known is None else self._messages[known].letter
                if earlier is not None:
                    _check_same(earlier, letter)
                    continue
                new[letter.idempotency_key] = letter
                blocks[letter.to] += _fragments(letter)
                self._check_recipient(letter.to, blocks[letter.to])
        if len(self.unfinished) + len(new) > self._max_queued:
            raise QueueFullError(f"{self._max_queued} messages wait to be sent")
        return [self.post(letter) for letter in letters]

    def post(self, letter: Letter) -> MessageId:
        """Queue a message, or find the one of an earlier call."""
        earlier = self._by_key.get(letter.idempotency_key)
        if earlier is not None:
            _check_same(self._messages[earlier].letter, letter)
            return earlier
        if not self._owner.address:
            check_unsigned(letter)
        fragments = _fragments(letter)
        sealed_to = self._check_recipient(letter.to, fragments)
        if len(self.unfinished) >= self._max_queued:
            raise QueueFullError(f"{self._max_queued} messages wait to be sent")
        self._network.use_reply_blocks(letter.to, fragments)
        now_s = self._network.clock.seconds()
        leaves_at_s = leaving_s(
            letter.not_before_s,
            letter.deadline_s,
            now_s=now_s,
            reserve_s=2 * self._network.delay_s,
            draw=self._network.rng.random(),
        )
        message = OutgoingMessage(
            message_id=self._network.rng.randbytes(16).hex(),
            to=letter.to,
            kind=letter.kind,
            length_bytes=len(letter.body),
            state=MessageState.QUEUED,
            fragments=fragments,
            fragments_sent=0,
            fragments_acknowledged=0,
            history=(),
            leaves_at_s=leaves_at_s or None,
            deadline_s=letter.deadline_s,
            number=self._count + 1,
        )
        message_id = message.message_id
        self._messages[message_id] = _Outgoing(message, letter, sealed_to)
        self._by_key[letter.idempotency_key] = message_id
        self._step(message_id, MessageState.QUEUED)
        wait_s = leaves_at_s - now_s if leaves_at_s else 0.0
        self._network.later(wait_s + self._network.delay_s / 2, lambda: self._leave(message_id))
        if letter.deadline_s is not None:
            self._network.later(letter.deadline_s - now_s, lambda: self._miss(message_id))
        return message_id

    def progress(self, mark: int, limit: int) -> tuple[list[MessageProgress], int]:
        """Return the counts of messages that changed after the step `mark`, and the step that changed last."""
        found: dict[MessageId, MessageProgress] = {}
        for change in [change for change in self.changes if change.number > mark][:limit]:
            message = self._messages[change.message_id].message
            found[change.message_id] = MessageProgress(
                number=change.number,
                message_id=change.message_id,
                at_s=change.at_s,
                fragments=message.fragments,
                fragments_sent=message.fragments_sent,
                fragments_acknowledged=message.fragments_acknowledged,
            )
            mark = change.number
        return list(found.values()), mark

    def estimate(self, body_bytes: int, to: str) -> TimeEstimate:
        """Return how long a message would take: here it is always the same."""
        fragments = 1 + body_bytes // FRAGMENT_BYTES
        self._check_recipient(to, fragments)
        half_s = self._network.delay_s / 2
        return TimeEstimate(
            mean_s=2 * half_s, p95_s=2 * half_s, queue_s=half_s, sending_s=0.0, delivery_s=half_s, fragments=fragments
        )

    def sent(self, after: int, limit: int) -> list[OutgoingMessage]:
        """Return messages with a number over `after`, in the order in which they were queued."""
        return [each.message for each in self._messages.values() if each.message.number > after][:limit]

    def message(self, message_id: MessageId) -> OutgoingMessage:
        """Return a message with its history."""
        if message_id not in self._messages:
            raise UnknownMessageError(f"there is no message {message_id}")
        return self._messages[message_id].message

    def cancel(self, message_id: MessageId) -> OutgoingMessage:
        """Send nothing more of a message."""
        message = self.message(message_id)
        if message.state in ENDED and message.state is not MessageState.CANCELLED:
            raise WrongStateError(f"the message {message_id} is {message.state.value} already")
        if message.state is not MessageState.CANCELLED:
            detail = f"{message.fragments_sent} of {message.fragments} fragments had left and cannot be recalled"
            self._step(message_id, MessageState.CANCELLED, detail)
        return self.message(message_id)

    def delete(self, message_id: MessageId) -> None:
        """Forget a message that has ended."""
        if self.message(message_id).state not in ENDED:
            raise WrongStateError(f"the message {message_id} has not ended: cancel it first")
        outgoing = self._messages.pop(message_id)
        del self._by_key[outgoing.letter.idempotency_key]
        self.changes = [change for change in self.changes if change.message_id != message_id]

    def leave_all(self) -> None:
        """Send what is still queued and need not wait."""
        now_s = self._network.clock.seconds()
        for message_id, outgoing in tuple(self._messages.items()):
            if outgoing.message.state is MessageState.QUEUED and (outgoing.message.leaves_at_s or 0.0) <= now_s:
                self._leave(message_id)

    def _check_recipient(self, to: str, fragments: int) -> str:
        """Return the key to seal to, none for an answer; raise if nothing can be sent there."""
        if to.startswith(REPLY_PREFIX):
            self._network.check_reply_blocks(to, fragments)
            return ""
        return self._contacts.to_write_to(to).fingerprint

    def _state(self, message_id: MessageId) -> MessageState | None:
        outgoing = self._messages.get(message_id)
        return None if outgoing is None else outgoing.message.state

    def _miss(self, message_id: MessageId) -> None:
        if self._state(message_id) not in (None, *ENDED):
            self._step(message_id, MessageState.FAILED, "its deadline passed: it was not stored by then")

    def _leave(self, message_id: MessageId) -> None:
        if self._network.problem or self._state(message_id) is not MessageState.QUEUED:
            return
        self._step(message_id, MessageState.SENDING)
        self._network.later(self._network.delay_s / 2, lambda: self._arrive(message_id, attempt=1))

    def _arrive(self, message_id: MessageId, *, attempt: int) -> None:
        state = self._state(message_id)
        if attempt > 1 and state is not MessageState.RETRYING:
            return  # nothing more is sent of it
        if self._network.takes_failure():
            self._step(message_id, MessageState.FAILED, "given up")
        elif self._network.problem or self._network.takes_loss():
            if state not in ENDED:
                self._step(message_id, MessageState.RETRYING, f"attempt {attempt + 1}")
                self._network.later(2 * self._network.delay_s, lambda: self._arrive(message_id, attempt=attempt + 1))
        else:
            self._deliver(message_id)

    def _deliver(self, message_id: MessageId) -> None:
        outgoing = self._messages.get(message_id)
        if outgoing is None:
            return
        letter = outgoing.letter
        recipient = self._network.owner_of(letter.to)
        opens = recipient is not None and outgoing.sealed_to in ("", self._network.fingerprint_of(recipient))
        if outgoing.message.state not in ENDED:
            self._step(message_id, MessageState.STORED)
        if recipient is None or not opens:
            return
        recipient.receive(message_id, letter.body, kind=letter.kind, sender=self._owner, anonymous=letter.anonymous)
        if self._network.receipts and not letter.anonymous:
            self._network.later(self._network.delay_s, lambda: self._step(message_id, MessageState.RECEIVED))

    def _step(self, message_id: MessageId, state: MessageState, detail: str = "") -> None:
        outgoing = self._messages.get(message_id)
        if outgoing is None:
            return
        message, now_s = outgoing.message, self._network.clock.seconds()
        has_left = state not in (MessageState.QUEUED, MessageState.CANCELLED, MessageState.FAILED)
        stored = state in (MessageState.STORED, MessageState.RECEIVED)
        outgoing.message = msgspec.structs.replace(
            message,
            state=state,
            fragments_sent=message.fragments if has_left else message.fragments_sent,
            fragments_acknowledged=message.fragments if stored else 0,
            history=(*message.history, StateChange(at_s=now_s, state=state, detail=detail)),
        )
        self._count += 1
        change = NumberedChange(
            number=self._count,
            message_id=message_id,
            to=message.to,
            kind=message.kind,
            at_s=now_s,
            state=state,
            detail=detail,
        )
        self.changes.append(change)
        self._tell()


def _fragments(letter: Letter) -> int:
    return 1 + len(letter.body) // FRAGMENT_BYTES


def _check_same(earlier: Letter, letter: Letter) -> None:
    if (earlier.to, earlier.body, earlier.kind, earlier.anonymous) != (
        letter.to,
        letter.body,
        letter.kind,
        letter.anonymous,
    ):
        raise ConflictError("that idempotency key was used for a different message")
