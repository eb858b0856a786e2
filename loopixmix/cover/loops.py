"""A node's own loops: packets to a provider's loop service that come back to the node by a reply block.

They are cover, and they show whether the network around the node lets packets through (Loopix 4.2.1).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from twisted.logger import Logger

from loopixmix.cover.poisson import PoissonStream
from loopixmix.cover.timer import PoissonTimer
from loopixmix.directory import Document, NodeEntry
from loopixmix.errors import UnavailableError
from loopixmix.routing.packets import PacketFormat
from loopixmix.routing.path import (
    LOOP_PAYLOAD,
    LOOP_SERVICE,
    choose_loop_end,
    choose_mixes,
    deliver_to,
    draw_delays_s,
    hops_for,
    service_id,
)
from loopixmix.seams import (
    Clock,
    DropReason,
    LoopLost,
    LoopReturned,
    LoopSent,
    Network,
    NodeId,
    Observer,
    Rng,
)
from loopixmix.sphinx import PacketError, Reply, Sphinx, SurbKeys, make_surb, open_reply, wrap

LATE_S = 10.0
"""A loop is lost when it is later than its own delays by this much: links take milliseconds, reconnecting seconds."""

SURB_ID_BYTES = 8

log = Logger()


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """What was drawn for one loop: out to the node that ends it, and back."""

    out: tuple[NodeEntry, ...]
    back: tuple[NodeEntry, ...]
    out_delays_s: tuple[float, ...]
    back_delays_s: tuple[float, ...]
    surb_id: bytes

    @property
    def delays_s(self) -> float:
        """The sum of all delays."""
        return sum(self.out_delays_s) + sum(self.back_delays_s)

    @property
    def delay_count(self) -> int:
        """How many delays there are."""
        return len(self.out_delays_s) + len(self.back_delays_s)


def draw_loop(document: Document, me: NodeEntry, rng: Rng) -> LoopPlan:
    """Draw a loop of the node `me`, which is in `document`.

    A mix of layer i sends on to layer i + 1 and gets it back from layer i - 1, as it does with everybody's packets; a
    provider's loop crosses all layers both ways. Raises `UnavailableError` where no provider ends loops.
    """
    layers = document.params.layers
    end = choose_loop_end(document, rng)
    out = (*choose_mixes(document, range((me.layer or 0) + 1, layers + 1), rng), end)
    back = (end, *choose_mixes(document, range(1, me.layer or layers + 1), rng), me)
    return LoopPlan(
        out=out,
        back=back,
        out_delays_s=draw_delays_s(len(out) - 1, document.params, rng),
        back_delays_s=draw_delays_s(len(back) - 1, document.params, rng),
        surb_id=rng.randbytes(SURB_ID_BYTES),
    )


def wrap_loop(
    plan: LoopPlan, document: Document, *, node_id: NodeId, start_s: float, sphinx: Sphinx, rng: Rng
) -> tuple[bytes, SurbKeys]:
    """Return the packet of a loop and the keys that open what comes back."""
    turn_s = start_s + sum(plan.out_delays_s)
    reply = Reply(node_id, plan.surb_id)
    back = hops_for(document, plan.back, reply, plan.back_delays_s, start_s=turn_s)
    surb, keys = make_surb(plan.back[0].id, back, sphinx=sphinx, rng=rng)
    final = deliver_to(service_id(LOOP_SERVICE), LOOP_PAYLOAD, surb)
    out = hops_for(document, plan.out, final, plan.out_delays_s, start_s=start_s)
    return wrap(out, LOOP_PAYLOAD, sphinx=sphinx, rng=rng, surb=surb), keys


@dataclass(frozen=True, slots=True)
class _Outstanding:
    """A loop that is under way."""

    plan: LoopPlan
    keys: SurbKeys
    sent_at_s: float


class LoopSender:
    """Sends the loops of one node, at the network's `node_loop_rate_per_s`, and takes them back.

    The reply keys are in memory only: what comes back after a restart is unknown.
    """

    def __init__(
        self,
        *,
        node_id: NodeId,
        packet_format: PacketFormat,
        clock: Clock,
        network: Network,
        rng: Rng,
        observer: Observer,
    ) -> None:
        """Take the node's id and the seams; nothing is sent before `start` and a document with the node in it."""
        self._node_id = node_id
        self._sphinx = packet_format.sphinx
        self._frames = packet_format.frames
        self._clock = clock
        self._network = network
        self._rng = rng
        self._observer = observer
        self._document: Document | None = None
        self._timer: PoissonTimer | None = None
        self._started = False
        self._outstanding: dict[bytes, _Outstanding] = {}
        self._deadlines: list[tuple[float, bytes]] = []

    @property
    def outstanding(self) -> int:
        """Loops that are under way."""
        return len(self._outstanding)

    def adopt(self, document: Document) -> None:
        """Send by this document from now on; nothing where it does not have this node."""
        if self._document is None or self._document.params.node_loop_rate_per_s != document.params.node_loop_rate_per_s:
            self._stop_timer()
            stream = PoissonStream(document.params.node_loop_rate_per_s, self._rng)
            self._timer = PoissonTimer(stream, clock=self._clock, on_due=self._due)
        self._document = document
        self._run_timer()

    def start(self) -> None:
        """Begin to send."""
        self._started = True
        self._run_timer()

    def stop(self) -> None:
        """Send no more and forget what is under way; no call is left."""
        self._started = False
        self._stop_timer()
        self._outstanding.clear()
        self._deadlines.clear()

    def returned(self, surb_id: bytes, body: bytes) -> DropReason | None:
        """Take back a loop; return why it is none of ours, or was changed on its way, or None where all is well."""
        loop = self._outstanding.pop(surb_id, None)
        if loop is None:
            return DropReason.UNKNOWN_REPLY
        now_s = self._clock.seconds()
        try:
            open_reply(loop.keys, body, sphinx=self._sphinx)
        except PacketError as error:
            self._observer.observe(LoopLost(now_s))
            return error.reason
        round_trip_s = now_s - loop.sent_at_s
        if round_trip_s >= 0:  # else the clock was set back, and there is nothing to learn
            self._observer.observe(LoopReturned(now_s, round_trip_s, loop.plan.delays_s, loop.plan.delay_count))
        return None

    def _run_timer(self) -> None:
        if self._timer is None or self._document is None:
            return
        if self._started and self._document.node(self._node_id) is not None:
            self._timer.start()
        else:
            self._timer.stop()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()

    def _due(self) -> None:
        self._give_up_late()
        try:
            self._send()
        except UnavailableError as error:
            log.warn("no loop was sent: {problem}", problem=str(error))

    def _send(self) -> None:
        document = self._document
        me = None if document is None else document.node(self._node_id)
        if document is None or me is None:
            return
        now_s = self._clock.seconds()
        plan = draw_loop(document, me, self._rng)
        packet, keys = wrap_loop(
            plan, document, node_id=self._node_id, start_s=now_s, sphinx=self._sphinx, rng=self._rng
        )
        if not self._network.send(plan.out[0].id, self._frames.packet_frame(packet)):
            return
        self._outstanding[plan.surb_id] = _Outstanding(plan, keys, now_s)
        heapq.heappush(self._deadlines, (now_s + plan.delays_s + LATE_S, plan.surb_id))
        self._observer.observe(LoopSent(now_s))

    def _give_up_late(self) -> None:
        now_s = self._clock.seconds()
        while self._deadlines and self._deadlines[0][0] <= now_s:
            surb_id = heapq.heappop(self._deadlines)[1]
            if self._outstanding.pop(surb_id, None) is not None:
                self._observer.observe(LoopLost(now_s))
