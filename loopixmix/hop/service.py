"""The work of every node on packets: unwrap, refuse replays, hold for the delay, send on.

Mixes and providers share it. Packets whose path ends here are given to a callback.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from twisted.logger import Logger

from loopixmix.directory import Document
from loopixmix.drops import DropReason
from loopixmix.hop.departures import Departures
from loopixmix.hop.intake import Intake
from loopixmix.hop.mixing import Arrived, Forward, Mixer
from loopixmix.hop.unwrapping import Results
from loopixmix.hop.waiting import Waiting
from loopixmix.routing.path import Neighbourhood
from loopixmix.seams import Clock, DelayedCall, Identity, Observer, PacketDelivered, PacketDropped, PacketIn
from loopixmix.sphinx import Unwrapped

ArrivedCallback: TypeAlias = Callable[[Arrived], DropReason | None]
"""Takes a packet whose path ends here; returns why it is dropped, or None if it is taken."""

log = Logger()


class HopService:
    """The packets of one node."""

    def __init__(
        self,
        neighbourhood: Neighbourhood,
        *,
        intake: Intake,
        departures: Departures,
        clock: Clock,
        observer: Observer,
    ) -> None:
        """`neighbourhood`: this node among the others; kept up to date here. `intake`, `departures`: the two ends.

        Nothing is forwarded before `adopt` has told a network document. Every packet is observed: as `PacketIn` and
        later `PacketOut`, as `PacketIn` and `PacketDelivered`, or as `PacketDropped`.
        """
        self.neighbourhood = neighbourhood
        self.identity = neighbourhood.identity
        self._intake = intake
        self._departures = departures
        self._clock = clock
        self._observer = observer
        self._arrived: ArrivedCallback | None = None
        self._mixer = Mixer(max_delay_s=0.0, next_hops=())
        self._taking = True
        self._own: list[bytes] = []
        self._own_call: DelayedCall | None = None

    @property
    def queue(self) -> int:
        """Packets in this node: those that wait to be unwrapped and those that wait for their delay."""
        return len(self._own) + len(self._intake) + len(self._departures)

    @property
    def idle(self) -> bool:
        """Tell whether no packet is in this node."""
        return not self._own and self._intake.idle and not len(self._departures)

    def adopt(self, document: Document) -> None:
        """Take up a network document, of the present epoch or already of the next.

        Packets may go where it, or the one before or after it, lets them.
        """
        neighbourhood = self.neighbourhood
        neighbourhood.add(document)
        self._mixer = Mixer(max_delay_s=neighbourhood.max_delay_s, next_hops=neighbourhood.next_hops)
        self._intake.adopt(document.params.delay_mean_s)

    def start(self, arrived: ArrivedCallback) -> None:
        """Begin to take packets; `arrived` gets those whose path ends here."""
        self._arrived = arrived
        self._intake.start(self._settle_batch)

    def stop(self) -> None:
        """Stop at once: packets in this node are lost, and no call is left."""
        self._arrived = None
        self._own.clear()
        if self._own_call is not None:
            self._own_call.cancel()
            self._own_call = None
        self._intake.stop()
        self._departures.clear()

    def stop_taking(self) -> None:
        """Take no packet any more, for good, and let those that are here leave in their time."""
        self._taking = False

    def takes_from(self, peer: Identity) -> bool:
        """Tell whether `peer` stands before this node, so that packets come from it (see `Neighbourhood`)."""
        return self.neighbourhood.takes_from(peer, self._clock.seconds())

    def take(self, peer: Identity, packets: Sequence[bytes]) -> None:
        """Take packets that `peer` sent and may send; nothing while the service does not run."""
        if self._taking:
            self._intake.add(peer, packets)

    def take_in_order(self, peer: Identity, packets: Sequence[bytes]) -> None:
        """Take packets that `peer` sent, or drop and count them if it does not stand before this node."""
        now_s = self._clock.seconds()
        if self.neighbourhood.takes_from(peer, now_s):
            if self._taking:
                self._intake.add(peer, packets)
            return
        for _ in packets:
            self._observer.observe(PacketDropped(now_s, DropReason.UNKNOWN_PREVIOUS_HOP))

    def inject(self, packets: Sequence[bytes]) -> None:
        """Take packets of this node's own, as if they had come to it: replies whose first hop it is.

        They are taken when the turn of the reactor ends, those of one turn together.
        """
        if self._arrived is None or not self._taking:
            return
        # A turn has many under load: acknowledgements of a commit, answers of a batch. Unwrapped one by one each would
        # take three times as long.
        self._own += packets
        if self._own_call is None:
            self._own_call = self._clock.callLater(0.0, self._take_own)

    def _take_own(self) -> None:
        self._own_call = None
        own, self._own = self._own, []
        # Not by `take`: they are in this node already, and leave also if it takes no more since then.
        self._intake.add(self.identity, own)

    def _settle_batch(self, batch: Sequence[Waiting], results: Results) -> None:
        now_s = self._clock.seconds()
        self._departures.keep_time(now_s)
        if len(results) == 1:
            # Nearly always: a packet that came alone.
            self._settle(batch[0], results[0], now_s)
        else:
            for waiting, judged in zip(batch, results, strict=True):
                self._settle(waiting, judged, now_s)
        self._departures.send_due(now_s)

    def _settle(self, waiting: Waiting, judged: Unwrapped | DropReason, now_s: float) -> None:
        if not isinstance(judged, Unwrapped):
            self._observer.observe(PacketDropped(now_s, judged))
            return
        # Its delay counts from its arrival: if the clock was set back since then, from now.
        decision = self._mixer.decide(judged, min(waiting.arrived_at_s, now_s))
        if isinstance(decision, Forward):
            is_held = self._departures.add(decision, waiting.peer)
            self._observer.observe(
                PacketIn(now_s, waiting.peer, decision.replay_tag)
                if is_held
                else PacketDropped(now_s, DropReason.OVERLOADED)
            )
        elif isinstance(decision, Arrived):
            self._deliver(waiting, decision, now_s)
        else:
            self._observer.observe(PacketDropped(now_s, decision.reason))

    def _deliver(self, waiting: Waiting, arrived: Arrived, now_s: float) -> None:
        if self._arrived is None:
            return
        try:
            # Before it is observed as taken: only the receiver knows whether the packet has a recipient.
            reason = self._arrived(arrived)
        except Exception:
            # A packet that finds a defect must not take the others of its batch with it.
            log.failure("a packet that arrived could not be taken")
            reason = DropReason.SERVICE_FAILED
        if reason is not None:
            self._observer.observe(PacketDropped(now_s, reason))
            return
        self._observer.observe(PacketIn(now_s, waiting.peer, arrived.replay_tag))
        self._observer.observe(PacketDelivered(now_s, arrived.replay_tag))
