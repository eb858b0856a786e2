"""A mix with packets made by hand: forwarded after their delay, each kind of fault dropped for its reason."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from scipy import stats
from twisted.logger import LogEvent, eventAsText, globalLogPublisher

from loopixmix.directory import Document
from loopixmix.drops import DropReason, RefusalReason
from loopixmix.hop.limits import HopLimits
from loopixmix.hop.unwrapping import Done, InlineUnwrapping
from loopixmix.keyring.keystore import KeyFiles
from loopixmix.params import NetworkParams
from loopixmix.seams import Identity, PacketDelivered, PacketIn, PacketOut, PacketsHeld
from loopixmix.sphinx import Command, Deliver, Discard, Hop, Relay, Reply, unwrap, wrap
from loopixmix.wire import Dummy, Pull
from tests.worlds.networks.memory_worlds import LIMITS
from tests.worlds.networks.mixes import MixWorld
from tests.worlds.networks.models import EPOCH

# Loops are rare here: none comes in the few seconds of a test.
PARAMS = NetworkParams(delay_mean_s=0.2, node_loop_rate_per_s=1e-6, epoch_length_s=100, grace_s=10)


class Bench:
    """One mix of the first layer, the next mix as a plain receiver, and packets made for them."""

    def __init__(
        self,
        *,
        limits: HopLimits = LIMITS,
        keys: Path | None = None,
        max_tags: int = 100_000,
        unwrapping: InlineUnwrapping | HeldUnwrapping | None = None,
    ) -> None:
        self.world = MixWorld(PARAMS)
        self.rng = random.Random(3)
        self.store = KeyFiles(keys) if keys else None
        self.mix = self.world.mix("mix11", store=self.store, max_tags=max_tags, unwrapping=unwrapping, limits=limits)
        self.next_id = self.world.model.node("mix21").id
        self.peer = self.world.model.node("provider1").id
        self.received: list[tuple[float, bytes]] = []
        self.world.hub.attach(self.next_id, self._next_received)
        self.mix.service.adopt(self.world.model.document)
        self.mix.start()

    def _next_received(self, peer: Identity, frames: Sequence[bytes]) -> None:
        packets = [self.world.packet_format.frames.packet_of(frame) for frame in frames]
        self.received.extend((self.world.clock.seconds(), packet) for packet in packets)

    def packet(self, command: Command, *, epoch: int = EPOCH) -> bytes:
        """A packet that tells the mix `command`; a relayed one ends at the next mix."""
        keys = self.world.model.keys
        hops = [Hop(keys[self.mix.identity][epoch].public, command)]
        if isinstance(command, Relay):
            hops.append(Hop(keys[self.next_id][epoch].public, Discard()))
        return wrap(hops, b"payload", sphinx=self.world.packet_format.sphinx, rng=self.rng)

    def relayed(self, delay_us: int = 100_000, *, epoch: int = EPOCH) -> bytes:
        return self.packet(Relay(self.next_id, delay_us), epoch=epoch)

    def send(self, *packets: bytes) -> None:
        self.send_frames(*(self.world.packet_format.frames.packet_frame(packet) for packet in packets))

    def send_frames(self, *frames: bytes, sender: Identity | None = None) -> None:
        for frame in frames:
            self.world.hub.carry(sender or self.peer, self.mix.identity, frame)
        self.world.clock.advance(0)

    @property
    def drops(self) -> list[DropReason]:
        return self.mix.recorder.drops

    def close(self) -> None:
        """Stop the mix; whatever the test was, no call is left."""
        self.mix.stop()
        self.mix.keyring.close()
        assert self.world.clock.getDelayedCalls() == []


class HeldUnwrapping(InlineUnwrapping):
    """Works on one batch until told to finish, as a thread does."""

    def __init__(self, world: MixWorld) -> None:
        super().__init__(world.packet_format.sphinx)
        self.batches: list[int] = []
        self._held: list[tuple[Sequence[bytes], Sequence[bytes], Done]] = []

    def unwrap(self, private_keys: Sequence[bytes], packets: Sequence[bytes], done: Done) -> None:
        assert not self._held
        self.batches.append(len(packets))
        self._held.append((private_keys, packets, done))

    def finish(self) -> None:
        super().unwrap(*self._held.pop())


def test_a_packet_leaves_when_its_delay_is_over_and_not_before() -> None:
    bench = Bench()
    came_at_s = bench.world.clock.seconds()
    bench.send(bench.relayed(delay_us=123_456))
    bench.world.run(5.0)
    ((left_at_s, packet),) = bench.received
    assert came_at_s + 0.123456 <= left_at_s < came_at_s + 0.123458
    keys = bench.world.model.keys[bench.next_id]
    assert unwrap([keys[EPOCH].private], packet, sphinx=bench.world.packet_format.sphinx).body
    (arrival,) = bench.mix.recorder.of(PacketIn)
    (departure,) = bench.mix.recorder.of(PacketOut)
    assert isinstance(arrival, PacketIn)
    assert isinstance(departure, PacketOut)
    assert arrival.replay_tag == departure.replay_tag
    assert (arrival.peer, departure.next_hop) == (bench.peer, bench.next_id)
    assert bench.drops == []
    bench.close()


def test_packets_leave_in_the_order_of_their_times_whatever_order_they_came_in() -> None:
    bench = Bench()
    delays_us = [300_000, 100_000, 200_000, 100_001]
    start_s = bench.world.clock.seconds()
    for delay_us in delays_us:
        bench.send(bench.relayed(delay_us))
    bench.world.run(5.0)
    assert [at_s - start_s for at_s, _ in bench.received] == pytest.approx(sorted(d / 1e6 for d in delays_us), abs=2e-6)
    bench.close()


def test_one_timer_serves_all_packets() -> None:
    bench = Bench()
    bench.send(*(bench.relayed(delay_us) for delay_us in (500_000, 400_000, 300_000, 600_000)))
    # The stream of loops has the other one.
    assert len(bench.world.clock.getDelayedCalls()) == 2
    bench.close()


def test_a_replay_is_dropped_even_while_the_first_waits() -> None:
    bench = Bench()
    packet = bench.relayed()
    bench.send(packet, packet)
    bench.send(packet)
    bench.world.run(5.0)
    bench.send(packet)
    bench.world.run(5.0)
    assert len(bench.received) == 1
    assert bench.drops == [DropReason.REPLAY] * 3
    bench.close()


def flip(packet: bytes, at: int) -> bytes:
    return packet[:at] + bytes([packet[at] ^ 1]) + packet[at + 1 :]


def test_a_packet_that_is_wrong_is_dropped_for_its_reason_and_disturbs_no_other() -> None:
    bench = Bench()
    good = [bench.relayed(), bench.relayed()]
    cases = [
        (flip(bench.relayed(), 40), DropReason.BAD_MAC),
        (bytes(32) + bench.relayed()[32:], DropReason.BAD_POINT),
        (bench.packet(Relay(b"\x01" * 32, 5)), DropReason.UNKNOWN_NEXT_HOP),
        (bench.packet(Relay(bench.world.model.node("provider1").id, 5)), DropReason.UNKNOWN_NEXT_HOP),
        (bench.relayed(int(PARAMS.max_delay_s * 1e6) + 2), DropReason.EXCESSIVE_DELAY),
        (bench.packet(Deliver(b"r" * 32)), DropReason.UNEXPECTED_COMMAND),
        (bench.packet(Discard()), DropReason.UNEXPECTED_COMMAND),
        (bench.packet(Reply(bench.mix.identity, b"surb-id8")), DropReason.UNKNOWN_REPLY),
        (bench.packet(Reply(b"r" * 32, b"surb-id8")), DropReason.UNKNOWN_REPLY),
    ]
    bench.send(good[0], *(packet for packet, _ in cases), good[1])
    bench.world.run(5.0)
    # What fails later in the processing is seen later; the number of each counts.
    assert sorted(bench.drops) == sorted(reason for _, reason in cases)
    assert len(bench.received) == 2
    assert len(bench.mix.recorder.of(PacketIn)) == 2
    assert bench.mix.recorder.of(PacketDelivered) == []
    bench.close()


def test_a_reply_to_somebody_else_does_not_end_a_loop_of_ours() -> None:
    bench = Bench()
    loops = bench.mix.service.loops
    loops.adopt(faster_loops(bench))
    bench.world.run(60.0, until=lambda: loops.outstanding == 1)
    (surb_id,) = loops._outstanding
    bench.send(bench.packet(Reply(b"r" * 32, surb_id)))
    assert bench.drops == [DropReason.UNKNOWN_REPLY]
    assert loops.outstanding == 1
    bench.close()


def faster_loops(bench: Bench) -> Document:
    document = bench.world.model.document
    params = msgspec.structs.replace(document.params, node_loop_rate_per_s=1.0)
    return msgspec.structs.replace(document, params=params)


def test_a_tagged_body_is_noticed_at_its_end_only() -> None:
    """Tagging gains nothing (Danezis & Goldberg 2009, 4.2): a mix forwards it, and all of the body is garbage then."""
    bench = Bench()
    packet = bench.relayed()
    bench.send(flip(packet, len(packet) - 1))
    bench.world.run(5.0)
    ((_, relayed),) = bench.received
    body = unwrap(
        [bench.world.model.keys[bench.next_id][EPOCH].private], relayed, sphinx=bench.world.packet_format.sphinx
    ).body
    assert b"payload" not in body
    bench.close()


@pytest.mark.parametrize(
    ("offset_s", "epoch", "passes"),
    [
        (89.0, EPOCH + 1, False),
        (90.5, EPOCH + 1, True),
        (99.5, EPOCH, True),
        (100.5, EPOCH, True),
        (109.5, EPOCH, True),
        (109.5, EPOCH + 1, True),
        (110.5, EPOCH, False),
        (110.5, EPOCH + 1, True),
    ],
)
def test_around_an_edge_of_epochs_both_keys_fit(offset_s: float, epoch: int, passes: bool) -> None:
    bench = Bench()
    bench.world.clock.rightNow = bench.world.model.start_s + offset_s
    bench.mix.keyring.advance(bench.world.clock.seconds())
    bench.send(bench.relayed(epoch=epoch))
    bench.world.run(5.0)
    assert len(bench.received) == passes
    assert bench.drops == ([] if passes else [DropReason.BAD_MAC])
    bench.close()


def test_a_replay_under_a_key_in_grace_is_noticed() -> None:
    bench = Bench()
    packet = bench.relayed()
    bench.send(packet)
    bench.world.clock.rightNow = bench.world.model.start_s + 105.0
    bench.mix.keyring.advance(bench.world.clock.seconds())
    bench.send(packet)
    assert bench.drops == [DropReason.REPLAY]
    bench.close()


def test_without_a_key_packets_are_dropped_for_that() -> None:
    bench = Bench()
    packet = bench.relayed()
    bench.world.clock.rightNow += 10_000.0
    bench.send(packet)
    assert bench.drops == [DropReason.NO_EPOCH_KEY]
    bench.close()


def test_a_restart_in_the_middle_of_an_epoch_does_not_let_a_packet_pass_twice(tmp_path: Path) -> None:
    first = Bench(keys=tmp_path)
    packet = first.relayed()
    first.send(packet)
    # Killed: not closed, the packet it held is lost; its tag is not.
    second = Bench(keys=tmp_path)
    second.rng.seed(4)
    second.send(packet, second.relayed())
    second.world.run(5.0)
    assert second.drops == [DropReason.REPLAY]
    assert len(second.received) == 1
    first.close()
    second.close()


def test_a_full_replay_filter_refuses_instead_of_forgetting() -> None:
    bench = Bench(max_tags=3)
    packets = [bench.relayed() for _ in range(5)]
    bench.send(*packets)
    bench.send(*packets[:3])
    bench.world.run(5.0)
    assert bench.drops == [DropReason.OVERLOADED] * 2 + [DropReason.REPLAY] * 3
    assert len(bench.received) == 3
    bench.close()


def test_more_than_may_wait_is_dropped_as_overload() -> None:
    world = MixWorld(PARAMS)
    unwrapping = HeldUnwrapping(world)
    bench = Bench(limits=HopLimits(waiting_packets=4, batch_packets=2), unwrapping=unwrapping)
    packets = [bench.relayed() for _ in range(9)]
    bench.send(packets[0])
    bench.send(*packets[1:])
    assert bench.mix.service.hop.queue == 4
    assert bench.drops == [DropReason.OVERLOADED] * 4
    for _ in range(3):
        unwrapping.finish()
    assert unwrapping.batches == [1, 2, 2]
    bench.world.run(5.0)
    assert len(bench.received) == 5
    bench.close()


def test_what_comes_while_a_batch_is_worked_on_makes_the_next_batch() -> None:
    unwrapping = HeldUnwrapping(MixWorld(PARAMS))
    bench = Bench(unwrapping=unwrapping)
    bench.send(bench.relayed())
    for _ in range(3):
        bench.send(bench.relayed(), bench.relayed())
    unwrapping.finish()
    unwrapping.finish()
    assert unwrapping.batches == [1, 6]
    bench.close()


def test_time_in_queues_is_part_of_the_delay() -> None:
    unwrapping = HeldUnwrapping(MixWorld(PARAMS))
    bench = Bench(unwrapping=unwrapping)
    came_at_s = bench.world.clock.seconds()
    bench.send(bench.relayed(100_000), bench.relayed(10_000))
    bench.world.run(0.05)
    unwrapping.finish()
    bench.world.run(5.0)
    assert [at_s - came_at_s for at_s, _ in bench.received] == pytest.approx([0.05, 0.1], abs=2e-6)
    bench.close()


def test_more_than_may_be_held_is_dropped_as_overload() -> None:
    bench = Bench(limits=HopLimits(held_packets=3))
    bench.send(*(bench.relayed() for _ in range(5)))
    assert bench.drops == [DropReason.OVERLOADED] * 2
    assert bench.mix.counters.entropy.held == 3
    bench.world.run(5.0)
    assert len(bench.received) == 3
    bench.close()


def test_packets_for_a_node_that_is_gone_do_not_stay_in_the_pool() -> None:
    bench = Bench()
    bench.send(bench.relayed(100_000), bench.relayed(100_000), bench.relayed(900_000))
    bench.world.hub.detach(bench.next_id)
    bench.world.run(0.5)
    assert bench.drops == [DropReason.NO_LINK] * 2
    assert bench.mix.recorder.of(PacketsHeld)[-1] == PacketsHeld(bench.mix.recorder.of(PacketsHeld)[-1].at_s, 1)
    assert bench.mix.counters.entropy.held == 1
    bench.close()


def test_dummies_are_taken_and_anything_else_ends_the_link() -> None:
    bench = Bench()
    encode = bench.world.packet_format.frames.encode
    bench.send_frames(encode(Dummy()))
    assert bench.mix.refusals == []
    good = bench.world.packet_format.frames.packet_frame(bench.relayed())
    bench.send_frames(good)
    bench.send_frames(encode(Pull(1, ())), good)
    assert bench.mix.refusals == [RefusalReason.GARBAGE]
    bench.send_frames(b"\x02" + b"\xff" * (bench.world.packet_format.frames.frame_bytes - 1))
    assert bench.mix.refusals == [RefusalReason.GARBAGE] * 2
    bench.world.run(5.0)
    assert len(bench.received) == 1
    assert bench.drops == []
    bench.close()


def test_before_the_first_document_nothing_is_forwarded() -> None:
    bench = Bench()
    bench.mix.stop()
    fresh = bench.world.mix("mix11")
    fresh.start()
    bench.mix = fresh
    bench.send(bench.relayed())
    assert fresh.recorder.refusals == [RefusalReason.UNKNOWN_KEY]
    assert fresh.service.hop.idle
    bench.close()


def test_neighbours_of_the_next_and_the_last_epoch_are_known_at_an_edge() -> None:
    bench = Bench()
    other_layer = bench.world.model.node("mix31").id
    bench.send(bench.packet(Relay(other_layer, 5)))
    assert bench.drops == [DropReason.UNKNOWN_NEXT_HOP]
    # In the next epoch mix31 and mix21 have changed places.
    swapped = swap_layers(bench, epoch=EPOCH + 1)
    bench.mix.service.prepare(swapped)
    bench.world.hub.attach(other_layer, bench._next_received)
    bench.send(bench.packet(Relay(other_layer, 5)), bench.relayed(5))
    bench.mix.service.adopt(swapped)
    bench.send(bench.packet(Relay(other_layer, 5)), bench.relayed(5))
    bench.world.run(1.0)
    assert len(bench.received) == 4
    bench.close()


def swap_layers(bench: Bench, *, epoch: int) -> Document:
    document = bench.world.model.document
    swap = {2: 3, 3: 2}
    nodes = tuple(msgspec.structs.replace(node, layer=swap.get(node.layer or 0, node.layer)) for node in document.nodes)
    return msgspec.structs.replace(document, epoch=epoch, nodes=nodes)


def test_a_clock_set_back_does_not_hold_packets_for_longer() -> None:
    bench = Bench()
    bench.send(bench.relayed(200_000), bench.relayed(500_000))
    bench.world.clock.rightNow -= 50.0
    for call in bench.world.clock.getDelayedCalls():
        call.reset(call.getTime() - bench.world.clock.seconds() - 50.0)
    bench.world.run(1.0)
    assert len(bench.received) == 2
    gap_s = bench.received[1][0] - bench.received[0][0]
    assert gap_s == pytest.approx(0.3, abs=1e-5)
    bench.close()


def test_a_stopped_mix_takes_nothing_and_what_was_unwrapped_late_is_lost() -> None:
    unwrapping = HeldUnwrapping(MixWorld(PARAMS))
    bench = Bench(unwrapping=unwrapping)
    bench.send(bench.relayed())
    bench.mix.service.stop()
    unwrapping.finish()
    bench.mix.service.hop.take(bench.peer, [bench.relayed()])
    assert bench.mix.service.hop.queue == 0
    bench.close()
    assert bench.received == []


def test_delays_are_not_biased() -> None:
    """H0: the time in the mix is the exponential delay that was asked for.

    Kolmogorov-Smirnov against Exp(0.2 s), n = 400, false-alarm rate 1e-3; seeded. That shows a cap near the mean, and
    nothing of some milliseconds: a floor, or times cut to them. So each time is held against its delay as well.
    """
    bench = Bench()
    rng = random.Random(12)
    asked_us = [round(rng.expovariate(1 / 0.2) * 1e6) for _ in range(400)]
    start_s = bench.world.clock.seconds()
    bench.send(*map(bench.relayed, asked_us))
    bench.world.run(10.0)
    waited_s = sorted(at_s - start_s for at_s, _ in bench.received)
    assert waited_s == pytest.approx([asked / 1e6 for asked in sorted(asked_us)], rel=0.0, abs=2e-6)
    assert stats.kstest(waited_s, stats.expon(scale=0.2).cdf).pvalue > 1e-3
    bench.close()


@pytest.fixture
def events() -> Iterator[list[LogEvent]]:
    """Everything that is logged, whatever its level."""
    kept: list[LogEvent] = []
    globalLogPublisher.addObserver(kept.append)
    yield kept
    globalLogPublisher.removeObserver(kept.append)


def test_no_log_tells_of_a_packet_a_key_or_a_tag(events: list[LogEvent], tmp_path: Path) -> None:
    """Marked data goes every way through a mix, the failing ones too, and is looked for in all that was logged."""
    bench = Bench(keys=tmp_path)
    bench.mix.service.loops.returned = fail_with_everything  # type: ignore[method-assign]
    good = bench.relayed()
    reply = bench.packet(Reply(bench.mix.identity, b"MARKSURB"))
    bench.send(good, good, flip(good, 40), reply, bench.packet(Deliver(b"MARKED-RECIPIENT-MARKED-RECIPIEN")))
    bench.send_frames(b"\x7fMARKED-GARBAGE".ljust(bench.world.packet_format.frames.frame_bytes, b"\0"))
    bench.world.run(5.0)
    assert sorted(bench.drops) == sorted(
        [DropReason.REPLAY, DropReason.BAD_MAC, DropReason.SERVICE_FAILED, DropReason.UNEXPECTED_COMMAND]
    )
    private = [key.private for key in KeyFiles(tmp_path).load().values()]
    tags = [fact.replay_tag for fact in bench.mix.recorder.of(PacketIn) if isinstance(fact, PacketIn)]
    text = "".join(eventAsText(event) + repr(event) for event in events)
    assert "could not be taken" in text
    marks = [b"MARK", b"payload", good, bench.peer, *private, *tags]
    assert [mark for mark in marks if repr(mark)[2:-1] in text or mark.hex() in text] == []
    bench.close()


def fail_with_everything(surb_id: bytes, body: bytes) -> DropReason | None:
    raise RuntimeError("a defect")
