"""Worlds of deployed nodes: what they do with real and plain packets, with losses, queues, epochs and absent users."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from client.core.content import Sender, SignedMessage, encode_signed
from client.core.fragments import FragmentSizes
from loopixmix.drops import DropReason
from loopixmix.keys import IdentityKey
from loopixmix.seams import Fact, Identity, LoopReturned
from simulations.nodes.measurement import Watch
from simulations.world.behaviour import KIND
from simulations.world.users import User, body_bytes_of
from simulations.world.world import World
from tests.worlds.simulations.node_worlds import watched, world_of


class Heard:
    """What nodes tell, with the names of the nodes."""

    def __init__(self, world: World) -> None:
        self.facts: list[tuple[str, Fact]] = []
        for node in world.nodes:
            node.ears.add(_Ear(node.name, self.facts))

    def events(self, start_s: float) -> list[tuple[str, str, float]]:
        return [(name, type(fact).__name__, round(fact.at_s - start_s, 6)) for name, fact in self.facts]


class _Ear:
    def __init__(self, name: str, facts: list[tuple[str, Fact]]) -> None:
        self.name = name
        self.facts = facts

    def observe(self, fact: Fact) -> None:
        self.facts.append((self.name, fact))


def drops_of(watch: Watch) -> Counter[str]:
    return sum((node.drops for node in watch.nodes), Counter())


def test_nothing_is_dropped_or_left_behind() -> None:
    world = world_of()
    watch = watched(world, 8)

    assert drops_of(watch) == Counter()
    assert world.clock.pending == 0
    assert world.hub.lost == 0
    world.stop()


def test_messages_reach_their_recipients_once() -> None:
    world = world_of({"users.messages_per_day": 40_000.0})
    world.start()
    world.run_for(8)
    sent = len(world.letters.sent_at_s)
    for behaviour in world.behaviours:
        behaviour.stop()
    world.run_for(12)
    received = len(world.letters.received_at_s)
    world.stop()

    assert sent > 30
    assert received == sent
    assert not world.letters.refused
    assert all(0.1 < delay_s < 20 for delay_s in world.letters.delays_s(0, 1e12))


@pytest.mark.parametrize("packets", [1, 2, 7])
def test_a_message_takes_as_many_packets_as_the_scenario_says(packets: int) -> None:
    payload_bytes = 2048
    sender = Sender(bytes(32), "user123456789", bytes(32))
    body = bytes(body_bytes_of(payload_bytes, packets))
    stream = encode_signed(SignedMessage(bytes(16), KIND, body, sender), IdentityKey(bytes(32)), recipient=bytes(32))

    assert FragmentSizes(payload_bytes).count(len(stream)) == packets


def test_real_and_plain_packets_go_the_same_ways_at_the_same_times() -> None:
    runs = []
    for cryptography in (False, True):
        # No messages: their fragments' ids, and with them who is first in a tie, come from real ciphers.
        world = world_of({"packets.cryptography": cryptography})
        heard = Heard(world)
        watch = watched(world, 4)
        runs.append((heard.events(world.start_s), list(watch.journeys.latencies_s), len(world.letters.received_at_s)))

    assert len(runs[0][0]) > 1000
    assert runs[0] == runs[1]


def test_the_same_seeds_give_the_same_facts_and_others_others() -> None:
    facts = []
    for seed in (1, 1, 2):
        world = world_of({"seeds.root": seed})
        heard = Heard(world)
        watched(world, 2)
        facts.append(heard.facts)

    assert facts[0] == facts[1]
    assert facts[0] != facts[2]


def test_changing_what_users_say_changes_no_stream_of_theirs() -> None:
    runs = []
    for messages_per_day in (0.0, 20_000.0):
        world = world_of({"users.messages_per_day": messages_per_day})
        watch = watched(world, 5)
        runs.append(watch.journeys.begun)

    # The same number of packets leaves, whatever users write: their times are drawn before it is known what leaves.
    assert abs(runs[0] - runs[1]) <= 5 * runs[0] ** 0.5


def test_packets_beyond_the_intake_are_dropped_as_overloaded() -> None:
    # Some 200 packets a second come to each of two providers that unwrap 50: their queues of 20 are always full.
    world = world_of({"processors.unwrap_s": 0.02, "processors.waiting_packets": 20, "users.count": 40})
    watch = watched(world, 5)

    # Those that are taken in wait for 0.4 s at most, and delays are 0.1 s on average: some come too late to be mixed.
    assert set(drops_of(watch)) <= {DropReason.OVERLOADED, DropReason.TOO_LATE}
    assert drops_of(watch)[DropReason.OVERLOADED] > 500
    assert all(node.unwrapping.worked_s == pytest.approx(5, rel=0.05) for node in world.providers)
    assert all(node.unwrapping.worked_s < 5.1 for node in world.mixes)


def test_packets_beyond_the_pool_are_dropped_as_overloaded() -> None:
    world = world_of({"processors.held_packets": 1, "mix.delay_mean_s": 1.0})
    watch = watched(world, 10)

    assert drops_of(watch)[DropReason.OVERLOADED] > 100
    assert all(node.held <= 1 for node in watch.nodes)


def test_cores_share_the_work_of_a_batch() -> None:
    spans = {}
    for cores in (1, 4):
        world = world_of({"processors.unwrap_s": 0.004, "processors.cores": cores, "links.latency_s": 0.0})
        watch = watched(world, 5)
        spans[cores] = sum(watch.journeys.latencies_s) / len(watch.journeys.latencies_s)

    # Delays count from arrival, so that queues disappear in them: only the last provider's queue is left, and rounds.
    assert spans[4] <= spans[1]


def test_links_lose_as_many_packets_as_they_should() -> None:
    loss = 0.05
    world = world_of({"links.loss": loss})
    watch = watched(world, 8)
    frames, lost = world.hub.carried + world.hub.lost, world.hub.lost

    # H0: each frame is lost with probability 0.05. About 5,000 frames; 5 standard deviations: false alarm below 1e-6.
    assert abs(lost - loss * frames) < 5 * (frames * loss * (1 - loss)) ** 0.5
    assert watch.journeys.lost > 0
    assert len(watch.journeys.latencies_s) + watch.journeys.lost <= watch.journeys.sent


def test_users_who_are_away_send_nothing_and_get_their_mail_when_they_come() -> None:
    world = world_of({"users.online_share": 0.5, "users.session_mean_s": 2.5})
    sent_while_away: list[Identity] = []
    for user in world.users:
        user.network.departures = partial(_note_if_away, user, sent_while_away)
    world.start()
    online = 0
    for _ in range(60):
        world.run_for(0.5)
        online += sum(user.online for user in world.users)
    share = online / 60 / len(world.users)
    linked_s = sum(behaviour.online_s() for behaviour in world.behaviours)
    received = len(world.letters.received_at_s)
    world.stop()

    # H0: a user is online half of the time, in spans of 2.5 s on average: 12 users x 30 s are some 70 independent looks
    # of a fair coin, sd 0.06; five of them.
    assert abs(share - 0.5) < 0.3
    assert linked_s == pytest.approx(share * 30 * len(world.users), rel=0.1)
    assert received > 0
    assert sent_while_away == []
    assert world.clock.pending == 0


def _note_if_away(user: User, away: list[Identity], _frame: bytes, _at_s: float) -> None:
    if not user.online:
        away.append(user.identity)


def test_an_epoch_ends_while_packets_are_on_their_way() -> None:
    length_s = 16
    world = world_of({"mix.delay_mean_s": 0.5, "users.count": 6}, epoch_length_s=length_s, late_s=length_s - 4)
    first = world.document.epoch
    keys = {key for node in world.document.nodes for key in node.mix_keys.values()}
    watch = Watch(world)
    world.start()
    world.run_for(length_s + 6)
    world_keys = {key for node in world.document.nodes for key in node.mix_keys.values()}
    world.stop()

    assert world.document.epoch == first + 2
    assert not keys & world_keys
    assert drops_of(watch) == Counter()
    assert world.clock.pending == 0


def test_what_the_adversary_holds_back_does_not_arrive_and_taps_see_the_rest() -> None:
    world = world_of()
    victim = world.mixes[0].identity
    left: list[Identity] = []
    arrived: list[Identity] = []
    world.hub.taps.append(lambda at_s, sender, receiver, frame: left.append(receiver))
    world.hub.arrival_taps.append(lambda at_s, sender, receiver, frame: arrived.append(receiver))
    world.hub.intercept = lambda sender, receiver, frame: receiver != victim
    watch = watched(world, 5)

    assert victim not in left
    assert victim not in arrived
    assert watch.nodes[len(world.providers)].taken == 0
    assert world.hub.held_back > 0
    assert 0 <= len(left) - len(arrived) < len(left) * 0.2


def test_loops_of_nodes_come_back_in_the_time_of_their_delays() -> None:
    world = world_of()
    heard = Heard(world)
    watched(world, 8)
    trips = [fact for _, fact in heard.facts if isinstance(fact, LoopReturned)]

    assert len(trips) > 30
    for trip in trips:
        overhead_s = trip.round_trip_s - trip.delays_s
        # A mix's loop takes four links of 20 ms, a provider's eight.
        assert min(abs(overhead_s - count * 0.02) for count in (4, 8)) < 1e-4


def test_nobody_writes_to_guests_and_guests_write_to_nobody() -> None:
    world = world_of({"users.guests_share": 0.5, "users.messages_per_day": 40_000.0})
    named, guests = world.users[:6], world.users[6:]
    assert all(user.plan.name and not user.plan.is_guest for user in named)
    assert all(user.plan.is_guest for user in guests)
    world.start()
    world.run_for(10)
    sent = [user.status().real_sent for user in (*named, *guests)]
    accounts = [user.status() for user in world.users]
    world.stop()

    assert min(sent[:6]) > 0
    assert sent[6:] == [0] * 6
    assert [status.address for status in accounts[6:]] == [""] * 6
    assert all(status.registered for status in accounts)
    assert not world.letters.refused
    assert len(world.letters.received_at_s) > 10
    assert world.clock.pending == 0
