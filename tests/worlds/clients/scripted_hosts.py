"""A host of services in the form of version 2, as the page says it is, and with faults that a test chooses.

The shipped host is in `provider.hosting`. This one forgets, lies and is started again on demand, and knows of no
packets: a test hands it parts and blocks, and is handed what leaves by which block.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from loopixmix.epoch import epoch_at, epoch_start_s
from loopixmix.params import NetworkParams
from loopixmix.requests.answers import (
    AnswerPart,
    AnswerShare,
    RequestFailed,
    RequestOver,
    SharesMissing,
    answer_pieces,
    answer_shares,
    wanted_shares,
)
from loopixmix.requests.coding import MAX_SHARES, decode_shares
from loopixmix.requests.parts import EPOCHS_AHEAD, PartSize, RequestHead, RequestPart, check_content, split_content
from loopixmix.seams import Clock, DelayedCall

BlockT = TypeVar("BlockT")


@dataclass
class Hosted(Generic[BlockT]):
    """What the host knows of one request."""

    head: RequestHead
    shares: dict[int, bytes] = field(default_factory=dict)
    blocks: deque[tuple[BlockT, int]] = field(default_factory=deque)
    answer: bytes | None = None
    failed: bool = False
    coding: int = 0
    again: int = 0
    sent: int = 0
    is_sending: bool = False
    is_settling: bool = False


class ScriptedHost(Generic[BlockT]):
    """Collects parts, asks once, and spends blocks at exponential intervals."""

    def __init__(
        self,
        *,
        clock: Clock,
        rng: random.Random,
        params: NetworkParams,
        size: PartSize,
        ask: Callable[[bytes, bytes], bytes | None],
        send: Callable[[BlockT, AnswerPart], None],
    ) -> None:
        """`ask`: the answer of a service, by its id, to a body; `send`: use a block."""
        self.clock = clock
        self.rng = rng
        self.params = params
        self.size = size
        self.ask = ask
        self.send = send
        self.requests: dict[tuple[bytes, RequestHead], Hosted[BlockT]] = {}
        self.kept: dict[bytes, bytes | None] = {}
        self.asked: list[tuple[bytes, bytes]] = []
        """Each request that was carried out: its id and its body."""
        self.repetition_keys: list[bytes] = []
        self.parts: list[RequestPart] = []
        self.answers_after_s = 0.0
        """How long services take."""
        self.deaf = False
        """Whether parts are taken and never answered."""

        self._calls: list[DelayedCall] = []

    def stop(self) -> None:
        """Send nothing more; no call is left."""
        for call in self._calls:
            if call.active():
                call.cancel()

    @property
    def interval_s(self) -> float:
        return 1 / self.params.free_pulls_per_s

    def restart(self, *, keeps_answers: bool = True) -> None:
        """Forget all that is in memory only."""
        self.requests.clear()
        if not keeps_answers:
            self.kept.clear()

    def take(self, service: bytes, part: RequestPart, blocks: list[BlockT]) -> None:
        """Take a part that came, with the block of its packet and those beside it."""
        self.parts.append(part)
        if self.deaf:
            return
        epoch = epoch_at(self.clock.seconds() - self.params.grace_s, self.params.epoch_length_s)
        ahead = epoch_at(self.clock.seconds() + self.params.grace_s, self.params.epoch_length_s) + EPOCHS_AHEAD
        if not epoch <= part.head.last_epoch <= ahead:
            self.send(blocks[0], RequestOver())
            return
        hosted = self.requests.setdefault((service, part.head), Hosted(part.head))
        hosted.blocks.extend((block, part.blocks_epoch) for block in blocks)
        hosted.coding, hosted.again = max(hosted.coding, part.coding), max(hosted.again, part.again)
        if part.share or part.index < MAX_SHARES:
            hosted.shares[part.index] = part.share
        self._go_on(service, hosted, report=part.report)

    def _later(self, delay_s: float, work: Callable[[], None]) -> None:
        self._calls = [call for call in self._calls if call.active()]
        self._calls.append(self.clock.callLater(delay_s, work))

    def _go_on(self, service: bytes, hosted: Hosted[BlockT], *, report: bool) -> None:
        name = hosted.head.kept_name(service)
        if hosted.answer is None and not hosted.failed:
            if name in self.kept:
                self._answer(hosted, self.kept[name])
            elif len(hosted.shares) >= hosted.head.pieces:
                self._carry_out(service, hosted, name)
            elif report and not hosted.is_settling:
                hosted.is_settling = True
                self._later(4 * self.params.hops * self.params.delay_mean_s + 1, lambda: self._settled(hosted))
        self._send_soon(hosted)

    def _carry_out(self, service: bytes, hosted: Hosted[BlockT], name: bytes) -> None:
        head = hosted.head
        content = decode_shares(hosted.shares, head.content_bytes, head.share_bytes)
        check_content(head, content)
        repetition_key, body = split_content(content)
        self.asked.append((head.request_id, body))
        self.repetition_keys.append(repetition_key)
        self.kept[name] = self.ask(service, body)
        if self.answers_after_s:
            answer = self.kept[name]
            self._later(self.answers_after_s, lambda: self._answer(hosted, answer))
        else:
            self._answer(hosted, self.kept[name])

    def _answer(self, hosted: Hosted[BlockT], answer: bytes | None) -> None:
        hosted.answer, hosted.failed = answer, answer is None
        self._send_soon(hosted)

    def _settled(self, hosted: Hosted[BlockT]) -> None:
        hosted.is_settling = False
        block = self._next_block(hosted) if hosted.answer is None and not hosted.failed else None
        if block is not None and hosted in self.requests.values():
            self.send(block, SharesMissing(frozenset(hosted.shares)))

    def _send_soon(self, hosted: Hosted[BlockT]) -> None:
        if not hosted.is_sending and self._has_more(hosted):
            hosted.is_sending = True
            self._later(self.rng.expovariate(1 / self.interval_s), lambda: self._send_one(hosted))

    def _send_one(self, hosted: Hosted[BlockT]) -> None:
        hosted.is_sending = False
        if hosted not in self.requests.values() or not self._has_more(hosted):
            return
        block = self._next_block(hosted)
        if block is None:
            return
        hosted.sent += 1
        if hosted.answer is None:
            self.send(block, RequestFailed())
        else:
            index = (hosted.sent - 1) % MAX_SHARES
            [share] = answer_shares(hosted.answer, [index], self.size)
            self.send(block, AnswerShare(len(hosted.answer), hosted.sent, len(hosted.blocks), index, share))
        self._send_soon(hosted)

    def _has_more(self, hosted: Hosted[BlockT]) -> bool:
        if hosted.answer is None and not hosted.failed:
            return False
        pieces = 1 if hosted.answer is None else answer_pieces(len(hosted.answer), self.size)
        return bool(hosted.blocks) and hosted.sent < wanted_shares(pieces, hosted.coding, hosted.again)

    def _next_block(self, hosted: Hosted[BlockT]) -> BlockT | None:
        while hosted.blocks:
            block, epoch = hosted.blocks.popleft()
            if self.clock.seconds() < epoch_start_s(epoch + 1, self.params.epoch_length_s) + self.params.grace_s:
                return block
        return None
