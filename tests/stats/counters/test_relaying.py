"""A node's program counts whole periods, writes shares down before it sends them, and sends them until they count."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

from client.testing import FakeClient, FakeNetwork, wait_for
from loopixmix.errors import MisuseError
from provider.api import Declaration, ServiceRefusedError
from stats.collect.requests import ACCEPTED, AskedOfCollector, decode_asked
from stats.counters.relaying import LATE_S, CountedNode, RelayCounting
from stats.counters.totals import SummedPeriod, summed
from tests.worlds.stats.counting import (
    DELIVER_S,
    OPENS_S,
    PERIOD_S,
    CollectorOfShares,
    NoNoise,
    new_plan,
    private_key,
    status,
)

PLAN = new_plan()
LOOK_S = 5


class HostedCollector:
    """A collector as a hosted service; `is_away`: it refuses everything."""

    name = "stats"
    declaration = Declaration(recognises_repetition=True)

    def __init__(self, collector: CollectorOfShares) -> None:
        self.collector = collector
        self.is_away = False

    async def answer_again(self, _: bytes, body: bytes) -> bytes:
        kind, share = decode_asked(body)
        assert kind is AskedOfCollector.SHARE
        if self.is_away or not self.collector.take(share):
            raise ServiceRefusedError("no")
        return ACCEPTED


class KilledError(Exception):
    """The program ended here."""


class ClientOfKilled:
    """A client whose program is killed at its post number `at`, before the client has the request or `after` that."""

    def __init__(self, client: FakeClient, at: int, *, after: bool) -> None:
        self._client = client
        self._posts = itertools.count()
        self._at = at
        self._after = after

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)

    async def post_request(self, *arguments: Any, **named: Any) -> object:
        is_last = next(self._posts) == self._at
        if is_last and not self._after:
            raise KilledError
        request = await self._client.post_request(*arguments, **named)
        if is_last:
            raise KilledError
        return request


class Nodes:
    """Four nodes with a program each, and two collectors, in a network in memory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = Clock()
        self.clock.advance(OPENS_S - LOOK_S)
        self.network = FakeNetwork(clock=self.clock, rng=random.Random(1))
        self.hosted = []
        for place, name in enumerate(PLAN.collectors):
            self.network.add_provider(name)
            made = HostedCollector(CollectorOfShares(directory / name, PLAN, place, self.clock))
            self.network.add_service(made, provider=name)
            self.hosted.append(made)
        self.clients = [self.network.client(f"node{node}@gamma") for node in range(4)]
        self.status: list[bytes | None] = [status(1_000)] * 4
        self.starts = itertools.count()
        self.relays = [self.started(node) for node in range(4)]
        self.killed = 0

    def started(self, node: int, client: FakeClient | None = None) -> RelayCounting:
        """Start the program of a node, anew; it draws other numbers than before."""
        counted = CountedNode(PLAN, private_key(node), lambda: self.status[node])
        path = self.directory / f"node{node}.json"
        return RelayCounting(
            counted,
            client or self.clients[node],
            path,
            clock=self.clock,
            rng=random.Random(next(self.starts)),
            noise=NoNoise(),
        )

    def go_on(self, seconds: float, each_s: float = LOOK_S, before: Callable[[], None] | None = None) -> None:
        """Let time pass; each program looks at its node every `each_s`."""
        until_s = self.clock.seconds() + seconds
        while self.clock.seconds() < until_s:
            self.clock.advance(each_s)
            if before is not None:
                before()
            for node, relay in enumerate(self.relays):
                try:
                    wait_for(relay.turn(), self.clock, step_s=0.01)
                except KilledError:
                    self.relays[node] = self.started(node)
                    self.killed += 1

    def sum(self, period: int) -> SummedPeriod:
        return summed(PLAN, [hosted.collector.total(period) for hosted in self.hosted])

    def left(self) -> int:
        """Return how many shares are on their way."""
        return sum(len(relay.state.outgoing) for relay in self.relays)


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    made = Nodes(tmp_path)
    yield made
    made.network.stop()
    for hosted in made.hosted:
        hosted.collector.close()


def test_what_all_nodes_count_in_a_period_comes_out_as_one_sum(nodes: Nodes) -> None:
    nodes.go_on(2 * LOOK_S)
    nodes.status = [status(1_000 + 10 * node, node) for node in range(4)]
    nodes.go_on(PERIOD_S, each_s=30)
    nodes.go_on(DELIVER_S, each_s=300)
    assert nodes.left() == 0
    assert [counter.value for counter in nodes.sum(0).counters] == [60, 6]


def test_each_period_is_counted_on_its_own(nodes: Nodes) -> None:
    nodes.go_on(2 * LOOK_S)
    nodes.status = [status(1_500)] * 4
    nodes.go_on(PERIOD_S, each_s=30)
    nodes.status = [status(1_507)] * 4
    nodes.go_on(PERIOD_S, each_s=30)
    nodes.go_on(DELIVER_S - 60, each_s=300)
    assert [nodes.sum(period).counters[0].value for period in (0, 1)] == [2_000, 28]


def test_a_program_that_is_started_again_goes_on(nodes: Nodes) -> None:
    nodes.go_on(2 * LOOK_S)
    nodes.status = [status(1_100)] * 4
    nodes.go_on(600, each_s=30)
    nodes.relays = [nodes.started(node) for node in range(4)]
    nodes.status = [status(1_111)] * 4
    nodes.go_on(PERIOD_S - 600, each_s=30)
    nodes.go_on(DELIVER_S, each_s=300)
    assert nodes.sum(0).counters[0].value == 444


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [0, 1])
def test_a_program_that_was_killed_sends_the_shares_that_it_drew_and_no_others(
    nodes: Nodes, at: int, after: bool
) -> None:
    """Each program is killed when it hands its first or second share to its client, which goes on."""
    clients = [ClientOfKilled(client, at, after=after) for client in nodes.clients]
    nodes.relays = [nodes.started(node, clients[node]) for node in range(4)]  # type: ignore[arg-type]
    nodes.go_on(2 * LOOK_S)
    nodes.status = [status(1_001)] * 4
    nodes.go_on(PERIOD_S, each_s=30)
    nodes.go_on(DELIVER_S - 60, each_s=300)
    assert nodes.killed == 4
    assert nodes.left() == 0
    assert nodes.sum(0).counters[0].value == 4


def test_a_period_whose_begin_or_end_was_missed_is_not_counted(nodes: Nodes) -> None:
    nodes.clock.advance(LOOK_S + LATE_S + 1)
    nodes.go_on(PERIOD_S, each_s=30)
    nodes.go_on(DELIVER_S, each_s=300)
    with pytest.raises(MisuseError, match="0 nodes are too few"):
        nodes.sum(0)
    # The second period is watched from its begin, but not at its end.
    nodes.go_on(PERIOD_S - DELIVER_S - 120, each_s=30)
    nodes.clock.advance(LATE_S + 300)
    nodes.go_on(DELIVER_S, each_s=300)
    with pytest.raises(MisuseError, match="0 nodes are too few"):
        nodes.sum(1)


def test_a_node_without_a_status_is_told_of_and_left_out(nodes: Nodes) -> None:
    nodes.status[2] = None
    nodes.status[3] = b"{}"
    nodes.go_on(2 * LOOK_S)
    assert nodes.relays[2].problem == "the node's status is not there"
    assert "does not tell when" in str(nodes.relays[3].problem)
    nodes.status[3] = status(1)
    nodes.go_on(PERIOD_S, each_s=30)
    nodes.go_on(DELIVER_S, each_s=300)
    assert nodes.relays[3].problem is None
    with pytest.raises(MisuseError, match="2 nodes are too few"):
        nodes.sum(0)


def test_a_collector_that_refuses_is_asked_again_for_some_time_and_told_of(nodes: Nodes) -> None:
    nodes.hosted[0].is_away = True
    nodes.go_on(2 * LOOK_S)
    nodes.go_on(PERIOD_S, each_s=30)
    nodes.go_on(DELIVER_S + 60, each_s=30)
    assert nodes.left() == 0
    assert nodes.relays[0].problem == "alpha did not take the share of period 0"


def test_a_key_that_is_not_in_the_plan_is_refused(nodes: Nodes) -> None:
    stranger = CountedNode(PLAN, private_key(4), lambda: None)
    with pytest.raises(MisuseError, match="no node with the key"):
        assert stranger.place
    assert nodes.relays[3].state.outgoing == ()
