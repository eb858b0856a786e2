"""One request and its host without a network: ways that take as long as packets do, and lose and reorder them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from client.core.asking.asking import Asking, Done, Outcome
from client.core.asking.shares import answer_timing
from client.core.retry import round_trip_policy
from loopixmix.params import NetworkParams
from loopixmix.requests.answers import AnswerPart
from loopixmix.requests.coding import encode_shares
from loopixmix.requests.parts import NO_SHARE, RequestHead, RequestPart, request_content, request_head
from loopixmix.sphinx import Geometry
from simulations.world.clock import EventClock
from tests.worlds.clients.scripted_hosts import ScriptedHost
from tests.worlds.networks.models import NOW_S

SERVICE = bytes(32)


@dataclass(frozen=True)
class Block:
    """A reply block: the part that brought it, and how long its way takes."""

    part: int
    back_s: float


class AskedHost:
    """A client that sends one request to a `ScriptedHost`, in virtual time; each way loses a share of the packets."""

    def __init__(
        self,
        body: bytes,
        answer: bytes | None,
        *,
        params: NetworkParams | None = None,
        seed: int = 1,
        loss: float = 0.0,
        known_loss: float | None = None,
        start_s: float = NOW_S,
        epochs: int = 1,
        resumed: bool = False,
    ) -> None:
        self.params = params or NetworkParams()
        self.size = Geometry.for_network(self.params)
        self.rng = random.Random(seed)
        self.clock = EventClock(start_s)
        self.loss = loss
        self.answer = answer
        self.content = request_content(self.rng.randbytes(16), body)
        last_epoch = int(start_s // self.params.epoch_length_s) + epochs
        self.head: RequestHead = request_head(
            self.rng.randbytes(16), self.content, last_epoch=last_epoch, size=self.size
        )
        self.known_loss = loss if known_loss is None else known_loss
        self.asking = self.make_asking(resumed=resumed)
        self.host: ScriptedHost[Block] = ScriptedHost(
            clock=self.clock,
            rng=self.rng,
            params=self.params,
            size=self.size,
            ask=lambda service, body: self.answer,
            send=self.send_back,
        )
        self.policy = round_trip_policy(self.params, longest_s=3600.0)
        self.window = int(self.params.free_pulls_per_s * self.policy.first_s)
        self.most_under_way = 0
        self.outcome: Outcome | None = None
        self.ended_s = 0.0
        self.word_due_s = start_s + self.policy.first_s
        self.sent = 0
        self.received = 0
        self.mailbox: list[tuple[Block, AnswerPart]] = []
        self.on_part: Callable[[RequestPart], None] = lambda part: None
        """Called for each part that leaves."""
        self.clock.callLater(self.rng.expovariate(self.params.payload_rate_per_s), self.turn)
        self.clock.callLater(self.rng.random() / self.params.pull_rate_per_s, self.pull)

    def make_asking(self, *, resumed: bool = False) -> Asking:
        return Asking(self.head, self.size, timing=answer_timing(self.params), loss=self.known_loss, resumed=resumed)

    def run(self, limit_s: float) -> Outcome | None:
        self.clock.run_for(limit_s, until=lambda: self.outcome is not None)
        return self.outcome

    @property
    def body(self) -> bytes | None:
        return self.outcome.body if isinstance(self.outcome, Done) else None

    def way_s(self) -> float:
        return sum(self.rng.expovariate(1 / self.params.delay_mean_s) for _ in range(self.params.layers + 1))

    def turn(self) -> None:
        """The payload stream has its turn."""
        if self.outcome is not None:
            return
        self.clock.callLater(self.rng.expovariate(self.params.payload_rate_per_s), self.turn)
        room = self.window - self.asking.under_way
        plan = self.asking.plan(room)
        assert (plan is not None) == (self.asking.due(room) > 0)
        if plan is None:
            return
        there_s, now_s = self.way_s(), self.clock.seconds()
        arrives_s = now_s + there_s
        epoch = int(arrives_s // self.params.epoch_length_s)
        ends_s = (epoch + 1) * self.params.epoch_length_s + float(self.params.grace_s)
        number = self.asking.on_sent(plan, arrives_s=arrives_s, ends_s=ends_s)
        share = b""
        if plan.index != NO_SHARE:
            [share] = encode_shares(self.content, self.head.share_bytes, [plan.index])
        ends = max(0, self.head.last_epoch - epoch)
        part = RequestPart(self.head, plan.index, share, (), ends, plan.coding, plan.again, plan.report)
        blocks = [Block(number, self.way_s()) for _ in range(1 + plan.blocks)]
        self.sent += 1
        self.word_due_s = now_s + self.policy.timeout_s(self.asking.attempt, self.rng.random())
        self.most_under_way = max(self.most_under_way, self.asking.under_way)
        self.on_part(part)
        if self.rng.random() >= self.loss:
            self.clock.callLater(there_s + 0.02, self.host.take, SERVICE, part, blocks)

    def send_back(self, block: Block, answer: AnswerPart) -> None:
        if self.rng.random() >= self.loss:
            self.clock.callLater(block.back_s + 0.02, self.put, block, answer)

    def put(self, block: Block, answer: AnswerPart) -> None:
        self.mailbox.append((block, answer))

    def pull(self) -> None:
        """Take what lies in the mailbox, and look what time has changed."""
        if self.outcome is not None:
            return
        now_s = self.clock.seconds()
        self.clock.callLater(1 / self.params.pull_rate_per_s, self.pull)
        batch, self.mailbox = self.mailbox[: self.params.pull_batch], self.mailbox[self.params.pull_batch :]
        for block, answer in batch:
            self.received += 1
            outcome = self.asking.on_answer(answer, part=block.part, back_s=block.back_s, now_s=now_s)
            self.word_due_s = now_s + self.policy.timeout_s(self.asking.attempt, self.rng.random())
            if outcome is not None:
                self.outcome, self.ended_s = outcome, now_s
                return
        self.asking.refresh(now_s)
        room = self.window - self.asking.under_way
        if now_s >= self.word_due_s:
            if not self.asking.due(room):
                self.asking.on_silence()
            self.word_due_s = now_s + self.policy.timeout_s(self.asking.attempt, self.rng.random())
