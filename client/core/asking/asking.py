"""One request on its way: which part leaves next, with how many reply blocks, and what its answer is.

A request goes through two stages. First its shares leave, until the host answers; then parts without a share leave
whenever the host needs more reply blocks for the rest of the answer. Specification: docs/protocol/mailbox.md,
section 6.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from client.core.asking.blocks import BlockLedger
from client.core.asking.shares import AnswerShares, AnswerTiming
from client.core.asking.spares import coding_for, spare_shares
from client.core.asking.upload import RequestShares
from loopixmix.errors import FormatError
from loopixmix.requests.answers import (
    MAX_SENT,
    AnswerPart,
    AnswerShare,
    RequestFailed,
    RequestOver,
    SharesMissing,
    wanted_shares,
)
from loopixmix.requests.parts import NO_SHARE, PartSize, RequestHead, blocks_beside

MOST_BLOCKS_A_SHARE = 16
"""For each share of request and answer a host gets at most so many reply blocks, twice what a loss of a half takes."""
MOST_BLOCKS_BESIDE = 64
"""And so many for words that are no shares, beside one part for each silence."""
RESUMED_AGAIN = 255
"""How many shares a request that is taken up again wants anew: its answer may have been sent before, and been lost."""


class Done(msgspec.Struct, frozen=True):
    """The answer is complete."""

    body: bytes


Outcome: TypeAlias = Done | RequestFailed | RequestOver


class PartPlan(msgspec.Struct, frozen=True):
    """What the next part is to be. `blocks`: reply blocks beside the one that its packet has anyway."""

    index: int
    blocks: int
    coding: int
    again: int
    report: bool


class RequestProgress(msgspec.Struct, frozen=True):
    """How far a request has come, in parts; `answer_parts` is 0 while the length of the answer is not known."""

    sent: int
    parts: int
    received: int
    answer_parts: int

    @property
    def words(self) -> str:
        """The same for a person."""
        if self.answer_parts:
            return f"{self.received} of {self.answer_parts} parts of the answer came"
        if self.sent == 0:
            return "it could not be sent"
        if self.sent < self.parts:
            return f"{self.sent} of {self.parts} parts of the request were sent"
        return "no answer"


class Asking:
    """Decides for one request. What leaves is first planned, then noted with `on_sent`."""

    def __init__(
        self, head: RequestHead, size: PartSize, *, timing: AnswerTiming, loss: float, resumed: bool = False
    ) -> None:
        """Begin with nothing sent.

        `head`: what all parts say; `size`: the lengths of packets; `timing`: how well times are known; `loss`: the
        probability of loss on one way to allow for from the start, which the host learns; `resumed`: whether parts left
        in an earlier run.
        """
        self._upload = RequestShares(head.pieces, loss=loss)
        self._shares = AnswerShares(size, timing)
        self._blocks = BlockLedger()
        self._timing = timing
        self._loss = loss
        self._beside_share = blocks_beside(head.share_bytes, size)
        self._blocks_a_part = 1 + blocks_beside(0, size)
        self._coding = coding_for(loss)
        self._again = RESUMED_AGAIN if resumed else 0
        self._told_again = 0
        self._silences = 0
        self._most_received = 0
        self._most_blocks = MOST_BLOCKS_BESIDE + MOST_BLOCKS_A_SHARE * head.pieces

    @property
    def attempt(self) -> int:
        """How many times in a row, the next one counted, a word of the host is waited for."""
        return self._silences + 1

    @property
    def progress(self) -> RequestProgress:
        """How far it has come."""
        shares = self._shares
        return RequestProgress(self._upload.sent, self._upload.pieces, shares.received, shares.pieces)

    @property
    def under_way(self) -> int:
        """How many reply blocks may still come back."""
        return self._blocks.under_way(self._shares.in_air)

    def due(self, room: int) -> int:
        """Return how many parts should leave now; `room`: how many more blocks may be under way."""
        if self._upload.waiting:
            return min(self._upload.waiting, self._blocks_left)
        return -(-self._blocks_to_give(room) // self._blocks_a_part)

    def plan(self, room: int) -> PartPlan | None:
        """Return the next part; None if none is to leave now."""
        if self._upload.waiting:
            if self._blocks_left < 1:
                return None
            # A share never waits for room: without it there is no answer, and its packet has a block anyway.
            blocks = min(self._beside_share, max(0, self._own_room(room) - 1))
            return self._plan(self._upload.next_index, blocks, report=self._upload.waiting == 1)
        count = self._blocks_to_give(room)
        # The report: should the host have forgotten the request, it says so.
        return self._plan(NO_SHARE, min(count, self._blocks_a_part) - 1, report=True) if count else None

    def on_sent(self, plan: PartPlan, *, arrives_s: float, ends_s: float) -> int:
        """Note that a planned part left; return the number under which its reply blocks come back.

        `arrives_s`: when it is at the host; `ends_s`: from when on its reply blocks do not work any more.
        """
        if plan.index != NO_SHARE and self._upload.waiting:
            self._upload.on_sent()
        self._told_again = max(self._told_again, plan.again)
        return self._blocks.give(1 + plan.blocks, arrives_s=arrives_s, ends_s=ends_s)

    def on_answer(self, answer: AnswerPart, *, part: int, back_s: float, now_s: float) -> Outcome | None:
        """Take what came by a reply block; return how the request ended, None if it goes on.

        `part`: the number of the part that brought the block; `back_s`: the sum of the delays on the way back.
        """
        self._blocks.came_back(part)
        match answer:
            case AnswerShare():
                return self._take(answer, left_s=now_s - back_s)
            case SharesMissing(received):
                self._upload.on_missing(received)
                return None
            case RequestFailed() | RequestOver():
                return answer

    def on_silence(self) -> None:
        """Note that the host has given no word for so long that something was lost."""
        self._silences += 1
        self._most_blocks += self._blocks_a_part
        self._blocks.write_off()
        self._shares.write_off()
        if not self._shares.pieces:
            self._upload.on_silence()
        # Answers may have been lost that nobody tells of. Doubled, it soon exceeds any number of those.
        self._again = min(2 * self._again + 1, MAX_SENT)

    def refresh(self, now_s: float) -> None:
        """Note what time alone changes: shares that are late, blocks whose epoch has ended."""
        self._blocks.expire(now_s)
        self._shares.settle(now_s)
        self._follow_loss()

    def _take(self, share: AnswerShare, *, left_s: float) -> Done | None:
        self._upload.finish()
        self._silences = 0
        if self._shares.take(share, left_s=left_s, most_missing=self._blocks.given):
            self._blocks.on_held(share.held, left_s - self._timing.unsure_s)
        try:
            body = self._shares.answer()
        except FormatError:
            body = None  # shares that are not of one answer: the host sends others
        if self._shares.received > self._most_received:
            # Different shares only, of one answer: a host that sends one share again and again earns nothing by it.
            self._most_received = self._shares.received
            self._blocks.forgive(self._most_received)
        self._follow_loss()
        return None if body is None else Done(body)

    def _follow_loss(self) -> None:
        """Want as many shares more as are lost, and will be."""
        if self._shares.pieces:
            wanted = self._shares.wanted(self._loss)
            self._again = min(max(self._again, wanted - self._base), MAX_SENT)

    @property
    def _base(self) -> int:
        return wanted_shares(self._shares.pieces, self._coding, 0)

    @property
    def _blocks_left(self) -> int:
        """How many reply blocks the host may still be given in all."""
        return max(0, self._most_blocks + MOST_BLOCKS_A_SHARE * self._shares.pieces - self._blocks.given)

    def _own_room(self, room: int) -> int:
        """Return how many reply blocks this request may give now; `room`: as many as all requests may."""
        # What a host hoards takes the room of its own request only, or it could stop all others.
        return min(room - self._blocks.hoarded(self._shares.in_air), self._blocks_left)

    def _blocks_to_give(self, room: int) -> int:
        """Return how many reply blocks should leave now in parts without a share."""
        if not self._shares.pieces or self._blocks_left < 1:
            return 0
        room = self._own_room(room)
        in_air = self._shares.in_air
        usable = self._blocks.usable(in_air)
        coming = self._shares.wanted(self._loss) - self._shares.sent
        # Blocks get lost on their way there, too, and all those of a packet together: the last ones would be missed.
        lacking = coming + spare_shares(coming, self._loss) - usable
        if lacking < 1:
            # The host may have blocks, and not know that it is to use them.
            return int(self._again > self._told_again and usable > 0)
        if usable < 1:
            # Without a single one nothing comes any more that could make room.
            return min(lacking, max(1, room))
        # Parts with few blocks would take the turns of other packets.
        return min(lacking, room) if room >= min(lacking, self._blocks_a_part) else 0

    def _plan(self, index: int, blocks: int, *, report: bool) -> PartPlan:
        return PartPlan(index, max(0, blocks), self._coding, self._again, report)
