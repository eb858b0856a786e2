"""Packets whose path ends at this provider: into a mailbox, to a hosted service, or away.

A sender learns the same from a known and an unknown recipient: an item is acknowledged, by the reply block that came
with it, once it is on the disk; an item for an unknown recipient takes the same way. Nothing is acknowledged that could
be lost.
"""

from __future__ import annotations

from functools import partial

import msgspec
from twisted.python.failure import Failure

from loopixmix.cover.loops import LoopSender
from loopixmix.drops import DropReason
from loopixmix.hop.mixing import Arrived
from loopixmix.routing.path import recipient_of
from loopixmix.seams import Clock, Identity
from loopixmix.sphinx import Deliver, Discard, PacketError, Reply, Sphinx, Surb, open_payload
from loopixmix.wire import SURB_ID_BYTES, ItemKind
from provider.drops import Drops
from provider.hosting.host import ServiceHost
from provider.mailbox import day_of
from provider.replies import ReplyBlocks
from provider.store.access import MailAccess
from provider.store.items import NewItem, PutOutcome

MAX_WAITING = 16_384
"""Changes that wait for the disk, at most some 40 MB; more are dropped as `OVERLOADED`."""
ACKNOWLEDGEMENT = b""
"""The payload of a reply that says: stored."""


class DeliveryCounts(msgspec.Struct):
    """The packets that ended here since the start, by what became of them."""

    stored: int = 0
    unknown: int = 0
    full: int = 0
    asked: int = 0
    discarded: int = 0


class Deliveries:
    """Takes the packets that end at one provider."""

    def __init__(
        self,
        *,
        identity: Identity,
        sphinx: Sphinx,
        access: MailAccess,
        host: ServiceHost,
        loops: LoopSender,
        blocks: ReplyBlocks,
        drops: Drops,
        clock: Clock,
    ) -> None:
        """`access`, `host`, `loops` and `drops` are where packets end: the store, services, own loops, nowhere.

        `identity`: ours. `blocks`: uses the reply blocks of items that are stored. `clock`: tells the day on which an
        item came.
        """
        self._identity = identity
        self._blocks = blocks
        self._sphinx = sphinx
        self._access = access
        self._host = host
        self._loops = loops
        self._drops = drops
        self._clock = clock
        self.counts = DeliveryCounts()

    def arrived(self, arrived: Arrived) -> DropReason | None:
        """Take a packet; return why it is dropped, or None if it is taken (later drops are observed)."""
        match arrived.command:
            case Discard():
                self.counts.discarded += 1
                return None
            case Reply(recipient, surb_id) if recipient == self._identity:
                return self._loops.returned(surb_id, arrived.body)
            case Reply(recipient, surb_id):
                return self._store(recipient, ItemKind.REPLY, surb_id, arrived.body, None)
            case Deliver() as command:
                return self._deliver(command, arrived)

    def _deliver(self, command: Deliver, arrived: Arrived) -> DropReason | None:
        try:
            content = open_payload(arrived.payload_key, arrived.body, sphinx=self._sphinx)
        except PacketError as error:
            return error.reason
        # Only now: the address in the command is hidden under the content, so that a body changed on its way leads to
        # no recipient.
        recipient = recipient_of(command, content)
        if self._host.is_service(recipient):
            self.counts.asked += 1
            return self._host.take(recipient, content.payload, content.surb)
        # Before the recipient is looked up, so that known and unknown ones refuse alike.
        if len(content.payload) != self._sphinx.geometry.payload_bytes:
            return DropReason.BAD_PAYLOAD
        return self._store(recipient, ItemKind.MESSAGE, bytes(SURB_ID_BYTES), content.payload, content.surb)

    def _store(
        self, recipient: bytes, kind: ItemKind, surb_id: bytes, body: bytes, surb: Surb | None
    ) -> DropReason | None:
        # A queue without end would use up the memory while the disk is slow, and lose all of it at once.
        if self._access.waiting >= MAX_WAITING:
            return DropReason.OVERLOADED
        item = NewItem(recipient, kind, surb_id, body, day_of(self._clock.seconds()))
        self._access.put(item).addCallbacks(partial(self._stored, surb), self._not_stored)
        return None

    def _stored(self, surb: Surb | None, outcome: PutOutcome) -> None:
        match outcome:
            case PutOutcome.MAILBOX_FULL:
                self.counts.full += 1
                self._drops.count(DropReason.MAILBOX_FULL)
                return
            case PutOutcome.STORED:
                self.counts.stored += 1
            case PutOutcome.UNKNOWN_RECIPIENT:
                self.counts.unknown += 1
        # Also for an unknown recipient: an acknowledgement that only mailboxes send would tell who has one.
        self._blocks.use(surb, ACKNOWLEDGEMENT)

    def _not_stored(self, _: Failure) -> None:
        self._drops.count(DropReason.STORE_FAILED)
