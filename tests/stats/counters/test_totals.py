"""Two collectors and several nodes: only the sum over all nodes comes out, and it is right."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from loopixmix.errors import FormatError, MisuseError
from stats.counters.ledger import add_plan, find_plan, present_nodes
from stats.counters.noise import NoiseDraws, node_sigmas
from stats.counters.outbox import shares_of
from stats.counters.shares import MODULUS, CounterShare, encode_share
from stats.counters.tallying import PeriodTally
from stats.counters.totals import margin_of, read_total, summed
from tests.worlds.stats.collected import SetClock
from tests.worlds.stats.counting import (
    DELIVER_S,
    OPENS_S,
    PERIOD_S,
    CollectorOfShares,
    NoNoise,
    RoundedNoise,
    new_plan,
    private_key,
)

PLAN = new_plan()


class Collectors:
    """Both collectors of the plan, after the first period."""

    def __init__(self, directory: Path) -> None:
        self.clock = SetClock(OPENS_S + PERIOD_S + 1)
        self.both = [CollectorOfShares(directory / name, PLAN, place, self.clock) for place, name in enumerate("ab")]
        self.rng = random.Random(5)

    def send(self, node: int, counted: tuple[int, int], noise: NoiseDraws, to: tuple[int, ...] = (0, 1)) -> list[bool]:
        tally = PeriodTally(0, True, counted)
        made = shares_of(PLAN, node, tally, private_key(node), noise=noise, rng=self.rng)
        return [self.both[place].take(made[place].body) for place in to]


@pytest.fixture
def collectors(tmp_path: Path) -> Iterator[Collectors]:
    made = Collectors(tmp_path)
    yield made
    for each in made.both:
        each.close()


def test_the_sum_over_all_nodes_comes_out(collectors: Collectors) -> None:
    for node in range(4):
        assert collectors.send(node, (10 * node, node), NoNoise()) == [True, True]
    result = summed(PLAN, [each.total() for each in collectors.both])
    assert [(counter.name, counter.value) for counter in result.counters] == [("packets", 60), ("replays", 6)]
    assert result.nodes == ("mix-0", "mix-1", "mix-2", "mix-3")
    assert result.missing == ()
    assert result.eps < 1


def test_the_sum_is_as_noisy_as_is_told(collectors: Collectors) -> None:
    # 60 sums of one counter: all but 1 of 10,000 seeds have 50 to 60 of them within the interval of 95 %.
    sigma, within = node_sigmas(PLAN)[0], 0
    noise = RoundedNoise(9)
    for _ in range(60):
        total = sum(100 + noise.draw(sigma) for _ in range(4))
        within += abs(total - 400) <= margin_of(sigma, 4)
    assert within >= 50
    for node in range(4):
        collectors.send(node, (100, 1), noise)
    [packets, _] = summed(PLAN, [each.total() for each in collectors.both]).counters
    assert packets.high - packets.low == 2 * margin_of(sigma, 4)


def test_a_share_counts_once_and_another_one_of_its_node_does_not(collectors: Collectors) -> None:
    [body, other] = [
        encode_share(CounterShare(PLAN.plan_id, 0, 1, 0, (value, value)), private_key(1)) for value in (1, 2)
    ]
    first = collectors.both[0]
    assert [first.take(body), first.take(body), first.take(other)] == [True, True, False]


def test_shares_that_do_not_belong_here_are_refused(collectors: Collectors) -> None:
    def share(**changes: int) -> bytes:
        place = {"period": 0, "node": 1, "collector": 0} | changes
        return encode_share(CounterShare(PLAN.plan_id, values=(1, 2), **place), private_key(1))

    first = collectors.both[0]
    assert not first.take(share(collector=1))
    assert not first.take(share(period=1))
    assert not first.take(share(node=2))
    assert not first.take(b"")
    assert not first.take(bytes(1_000))
    collectors.clock.now_s = OPENS_S + PERIOD_S - 1
    assert not first.take(share())
    collectors.clock.now_s = OPENS_S + PERIOD_S + DELIVER_S
    assert not first.take(share())
    collectors.clock.now_s -= 1
    assert first.take(share())


def test_totals_of_different_nodes_are_not_added_and_each_is_told_once(collectors: Collectors) -> None:
    for node in range(4):
        collectors.send(node, (1, 1), NoNoise(), to=(0, 1) if node else (0,))
    first, second = collectors.both
    present = second.store.read(lambda connection: present_nodes(connection, PLAN, 0))
    assert present == ["mix-1", "mix-2", "mix-3"]
    common = first.total(among=present)
    assert summed(PLAN, [common, second.total()]).missing == ("mix-0",)
    assert first.total(among=present) == common
    with pytest.raises(MisuseError, match="never told of fewer"):
        first.total(among=["mix-1", "mix-2"])
    # What is left out is gone: with it, the difference of two totals would tell about one node.
    assert first.total().nodes == tuple(present)
    assert first.store.read(lambda connection: present_nodes(connection, PLAN, 0)) == present


def test_what_was_told_is_not_changed_by_a_late_share(collectors: Collectors) -> None:
    for node in range(3):
        collectors.send(node, (1, 1), NoNoise())
    totals = [each.total() for each in collectors.both]
    assert collectors.send(3, (1, 1), NoNoise()) == [False, False]
    assert [each.total() for each in collectors.both] == totals


def test_different_sets_of_nodes_are_refused(collectors: Collectors) -> None:
    for node in range(4):
        collectors.send(node, (1, 1), NoNoise(), to=(0, 1) if node else (0,))
    with pytest.raises(MisuseError, match="3 of them are in all"):
        summed(PLAN, [each.total() for each in collectors.both])


def test_too_few_nodes_have_no_total(collectors: Collectors) -> None:
    for node in range(2):
        collectors.send(node, (1, 1), NoNoise())
    with pytest.raises(MisuseError, match="2 nodes are too few"):
        collectors.both[0].total()


def test_totals_that_do_not_belong_together_are_refused(collectors: Collectors) -> None:
    for node in range(4):
        collectors.send(node, (1, 1), NoNoise())
    one, other = (each.total() for each in collectors.both)
    with pytest.raises(MisuseError, match="one total of each collector"):
        summed(PLAN, [one, one])
    with pytest.raises(MisuseError, match="different periods"):
        summed(PLAN, [one, msgspec.structs.replace(other, period=1)])


def test_a_total_is_read_strictly(collectors: Collectors) -> None:
    for node in range(4):
        collectors.send(node, (1, 1), NoNoise())
    total = collectors.both[0].total()
    assert read_total(msgspec.json.encode(total), PLAN) == total
    for changes in (
        {"plan": "0" * 64},
        {"period": 3},
        {"collector": "gamma"},
        {"nodes": ("mix-1", "mix-0")},
        {"nodes": ("mix-0", "mix-0")},
        {"nodes": ("moon",)},
        {"sums": (1,)},
        {"sums": (1, MODULUS)},
    ):
        with pytest.raises(FormatError):
            read_total(msgspec.json.encode(msgspec.structs.replace(total, **changes)), PLAN)
    for data in (b"", b"{}", b" " * 1_000_001):
        with pytest.raises(FormatError):
            read_total(data, PLAN)


def test_a_plan_is_held_for_one_collector(collectors: Collectors) -> None:
    store = collectors.both[0].store
    store.write(lambda connection: add_plan(connection, PLAN, 0))
    with pytest.raises(MisuseError, match="held already, as alpha"):
        store.write(lambda connection: add_plan(connection, PLAN, 1))
    assert store.read(lambda connection: find_plan(connection, b"\0" * 32)) is None
