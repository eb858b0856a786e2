"""One message on its way: a flow of the payload queue, with a job for each fragment whose turn has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from client.api import MessageState
from client.core.delivery import FINISHED, Delivery, Stage
from client.core.packets import MadePacket, PacketMaker
from client.sending.payloads import PayloadJob
from client.store.outgoing import REPLY, MessageRow, StoredFragment, UnfinishedMessage
from loopixmix.errors import UnavailableError

ABSENT_S = 30.0
"""How long a message rests whose recipient's provider is not in the network document."""
EXPIRED = "the reply blocks of the anonymous sender have expired"


class Keeper(Protocol):
    """The part that hears what becomes of fragments: the outbox."""

    def acknowledged(self, message: MessageFlow, position: int, now_s: float) -> None:
        """Note that a fragment is stored at the recipient's provider."""

    def overdue(self, message: MessageFlow, position: int, now_s: float) -> None:
        """Note that no acknowledgement of a fragment came in time."""

    def sent(self, message: MessageFlow, position: int, made: MadePacket | None, now_s: float) -> None:
        """Note that a fragment left; `made` is None for a reply, which is not acknowledged."""

    def resume(self, message: MessageFlow, position: int) -> None:
        """Let a fragment that did not leave take its turn again."""

    def hold(self, message: MessageFlow, position: int) -> None:
        """Hold a fragment until its message's time has come."""

    def fail(self, message: MessageFlow, reason: str, now_s: float) -> None:
        """Give a message up."""


@dataclass(eq=False)
class MessageFlow:
    """A message on its way: one flow of the payload queue."""

    keeper: Keeper
    stored: UnfinishedMessage
    delivery: Delivery
    epochs: Mapping[int, int]
    """Fragments that can be sent in one epoch only."""
    is_draft: bool
    rests_until_s: float = 0.0

    @property
    def row(self) -> MessageRow:
        """The row of its fragments in the store."""
        return self.stored.row

    def take_turn(self, position: int) -> bool:
        """Note that the turn of a fragment has come; false if it is not wanted any more."""
        return self.delivery.move(position, Stage.FETCHING)

    def give_back(self, position: int) -> bool:
        """Note that a fragment could not be read and waits again; false if it is not wanted any more."""
        return self.delivery.move(position, Stage.WAITING)

    def job(self, position: int, stored: StoredFragment | None) -> PayloadJob | None:
        """Return the packet to make of a fragment; None if it is not wanted any more."""
        if stored is None or not self.delivery.move(position, Stage.READY):
            return None
        return FragmentJob(self, position, stored)

    def due(self, epoch: int) -> list[int]:
        """Return the held fragments whose epoch, if they have one, has come."""
        held = self.delivery.held
        return [position for position in held if self.epochs.get(position, epoch) <= epoch] if self.epochs else held

    def is_too_early(self, now_s: float) -> bool:
        """Tell whether it must not begin to leave yet, also if its time had come before the clock was set back."""
        return self.delivery.state is MessageState.QUEUED and now_s < self.stored.not_before_s

    def rests(self, now_s: float) -> bool:
        """Tell whether its recipient's provider was away a short while ago."""
        # Any longer wait comes from a clock that was set back.
        return now_s < self.rests_until_s <= now_s + ABSENT_S

    def failure_reason(self, now_s: float) -> str:
        """Return why it is given up."""
        delivery, deadline_s = self.delivery, self.stored.deadline_s
        acknowledged = f"{delivery.acknowledged} of {delivery.fragments} fragments were acknowledged in time"
        if deadline_s is not None and deadline_s <= now_s:
            if delivery.state is MessageState.QUEUED:
                return "its deadline passed before any of it had left"
            return f"its deadline passed: {acknowledged}"
        if self.stored.form == REPLY:
            return EXPIRED
        if delivery.state is MessageState.QUEUED:
            return "it could not be sent in time"
        return f"given up: {acknowledged}"


@dataclass(frozen=True)
class Acknowledgement:
    """The purpose of a fragment's reply block."""

    message: MessageFlow
    position: int

    def on_answer(self, payload: bytes, now_s: float) -> bool:  # noqa: ARG002 (an acknowledgement says nothing)
        """Take the acknowledgement."""
        self.message.keeper.acknowledged(self.message, self.position, now_s)
        return True

    def on_overdue(self, now_s: float) -> None:
        """Note that it did not come in time."""
        self.message.keeper.overdue(self.message, self.position, now_s)


class FragmentJob:
    """One fragment of a message, fetched."""

    def __init__(self, message: MessageFlow, position: int, stored: StoredFragment) -> None:
        """Send the fragment `stored`, at `position` of `message`, and tell its keeper what became of it."""
        self._message = message
        self._position = position
        self._stored = stored
        self._made: MadePacket | None = None

    @property
    def wanted(self) -> bool:
        """Tell whether it is not acknowledged yet."""
        delivery = self._message.delivery
        return delivery.state not in FINISHED and delivery.is_waiting_for(self._position)

    def make(self, maker: PacketMaker, now_s: float) -> bytes | None:
        """Return the packet of this fragment."""
        message, stored = self._message, self._message.stored
        if stored.give_up_at_s <= now_s:
            # Here, too: between two rounds of the outbox a fragment must not leave after its deadline.
            message.keeper.fail(message, message.failure_reason(now_s), now_s)
            return None
        if message.is_too_early(now_s):
            message.keeper.hold(message, self._position)
            return None
        if stored.form == REPLY:
            return self._reply_packet(maker, now_s)
        if len(self._stored.payload) != maker.geometry.payload_bytes:
            reason = "the network has changed the size of its packets: send it again"
            message.keeper.fail(message, reason, now_s)
            return None
        try:
            self._made = maker.deliver(stored.mailbox, self._stored.payload, provider=stored.provider, now_s=now_s)
        except UnavailableError:
            message.rests_until_s = now_s + ABSENT_S
            message.keeper.hold(message, self._position)
            return None
        return self._made.packet

    def on_sent(self, now_s: float) -> None:
        """Note that it left."""
        self._message.keeper.sent(self._message, self._position, self._made, now_s)

    def on_unsent(self) -> None:
        """Note that it did not leave."""
        self._message.keeper.resume(self._message, self._position)

    def _reply_packet(self, maker: PacketMaker, now_s: float) -> bytes | None:
        epoch = self._stored.epoch
        fits = len(self._stored.payload) == maker.geometry.packet_bytes
        if not fits or epoch is None or epoch < maker.epoch(now_s):
            self._message.keeper.fail(self._message, EXPIRED, now_s)
            return None
        return self._stored.payload
