"""A node's own loops: packets to a provider's loop service that come back to the node by a reply block.

They are cover, and they show whether the network around the node lets packets through (Loopix 4.2.1).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from math import inf

from twisted.logger import Logger

from loopixmix.cover.plan import LoopMaker, LoopPlan
from loopixmix.cover.poisson import PoissonStream
from loopixmix.cover.timer import PoissonTimer
from loopixmix.directory import Document
from loopixmix.drops import DropReason
from loopixmix.errors import UnavailableError
from loopixmix.seams import Clock, LoopLost, LoopReturned, LoopSent, Network, Observer
from loopixmix.sphinx import PacketError, SurbKeys, open_reply

SETTLING_S = 10.0
"""After the first document that follows on an expired one, others may still be without it, or without links."""
LATE_S = 10.0
"""A loop is lost when it is later than its own delays by this much: links take milliseconds, reconnecting seconds."""

log = Logger()


@dataclass(frozen=True, slots=True)
class _Outstanding:
    """A loop that is under way. It is `excused` if it may be lost though nobody holds it back."""

    plan: LoopPlan
    keys: SurbKeys
    sent_at_s: float
    excused: bool


class LoopSender:
    """Sends the loops of one node, at the network's `node_loop_rate_per_s`, and takes them back.

    The reply keys are in memory only: what comes back after a restart is unknown.
    """

    def __init__(
        self,
        maker: LoopMaker,
        *,
        clock: Clock,
        network: Network,
        observer: Observer,
    ) -> None:
        """`maker`: makes this node's loops. Nothing is sent before `start` and a document with the node in it."""
        self._maker = maker
        self._clock = clock
        self._network = network
        self._observer = observer
        self._document: Document | None = None
        self._timer: PoissonTimer | None = None
        self._started = False
        self._settling_until_s = -inf
        self._outstanding: dict[bytes, _Outstanding] = {}
        self._deadlines: list[tuple[float, bytes]] = []

    @property
    def outstanding(self) -> int:
        """Loops that are under way."""
        return len(self._outstanding)

    def adopt(self, document: Document) -> None:
        """Send by this document from now on, while it is valid; nothing if it does not have this node."""
        now_s = self._clock.seconds()
        if self._document is not None and not self._document.agrees_with(now_s):
            self.excuse()
            self._settling_until_s = now_s + SETTLING_S
        if self._document is None or self._document.params.node_loop_rate_per_s != document.params.node_loop_rate_per_s:
            self._stop_timer()
            stream = PoissonStream(document.params.node_loop_rate_per_s, self._maker.rng)
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

    def excuse(self) -> None:
        """Blame nobody if the loops that are under way are lost: the clock was set, or no document is valid."""
        self._outstanding = {surb_id: replace(loop, excused=True) for surb_id, loop in self._outstanding.items()}

    def returned(self, surb_id: bytes, body: bytes) -> DropReason | None:
        """Take back a loop; return why it is none of ours, or was changed on its way, or None if all is well."""
        loop = self._outstanding.pop(surb_id, None)
        if loop is None:
            return DropReason.UNKNOWN_REPLY
        now_s = self._clock.seconds()
        try:
            open_reply(loop.keys, body, sphinx=self._maker.packet_format.sphinx)
        except PacketError as error:
            self._observer.observe(LoopLost(now_s, loop.excused))
            return error.reason
        round_trip_s = now_s - loop.sent_at_s
        if round_trip_s >= 0:  # else the clock was set back, and there is nothing to learn
            self._observer.observe(LoopReturned(now_s, round_trip_s, loop.plan.delays_s, loop.plan.delay_count))
        return None

    def _run_timer(self) -> None:
        if self._timer is None or self._document is None:
            return
        if self._started and self._document.node(self._maker.identity) is not None:
            self._timer.start()
        else:
            self._timer.stop()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()

    def _due(self) -> None:
        # With each loop that leaves and not by timers of their own: about a dozen loops are under way, and a second
        # more or less until one is missed is little beside ten.
        self._give_up_late()
        try:
            self._send()
        except UnavailableError as error:
            log.warn("no loop was sent: {problem}", problem=str(error))

    def _send(self) -> None:
        document = self._document
        me = None if document is None else document.node(self._maker.identity)
        if document is None or me is None:
            return
        now_s = self._clock.seconds()
        if not document.agrees_with(now_s):
            # It has no keys for now: under those that it has, every next hop would refuse the packet.
            self.excuse()
            return
        loop = self._maker.make(document, me, start_s=now_s)
        if not self._network.send(loop.plan.out[0].id, loop.frame):
            return
        self._outstanding[loop.plan.surb_id] = _Outstanding(
            loop.plan,
            loop.keys,
            now_s,
            # Its last hops come when the document's last keys are over.
            excused=self._is_settling(now_s) or not document.agrees_with(now_s + loop.plan.delays_s),
        )
        heapq.heappush(self._deadlines, (now_s + loop.plan.delays_s + LATE_S, loop.plan.surb_id))
        self._observer.observe(LoopSent(now_s))

    def _is_settling(self, now_s: float) -> bool:
        # Both bounds: a clock that was set back must not make it last.
        return self._settling_until_s - SETTLING_S <= now_s < self._settling_until_s

    def _give_up_late(self) -> None:
        now_s = self._clock.seconds()
        while self._deadlines and self._deadlines[0][0] <= now_s:
            surb_id = heapq.heappop(self._deadlines)[1]
            loop = self._outstanding.pop(surb_id, None)
            if loop is not None:
                self._observer.observe(LoopLost(now_s, loop.excused))
