"""What every node does with packets: unwrap, refuse replays, hold for the delay, send on.

Mixes and providers share it. Packets whose path ends here are given to a callback.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from twisted.application.service import Service
from twisted.logger import Logger

from loopixmix.directory import Document
from loopixmix.errors import MisuseError
from loopixmix.hop.departures import Departures
from loopixmix.hop.intake import Intake, Waiting
from loopixmix.hop.mixing import Arrived, Forward, Mixer
from loopixmix.hop.unwrapping import Results, Unwrapping
from loopixmix.keyring.keyring import Keyring
from loopixmix.routing.path import Neighbourhood
from loopixmix.seams import (
    Clock,
    DropReason,
    Network,
    NodeId,
    Observer,
    PacketDelivered,
    PacketDropped,
    PacketIn,
)
from loopixmix.sphinx import Unwrapped
from loopixmix.wire import FrameFormat

ArrivedCallback: TypeAlias = Callable[[Arrived], DropReason | None]
"""Takes a packet whose path ends here; returns why it is dropped, or None where it is taken."""

log = Logger()


@dataclass(frozen=True, kw_only=True)
class HopLimits:
    """How much one node may hold; what is beyond is dropped as `OVERLOADED`. Each must be positive."""

    waiting_packets: int = 4096
    """Packets that wait to be unwrapped, about 3 kB each."""
    held_packets: int = 65_536
    """Packets that wait for their delay, about 3 kB each."""
    batch_packets: int = 32
    """Packets unwrapped together: a packet waits for its batch, so a large one is late and a small one is costly."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise MisuseError(f"{name} must be positive, not {value}")


class HopService(Service):
    """The packets of one node."""

    def __init__(
        self,
        *,
        node_id: NodeId,
        keyring: Keyring,
        frames: FrameFormat,
        unwrapping: Unwrapping,
        limits: HopLimits,
        arrived: ArrivedCallback,
        clock: Clock,
        network: Network,
        observer: Observer,
    ) -> None:
        """Take this node's id and keys, the seams, and the callback for packets whose path ends here.

        Nothing is forwarded before `adopt` has told a network document. Every packet is observed: as `PacketIn` and
        later `PacketOut`, as `PacketIn` and `PacketDelivered`, or as `PacketDropped`.
        """
        self._node_id = node_id
        self._keyring = keyring
        self._arrived = arrived
        self._clock = clock
        self._observer = observer
        self._neighbourhood = Neighbourhood(node_id)
        self._mixer = Mixer(max_delay_s=0.0, next_hops=())
        self._taking = True
        self._departures = Departures(
            held_packets=limits.held_packets,
            frames=frames,
            clock=clock,
            network=network,
            observer=observer,
        )
        self._intake = Intake(
            keyring=keyring,
            unwrapping=unwrapping,
            waiting_packets=limits.waiting_packets,
            batch_packets=limits.batch_packets,
            unwrapped=self._unwrapped,
            clock=clock,
            observer=observer,
        )

    @property
    def queue(self) -> int:
        """Packets in this node: those that wait to be unwrapped and those that wait for their delay."""
        return len(self._intake) + len(self._departures)

    @property
    def idle(self) -> bool:
        """Tell whether no packet is in this node."""
        return self._intake.idle and not len(self._departures)

    def adopt(self, document: Document) -> None:
        """Take up a network document, of the present epoch or already of the next.

        Packets may go where it, or the one before or after it, lets them.
        """
        self._neighbourhood.add(document)
        self._mixer = Mixer(max_delay_s=self._neighbourhood.max_delay_s, next_hops=self._neighbourhood.next_hops)

    def stopService(self) -> None:  # noqa: N802 (Twisted's name)
        """Stop at once: packets in this node are lost, and no call is left."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._intake.clear()
        self._departures.clear()

    def stop_taking(self) -> None:
        """Take no packet any more, for good, and let those that are here leave in their time."""
        self._taking = False

    def take(self, peer: NodeId, packets: Sequence[bytes]) -> None:
        """Take packets that `peer` sent; nothing while the service does not run."""
        if self.running and self._taking:
            self._intake.add(peer, packets)

    def inject(self, packets: Sequence[bytes]) -> None:
        """Take packets of this node's own, as if they had come to it: replies whose first hop it is."""
        self.take(self._node_id, packets)

    def _unwrapped(self, batch: Sequence[Waiting], epochs: Sequence[int], results: Results) -> None:
        if not self.running:
            return
        now_s = self._clock.seconds()
        if len(results) == 1:
            # Nearly always: a packet that came alone.
            self._settle(batch[0], self._judge_one(epochs, results[0]), now_s)
        else:
            for waiting, judged in zip(batch, self._judge(epochs, results), strict=True):
                self._settle(waiting, judged, now_s)
        self._departures.send_due(now_s)

    def _judge(self, epochs: Sequence[int], results: Results) -> list[Unwrapped | DropReason]:
        """Return each result, or why its packet goes no further; remember the tags of the others."""
        judged = list(results)
        for index, epoch in enumerate(epochs):
            places = [
                (place, each.replay_tag)
                for place, each in enumerate(results)
                if isinstance(each, Unwrapped) and each.key_index == index
            ]
            reasons = self._keyring.judge_many(epoch, [tag for _, tag in places])
            for (place, _), reason in zip(places, reasons, strict=True):
                if reason is not None:
                    judged[place] = reason
        return judged

    def _judge_one(self, epochs: Sequence[int], result: Unwrapped | DropReason) -> Unwrapped | DropReason:
        if not isinstance(result, Unwrapped):
            return result
        return self._keyring.judge(epochs[result.key_index], result.replay_tag) or result

    def _settle(self, waiting: Waiting, judged: Unwrapped | DropReason, now_s: float) -> None:
        if not isinstance(judged, Unwrapped):
            self._observer.observe(PacketDropped(now_s, judged))
            return
        decision = self._mixer.decide(judged, waiting.arrived_at_s)
        if isinstance(decision, Forward):
            is_held = self._departures.add(decision)
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
        try:
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
