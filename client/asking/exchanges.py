"""Requests that are under way: each is a flow of the payload queue, and all share the room for reply blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from twisted.internet.defer import Deferred

from client.core.asking.asking import Asking, Outcome, PartPlan, RequestProgress
from client.core.asking.shares import answer_timing
from client.core.asking.steps import LossStep
from client.core.expectation import Expectations, Expected
from client.core.packets import SURB_ID_BYTES, GivenBlock, MadePart, PacketMaker
from client.link.session import Session
from client.sending.payloads import PayloadJob, PayloadQueue
from client.store.outgoing import StoredFragment
from loopixmix.epoch import epoch_start_s
from loopixmix.errors import FormatError, UnavailableError
from loopixmix.requests.answers import RequestOver, decode_answer
from loopixmix.requests.coding import encode_shares
from loopixmix.requests.parts import NO_SHARE, RequestHead, RequestPart, encode_part, request_head
from loopixmix.routing.path import service_id
from loopixmix.seams import Identity, Rng
from loopixmix.sphinx import Geometry


class LossSource(Protocol):
    """The part of the client that sees how many packets get lost."""

    @property
    def way_loss(self) -> float:
        """The probability that a packet is lost on one way."""

    @property
    def ended(self) -> int:
        """How many loops this was measured by."""


class Question(msgspec.Struct, frozen=True):
    """A request to send: the name of the service and the provider that hosts it, the content and the last epoch.

    `resumed`: whether parts of it left in an earlier run.
    """

    request_id: bytes
    service: str
    provider: Identity
    content: bytes
    last_epoch: int
    resumed: bool = False

    def __repr__(self) -> str:
        return f"Question({self.service}, {len(self.content)} bytes)"


@dataclass(frozen=True)
class _Answer:
    """The purpose of one reply block of a request."""

    exchange: Exchange
    part: int
    block: GivenBlock

    def on_answer(self, payload: bytes, now_s: float) -> bool:
        return self.exchange.exchanges.answered(self, payload, now_s)

    def on_overdue(self, now_s: float) -> None:
        """Nothing: not a block, but the next word of the host is waited for."""


@dataclass(eq=False)
class Exchange:
    """One request with its answer: a flow of the payload queue, whose parts are made when their turn comes."""

    exchanges: Exchanges
    question: Question
    head: RequestHead
    geometry: Geometry
    asking: Asking
    alarm: bytes
    """Under this the next word of the host is waited for."""
    outcome: Deferred[Outcome] = field(init=False, default_factory=Deferred)
    waiting: int = field(init=False, default=0)
    """How many turns it waits for."""
    next_position: int = field(init=False, default=0)
    blocks: set[bytes] = field(init=False, default_factory=set)
    """The ids of its reply blocks that have not come back."""

    @property
    def progress(self) -> RequestProgress:
        """How far it has come."""
        return self.asking.progress

    @property
    def row(self) -> None:
        """Nothing: its parts are in no store."""

    def take_turn(self, position: int) -> bool:  # noqa: ARG002 (all turns are alike)
        self.waiting -= 1
        return self.exchanges.wants_turn(self)

    def give_back(self, position: int) -> bool:  # noqa: ARG002 (all turns are alike)
        self.waiting += 1
        return True

    def job(self, position: int, stored: StoredFragment | None) -> PayloadJob:  # noqa: ARG002 (all turns are alike)
        return PartJob(self.exchanges, self)

    def on_overdue(self, now_s: float) -> None:
        self.exchanges.silent(self, now_s)


class Exchanges:
    """All requests that are under way."""

    def __init__(
        self, *, session: Session, queue: PayloadQueue, expectations: Expectations, loss: LossSource, rng: Rng
    ) -> None:
        """Begin without requests.

        `session`: the network whose services are asked; `queue`: where parts take turns with messages; `expectations`:
        where answers are waited for; `loss`: tells how many spares are needed; `rng`: names what is waited for.
        """
        self._session = session
        self._queue = queue
        self._expectations = expectations
        self._loss = loss
        self._step = LossStep()
        self._rng = rng
        self._under_way: dict[Exchange, int] = {}
        self._total_under_way = 0

    def begin(self, question: Question) -> Exchange:
        """Let a request take its turns; `Exchange.outcome` fires when it has ended, unless `end` comes first.

        Raises `UnavailableError` before the first network document.
        """
        params, packet_format = self._session.known.params, self._session.known.packet_format
        if params is None or packet_format is None:
            raise UnavailableError("there is no network document yet")
        geometry = packet_format.sphinx.geometry
        head = request_head(question.request_id, question.content, last_epoch=question.last_epoch, size=geometry)
        asking = Asking(
            head,
            geometry,
            timing=answer_timing(params),
            loss=self._step.loss,
            resumed=question.resumed,
        )
        exchange = Exchange(self, question, head, geometry, asking, self._rng.randbytes(SURB_ID_BYTES))
        self._under_way[exchange] = 0
        self._update(exchange)
        return exchange

    def end(self, exchange: Exchange) -> None:
        """Send nothing more of a request, and wait for nothing."""
        if exchange not in self._under_way:
            return
        self._total_under_way -= self._under_way.pop(exchange)
        self._queue.remove(exchange)
        self._expectations.settle(exchange.alarm)
        for surb_id in exchange.blocks:
            self._expectations.settle(surb_id)
        self._wake_others()

    def refresh(self) -> None:
        """See what time alone has changed; called at each pull while there is a link."""
        now_s = self._session.now_s
        # At a pull, not when a request begins: when the step is chosen has nothing to do with what the user does.
        self._step.look(self._loss.way_loss, loops=self._loss.ended, now_s=now_s)
        for exchange in list(self._under_way):
            # By a clock that is wrong none is over: asked anew, a request that is under way would be carried out twice.
            if self._session.is_time_agreed and self._is_over(exchange, now_s):
                self._finish(exchange, RequestOver())
                continue
            exchange.asking.refresh(now_s)
            self._update(exchange)

    # The methods below are for the exchanges, their jobs and expectations.

    def is_open(self, exchange: Exchange) -> bool:
        """Tell whether a request has not ended."""
        return exchange in self._under_way

    def wants_turn(self, exchange: Exchange) -> bool:
        """Tell whether a part of a request should leave now."""
        return self.is_open(exchange) and exchange.asking.due(self._room) > 0

    def plan(self, exchange: Exchange) -> PartPlan | None:
        """Return what the next part of a request is; None if none is to leave now."""
        return exchange.asking.plan(self._room) if self.is_open(exchange) else None

    def give_up(self, exchange: Exchange) -> None:
        """End a request whose parts do not fit into the network's packets any more."""
        self._finish(exchange, RequestOver())

    def sent(self, exchange: Exchange, plan: PartPlan, made: MadePart, now_s: float) -> None:
        """Note that a part left."""
        params = self._session.known.params
        if params is None or not self.is_open(exchange):
            return
        ends_s = epoch_start_s(made.epoch + 1, params.epoch_length_s) + float(params.grace_s)
        part = exchange.asking.on_sent(plan, arrives_s=made.arrives_s, ends_s=ends_s)
        for block in made.blocks:
            exchange.blocks.add(block.surb_id)
            self._expectations.expect(block.surb_id, Expected(_Answer(exchange, part, block), block.keys), None)
        self._await_word(exchange, now_s)
        self._update(exchange)

    def answered(self, answer: _Answer, payload: bytes, now_s: float) -> bool:
        """Take what came by a reply block; false if it is none of the answers that there are."""
        exchange = answer.exchange
        try:
            part = decode_answer(payload, exchange.geometry)
        except FormatError:
            return False
        exchange.blocks.discard(answer.block.surb_id)
        if not self.is_open(exchange):
            return True
        outcome = exchange.asking.on_answer(part, part=answer.part, back_s=answer.block.back_s, now_s=now_s)
        if outcome is not None:
            self._finish(exchange, outcome)
            return True
        self._await_word(exchange, now_s)
        self._update(exchange)
        self._wake_others()
        return True

    def silent(self, exchange: Exchange, now_s: float) -> None:
        """Note that nothing was heard of a request for too long."""
        if not self.is_open(exchange):
            return
        # While something of it waits for its turn, the silence says nothing.
        if not self.wants_turn(exchange):
            exchange.asking.on_silence()
        self._await_word(exchange, now_s)
        self._update(exchange)

    def resume(self, exchange: Exchange) -> None:
        """Let a request take its turn again whose part did not leave."""
        if self.is_open(exchange):
            self._update(exchange)

    @property
    def _room(self) -> int:
        """How many reply blocks more may be under way: as many as come back while one waits for an answer."""
        params = self._session.known.params
        if params is None:
            return 0
        # More would wait in the mailbox, behind each other and before the mail.
        return int(params.free_pulls_per_s * self._session.known.policy.first_s) - self._total_under_way

    def _update(self, exchange: Exchange) -> None:
        """Count the blocks of a request, and let it wait for as many turns as it has parts to send."""
        under_way = exchange.asking.under_way
        self._total_under_way += under_way - self._under_way[exchange]
        self._under_way[exchange] = under_way
        self._let_wait(exchange)

    def _let_wait(self, exchange: Exchange) -> None:
        lacking = exchange.asking.due(self._room) - exchange.waiting
        if lacking > 0:
            first = exchange.next_position
            exchange.next_position += lacking
            exchange.waiting += lacking
            self._queue.add(exchange, range(first, first + lacking))

    def _wake_others(self) -> None:
        """Let those take turns for which there was no room."""
        for exchange in self._under_way:
            if exchange.waiting == 0 and exchange.progress.answer_parts:
                self._let_wait(exchange)

    def _await_word(self, exchange: Exchange, now_s: float) -> None:
        deadline_s = now_s + self._session.retry_in_s(exchange.asking.attempt)
        self._expectations.await_word(exchange.alarm, exchange, deadline_s)

    def _is_over(self, exchange: Exchange, now_s: float) -> bool:
        params = self._session.known.params
        if params is None:
            return False
        return now_s > epoch_start_s(exchange.head.last_epoch + 1, params.epoch_length_s) + params.grace_s

    def _finish(self, exchange: Exchange, outcome: Outcome) -> None:
        self.end(exchange)
        if not exchange.outcome.called:
            exchange.outcome.callback(outcome)


class PartJob:
    """One part of a request, made of what is known when it leaves."""

    def __init__(self, exchanges: Exchanges, exchange: Exchange) -> None:
        """Send the next part of `exchange`, and tell `exchanges` what became of it."""
        self._exchanges = exchanges
        self._exchange = exchange
        self._plan: PartPlan | None = None
        self._made: MadePart | None = None

    @property
    def wanted(self) -> bool:
        """Tell whether there is a part to send."""
        return self._exchanges.wants_turn(self._exchange)

    def make(self, maker: PacketMaker, now_s: float) -> bytes | None:
        """Return a packet with the next part."""
        exchange = self._exchange
        if maker.geometry != exchange.geometry:
            self._exchanges.give_up(exchange)
            return None
        self._plan = plan = self._exchanges.plan(exchange)
        if plan is None:
            return None

        def encode(blocks: Sequence[bytes], epoch: int) -> bytes:
            return _encoded(exchange, plan, blocks, epoch)

        question = exchange.question
        try:
            self._made = maker.part(
                service_id(question.service),
                provider=question.provider,
                blocks=plan.blocks,
                encode=encode,
                now_s=now_s,
            )
        except UnavailableError:
            return None  # its host left the network; it may come back with the next document
        return self._made.packet

    def on_sent(self, now_s: float) -> None:
        """Note that it left."""
        if self._made is not None and self._plan is not None:
            self._exchanges.sent(self._exchange, self._plan, self._made, now_s)

    def on_unsent(self) -> None:
        """Note that it did not leave."""
        self._exchanges.resume(self._exchange)


def _encoded(exchange: Exchange, plan: PartPlan, blocks: Sequence[bytes], epoch: int) -> bytes:
    head = exchange.head
    share = b""
    if plan.index != NO_SHARE:
        [share] = encode_shares(exchange.question.content, head.share_bytes, [plan.index])
    part = RequestPart(
        head,
        plan.index,
        share,
        tuple(blocks),
        # A packet that arrives after the last epoch comes too late anyway.
        max(0, head.last_epoch - epoch),
        plan.coding,
        plan.again,
        plan.report,
    )
    return encode_part(part, exchange.geometry)
