"""Packets of a whole network, counted over all nodes by two collectors: real processes, and the commands."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import FAST_PARAMS, PlannedClient, TestnetPlan
from stats.counters.plan import CounterPlan, CountingNode, RelayCounter, encode_plan
from tests.worlds.stats.commands import good

BASE_PORT, PAGE_PORT = 22_000, 22_050
PARAMS = msgspec.structs.replace(
    FAST_PARAMS,
    delay_mean_s=0.2,
    payload_rate_per_s=8.0,
    loop_rate_per_s=1.0,
    drop_rate_per_s=1.0,
    node_loop_rate_per_s=2.0,
    pull_batch=9,
)
PLAN = TestnetPlan(width=1, providers=3, params=PARAMS, base_port=BASE_PORT, clients=(PlannedClient("counter", 3),))
LINE = (sys.executable, "-P", "-m", "loopixmix.main", "stats")
PATIENCE_S = 240.0
PERIOD_S, DELIVER_S = 60, 90

pytestmark = pytest.mark.long


class Programs:
    """Programs that a test starts, and ends."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: object) -> None:
        with self._log.open("ab") as log:
            line = [*LINE, *map(str, arguments)]
            self._started.append(subprocess.Popen(line, stdout=log, stderr=log))

    def end(self) -> None:
        for process in self._started:
            process.terminate()
        for process in self._started:
            process.wait(30)

    def said(self) -> str:
        return self._log.read_text()


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    made = Programs(tmp_path / "programs.log")
    yield made
    made.end()


@pytest.fixture
def network(tmp_path: Path, programs: Programs) -> Iterator[TestNetwork]:
    made = TestNetwork.create(tmp_path / "net", PLAN)
    for place in (1, 2):
        collector = tmp_path / f"collector-{place}"
        said = good("collector", "init", collector, "--port", PAGE_PORT + place)
        with (made.directory / f"provider-{place}" / "node.toml").open("a") as config:
            config.write("\n" + said[said.index("[remote.stats]") :].partition("\n\n")[0] + "\n")
        programs.start("collector", "run", collector)
    with ExitStack() as stack:
        stack.enter_context(made.running(timeout_s=PATIENCE_S))
        yield made


def test_the_packets_of_a_network_are_counted_over_all_nodes(
    network: TestNetwork, programs: Programs, tmp_path: Path
) -> None:
    nodes = [name for name, status in network.statuses().items() if status is not None and status.role != "authority"]
    relays = {name: tmp_path / "relays" / name for name in nodes}
    (tmp_path / "relays").mkdir()
    client = ("--client", network.directory / "counter")
    listed = [
        good("relay", "init", path, "--status", network.directory / name / "status.json", *client)
        for name, path in relays.items()
    ]
    plan = CounterPlan(
        name="traffic",
        opens=datetime.fromtimestamp(int(time.time()), UTC),
        period_s=PERIOD_S,
        periods=2,
        deliver_s=DELIVER_S,
        collectors=("provider-1", "provider-2"),
        eps="1",
        delta="0.00001",
        least_nodes=len(nodes) - 1,
        dishonest=1,
        counters=(RelayCounter(name="packets", path="packets_in", protected=5),),
        nodes=tuple(msgspec.json.decode(line, type=CountingNode) for line in listed),
    )
    (tmp_path / "plan.json").write_bytes(encode_plan(plan))
    for place, name in enumerate(plan.collectors, 1):
        good("counters", "add", tmp_path / f"collector-{place}", tmp_path / "plan.json", "--as", name)
    for path in relays.values():
        (path / "plan.json").write_bytes(encode_plan(plan))
        programs.start("relay", "run", path)
    assert until(lambda: all("in period" in good("relay", "status", path) for path in relays.values())), programs.said()
    assert not any("too late" in good("relay", "status", path) for path in relays.values())

    began, began_s = counted(network), time.time()
    time.sleep(max(0.0, plan.ends_s(0) - time.time()))
    per_s = (counted(network) - began) / (time.time() - began_s)
    time.sleep(max(0.0, plan.ends_s(0) + DELIVER_S + 1 - time.time()))
    totals = [tmp_path / f"total-{place}.json" for place in (1, 2)]
    for place, total in enumerate(totals, 1):
        good("counters", "total", tmp_path / f"collector-{place}", tmp_path / "plan.json", 0, total)
    told = json.loads(good("counters", "sum", tmp_path / "plan.json", *totals, "--json"))

    assert told["nodes"] == nodes
    [packets] = told["counters"]
    # The programs joined a few seconds after the begin, and look every five seconds.
    assert 0.6 * PERIOD_S * per_s < packets["value"] < 1.2 * PERIOD_S * per_s
    assert packets["high"] - packets["low"] < 0.2 * packets["value"]
    # Neither total says anything on its own.
    sums = [json.loads(total.read_bytes())["sums"][0] for total in totals]
    assert sum(sums) % 2**64 == packets["value"]
    assert min(sums) > 1_000 * packets["value"]


def counted(network: TestNetwork) -> int:
    """Return the packets of all nodes since their start."""
    return sum(status.packets_in for status in network.statuses().values() if status is not None)


def until(condition: Callable[[], bool]) -> bool:
    deadline_s = time.monotonic() + 50
    while time.monotonic() < deadline_s:
        if condition():
            return True
        time.sleep(0.5)
    return False
