"""What an observer of the client's link sees: streams that do not depend on what the user does.

Null hypothesis of each Kolmogorov-Smirnov test: the times between sends are independent and exponential with the
stream's rate. Each is seeded, on 1,000 intervals, and would reject a true hypothesis once in 1,000 seeds.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import msgspec
import pytest
from scipy import stats

from client.link.pulls import PullBook
from client.streams.loops import Loops
from client.streams.pulling import Pulling
from client.streams.traffic import Traffic
from loopixmix.params import NetworkParams
from loopixmix.wire import Packet, Pull
from tests.worlds.clients.parts import Parts
from tests.worlds.clients.world import QUICK, Person, World

FALSE_ALARM_RATE = 1e-3
INTERVALS = 1000
RATE_PER_S = 20.0
HARDLY_EVER_PER_S = 1e-5
STREAMS = ("payload_rate_per_s", "loop_rate_per_s", "drop_rate_per_s")


class NoChores:
    """Nothing is to be done at a pull."""

    def at_pull(self) -> None:
        """Do nothing."""


def new_traffic(parts: Parts, monotonic: Callable[[], float] | None = None) -> Traffic:
    """Return the streams of a client whose parts a test holds; nothing runs yet."""
    timing = {"clock": parts.clock, "rng": parts.rng, "monotonic": monotonic or parts.clock.seconds}
    pulling = Pulling(session=parts.session, pulls=PullBook(), chores=NoChores(), **timing)
    loops = Loops(parts.session, parts.expectations, parts.observer)
    return Traffic(session=parts.session, queue=parts.queue, loops=loops, pulling=pulling, **timing)


def only(stream: str) -> NetworkParams:
    """Return figures with which one stream alone sends, and pulls are rare."""
    rates = {name: RATE_PER_S if name == stream else HARDLY_EVER_PER_S for name in STREAMS}
    return msgspec.structs.replace(QUICK, **rates, pull_rate_per_s=0.5)


def loaded_world(params: NetworkParams, *, busy: bool, seed: int, work_s: float | None = None) -> tuple[World, Person]:
    world = World(params=params, seed=seed)
    alice = world.person(work_s=work_s)
    world.run(alice.client.register("alice", "home"))
    if busy:
        # So much to send that something real waits at every instant.
        bob_params = world.person()
        world.run(bob_params.client.register("bob", "away"))
        add_contact_directly(world, alice, bob_params)
        sending = alice.client.send("bob@away", random.Random(1).randbytes(4_000_000), kind="t", idempotency_key="1")
        world.run(sending)
    world.clock.run_for(5)
    world.sink = True
    world.providers["home"].seen.clear()
    return world, alice


def add_contact_directly(world: World, alice: Person, bob: Person) -> None:
    from client.store import contacts
    from client.store.contacts import pin_of
    from loopixmix.cards import decode_card

    card = decode_card(world.providers["away"].mailboxes[bob.keys.identity_key.public].card)
    alice.store.write(lambda c: contacts.save(c, pin_of("bob@away", card, compared=False)))
    bob.stop()


def send_times_s(world: World, *, count: int, rate_per_s: float) -> list[float]:
    seen = world.providers["home"].seen
    world.clock.run_for(2 * count / rate_per_s, until=lambda: len(seen) > count * 1.2)
    packets = [at_s for at_s, _, frame in seen if isinstance(world.format.decode(frame), Packet)]
    return packets[: count + 1]


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
@pytest.mark.parametrize("stream", STREAMS)
def test_the_intervals_of_a_stream_are_exponential(stream: str, busy: bool) -> None:
    world, alice = loaded_world(only(stream), busy=busy, seed=11)
    real_before = world.run(alice.client.status()).real_sent
    times_s = send_times_s(world, count=INTERVALS, rate_per_s=RATE_PER_S)
    intervals_s = [later - earlier for earlier, later in pairwise(times_s)]
    assert len(intervals_s) == INTERVALS
    result = stats.kstest(intervals_s, stats.expon(scale=1 / RATE_PER_S).cdf)
    assert result.pvalue > FALSE_ALARM_RATE
    # Successive intervals tell nothing of each other: rank correlation, same error rate.
    assert stats.spearmanr(intervals_s[:-1], intervals_s[1:]).pvalue > FALSE_ALARM_RATE
    real = world.run(alice.client.status()).real_sent - real_before
    if stream == "payload_rate_per_s" and busy:
        assert real > 0.95 * INTERVALS
    elif not busy:
        assert real == 0
    world.stop()


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_all_streams_together_are_one_poisson_process(busy: bool) -> None:
    params = msgspec.structs.replace(
        QUICK, payload_rate_per_s=10.0, loop_rate_per_s=6.0, drop_rate_per_s=4.0, pull_rate_per_s=0.5
    )
    world, _ = loaded_world(params, busy=busy, seed=12)
    times_s = send_times_s(world, count=INTERVALS, rate_per_s=20.0)
    intervals_s = [later - earlier for earlier, later in pairwise(times_s)]
    assert stats.kstest(intervals_s, stats.expon(scale=1 / 20.0).cdf).pvalue > FALSE_ALARM_RATE
    world.stop()


def test_a_slow_disk_does_not_show_on_the_wire() -> None:
    world, _ = loaded_world(only("payload_rate_per_s"), busy=True, seed=13, work_s=0.04)
    times_s = send_times_s(world, count=INTERVALS, rate_per_s=RATE_PER_S)
    intervals_s = [later - earlier for earlier, later in pairwise(times_s)]
    assert stats.kstest(intervals_s, stats.expon(scale=1 / RATE_PER_S).cdf).pvalue > FALSE_ALARM_RATE
    world.stop()


def test_the_test_would_notice_a_stream_that_is_not_poisson() -> None:
    generator = random.Random(14)
    jittered_s = [generator.uniform(0.5, 1.5) / RATE_PER_S for _ in range(INTERVALS)]
    assert stats.kstest(jittered_s, stats.expon(scale=1 / RATE_PER_S).cdf).pvalue < FALSE_ALARM_RATE
    slower_s = [generator.expovariate(RATE_PER_S * 0.8) for _ in range(INTERVALS)]
    assert stats.kstest(slower_s, stats.expon(scale=1 / RATE_PER_S).cdf).pvalue < FALSE_ALARM_RATE


def test_real_drop_and_loop_packets_look_the_same() -> None:
    shapes = set()
    for stream in STREAMS:
        for busy in (False, True):
            world, _ = loaded_world(only(stream), busy=busy, seed=15)
            send_times_s(world, count=30, rate_per_s=RATE_PER_S)
            for _, _, frame in world.providers["home"].seen:
                decoded = world.format.decode(frame)
                if isinstance(decoded, Packet):
                    padding = frame[1 + world.geometry.packet_bytes :]
                    shapes.add((len(frame), frame[0], len(decoded.packet), padding))
                else:
                    assert isinstance(decoded, Pull)
                    assert len(frame) == world.format.frame_bytes
            world.stop()
    assert len(shapes) == 1


def test_pulls_leave_at_a_constant_rate_whatever_waits() -> None:
    params = msgspec.structs.replace(QUICK, pull_rate_per_s=2.0)
    for busy in (False, True):
        world, _ = loaded_world(params, busy=busy, seed=16)
        world.clock.run_for(30)
        pulls_s = [
            at_s for at_s, _, frame in world.providers["home"].seen if isinstance(world.format.decode(frame), Pull)
        ]
        intervals_s = {round(later - earlier, 6) for earlier, later in pairwise(pulls_s)}
        assert intervals_s == {0.5}
        assert len(pulls_s) in (59, 60, 61)
        world.stop()


def test_a_slot_without_a_payload_sends_a_loop_that_comes_back_and_is_not_counted() -> None:
    """Drop cover would not come back: the answers in the mailbox would tell how many payloads there are."""
    world = World(params=only("payload_rate_per_s"), seed=17)
    alice = world.person("alice@home")
    world.clock.run_for(20)
    status = world.run(alice.client.status())
    assert status.payload.sent > 200
    came = next(world.item_numbers) - 1
    assert came > 0.9 * status.payload.sent
    assert (status.loops_returned, status.loops_lost) == (0, 0)
    world.stop()


def test_a_slot_whose_payload_cannot_be_sent_now_is_not_left_empty() -> None:
    parts = Parts()
    parts.go_online()
    parts.befriend_bob()
    parts.dispatch(b"to a provider that is away")
    others = tuple(node for node in parts.document.nodes if node.name != "provider2")
    ends_loops = tuple(
        msgspec.structs.replace(node, services=("loop",)) if node.layer is None else node for node in others
    )
    parts.session.adopt(msgspec.structs.replace(parts.document, nodes=ends_loops))
    traffic = new_traffic(parts)
    assert len(parts.queue) == 1
    traffic.run(msgspec.structs.replace(only("payload_rate_per_s"), pull_rate_per_s=HARDLY_EVER_PER_S))
    while len(parts.queue):
        assert parts.link.sent == []
        parts.clock.advance(0.001)
    # In the very step that took the payload out of the queue something left.
    assert (len(parts.link.sent), traffic.payload_status.sent, traffic.real_sent) == (1, 1, 0)
    traffic.stop()
    parts.close()


def test_payloads_of_a_quarter_of_a_second_are_at_hand_though_the_disk_stalls() -> None:
    parts = Parts()
    parts.go_online()
    parts.befriend_bob()
    traffic = new_traffic(parts)
    traffic.run(only("payload_rate_per_s"))
    parts.dispatch(bytes(20_000))
    parts.store.failing = True
    at_hand = 0
    while parts.send_next() is not None:
        at_hand += 1
    assert at_hand == RATE_PER_S / 4
    traffic.stop()
    parts.close()


def test_streams_whose_timers_stand_still_are_a_problem_and_without_a_link_they_are_none() -> None:
    parts, asleep_s = Parts(), [0.0]
    parts.go_online()
    traffic = new_traffic(parts, lambda: parts.clock.seconds() + asleep_s[0])
    traffic.run(QUICK)
    parts.clock.pump([0.1] * 300)
    assert traffic.problem is None
    # As on a computer whose clock was set back, if timers counted on that.
    asleep_s[0] += 3600.0
    assert "the stream of payloads has been silent for 36" in str(traffic.problem)
    parts.clock.pump([0.1] * 300)
    assert traffic.problem is None
    parts.link.open = False
    parts.clock.pump([0.1] * 3000)
    assert traffic.problem is None
    traffic.stop()
    asleep_s[0] += 3600.0
    assert traffic.problem is None
    parts.close()


@pytest.mark.parametrize("stream", ["payloads", "loops", "drop cover", "pulls"])
def test_each_stream_that_is_silent_alone_is_named(stream: str) -> None:
    parts = Parts()
    parts.go_online()
    traffic = new_traffic(parts)
    traffic.run(QUICK)
    silent = {"payloads": traffic._payloads, "loops": traffic._loop_stream, "drop cover": traffic._drops}.get(stream)
    for call in parts.clock.getDelayedCalls():
        owner = getattr(call.func, "__self__", None)
        if owner is traffic._pulling if silent is None else owner is silent._timer:
            call.cancel()
    parts.clock.pump([0.1] * 1000)
    assert f"the stream of {stream} has been silent" in str(traffic.problem)
    traffic.stop()
    parts.close()
