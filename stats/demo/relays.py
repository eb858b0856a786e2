"""The third example: the packets of a whole network are counted over all nodes, and nobody learns the count of one.

A program beside each node reads its status, adds noise, and splits the count between two collectors (PrivCount).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from loopixmix.errors import UnavailableError
from loopixmix.params import NetworkParams
from loopixmix.process.background import loopixmix_command, start_in_background, stop_holder
from loopixmix.process.files import lock_holder
from loopixmix.progress import Steps
from loopixmix.seams import Rng
from loopixmix.testnet.making import run_command
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import Additions, PlannedClient, PlannedProgram, PlannedService, TestnetPlan, provider_name
from loopixmix.testnet.story import Story
from loopixmix.verdict import Check, Verdict, verdict
from stats.counters.directory import LOCK_FILE, CountingConfig, CountingDirectory
from stats.counters.plan import CounterPlan, CountingNode, RelayCounter, encode_plan
from stats.counters.totals import CounterTotal, SummedPeriod, read_total, summed
from stats.demo.judging import limit_check

PARAMS = NetworkParams(
    delay_mean_s=0.2,
    payload_rate_per_s=8.0,
    loop_rate_per_s=1.0,
    drop_rate_per_s=1.0,
    node_loop_rate_per_s=2.0,
    pull_rate_per_s=5.0,
    pull_batch=9,
    epoch_length_s=1800,
    grace_s=30,
)
COLLECTORS = (1, 2)
"""At these providers; the client by which shares are sent is at another one."""
CLIENT, CLIENTS_PROVIDER = "counter", 3
PAGE_PORT = 30
AHEAD_S, PERIOD_S, DELIVER_S = 20, 60, 60
"""The programs are to be there when the period begins. It is the shortest that a plan may have."""
START_WITHIN_S, JOIN_WITHIN_S, STOP_WITHIN_S, LOOK_S = 120.0, 60.0, 10.0, 0.5
PROTECTED = 5
NEAR = (0.6, 1.3)
"""The programs join a few seconds after the begin, and look every five seconds: so the sum may be this much of what
the nodes themselves tell of the whole period, before the noise."""
UNIFORM = 2**32
"""A share of a count is below this in one of four thousand million cases."""


@dataclass(frozen=True)
class RelayEvents:
    """All that happened. `truth`: packets of all nodes in the period, by their own status files."""

    nodes: Sequence[str]
    truth: int
    totals: Sequence[CounterTotal]
    result: SummedPeriod
    left: Sequence[str]


def demonstrate_relays(root: Path, base_port: int, console: Console, rng: Rng) -> Verdict:
    """Count in the folder `root`, and judge it. Raises what ended it; nothing is left running then, too."""
    begin_s = time.monotonic()
    with Steps(console) as steps:
        story = Story(console, steps)
        console.print("[bold]Counters of relays[/]: the packets of a network, and of no single node")
        steps.step("making the keys of the network's nodes", 1)
        network = _make(root, base_port)
        steps.finish()
        events = _count(root, network, story, rng)
        _tell(story, events)
    took_s = time.monotonic() - begin_s
    [packets] = events.result.counters
    figures = {
        "nodes": float(len(events.nodes)),
        "packets": float(packets.value),
        "truth": float(events.truth),
        "margin": (packets.high - packets.low) / 2,
        "eps": round(events.result.eps, 3),
        "demo_s": round(took_s, 1),
    }
    return verdict([*relay_checks(events), limit_check("time", took_s, 300.0, "s")], figures)


def relay_checks(events: RelayEvents) -> list[Check]:
    """Return the checks of the example."""
    [packets] = events.result.counters
    margin = packets.high - packets.value
    low, high = NEAR[0] * events.truth - 2 * margin, NEAR[1] * events.truth + 2 * margin
    sums = [total.sums[0] for total in events.totals]
    return [
        Check(
            name="nodes in the sum",
            passed=list(events.result.nodes) == list(events.nodes),
            value=f"{len(events.result.nodes)}",
            expected=f"{len(events.nodes)}",
            detail=f"missing: {', '.join(events.result.missing) or 'none'}",
        ),
        Check(
            name="the sum",
            passed=low <= packets.value <= high,
            value=f"{packets.value:,} packets",
            expected=f"about {events.truth:,}",
            detail=f"with noise of {margin:,} to both sides (95 %)",
        ),
        Check(
            name="what one collector sees",
            passed=min(sums) > UNIFORM and sum(sums) % 2**64 == packets.value % 2**64,
            value=", ".join(f"{each:.2e}" for each in sums),
            expected="random numbers below 2^64",
            detail="which tell nothing but together",
        ),
        Check(
            name="processes left running",
            passed=not events.left,
            value=", ".join(events.left) or "none",
            expected="none",
        ),
    ]


def _make(root: Path, base_port: int) -> TestNetwork:
    programs = [
        PlannedProgram(
            f"stats-{place}",
            ("{python}", "-P", "-m", "loopixmix.main", "stats", "collector", "run", "{directory}/collector"),
            socket="collector/collector.sock",
            status_file="collector/status.json",
        )
        for place in COLLECTORS
    ]
    services = tuple(PlannedService("stats", provider=place, program=f"stats-{place}") for place in COLLECTORS)
    more = Additions(
        services=services, programs=tuple(programs), clients=(PlannedClient(CLIENT, CLIENTS_PROVIDER, guest=True),)
    )
    plan = TestnetPlan(width=1, providers=CLIENTS_PROVIDER, params=PARAMS, base_port=base_port).with_additions(more)
    network = TestNetwork.create(root / "net", plan)
    for place in COLLECTORS:
        port = str(base_port + PAGE_PORT + place)
        run_command("stats", ["collector", "init", str(_collector(network, place)), "--port", port])
    return network


def _collector(network: TestNetwork, place: int) -> Path:
    return network.directory / f"stats-{place}" / "collector"


def _count(root: Path, network: TestNetwork, story: Story, rng: Rng) -> RelayEvents:
    steps = story.steps
    relays = root / "relays"
    relays.mkdir(mode=0o700)
    with ExitStack() as stack:
        steps.step("starting the network, each node a process", len(network.names))
        stack.enter_context(network.running(timeout_s=START_WITHIN_S, progress=lambda ready, _: steps.done(ready)))
        steps.finish()
        nodes = [
            name for name, status in network.statuses().items() if status is not None and status.role != "authority"
        ]
        plan = _plan_of(network, relays, nodes, rng)
        stack.callback(_stop, relays, nodes)
        _start(root, relays, nodes, story)
        truth = _watch(network, plan, story)
        totals = _totals(root, network, plan)
    left = [name for name in nodes if lock_holder(relays / name / LOCK_FILE) is not None]
    left += list(network.processes.running())
    return RelayEvents(nodes, truth, totals, summed(plan, totals), left)


def _plan_of(network: TestNetwork, relays: Path, nodes: Sequence[str], rng: Rng) -> CounterPlan:
    """Make a program beside each node, with a key of its own, and the plan that all of them have."""
    made = {
        name: CountingDirectory.create(
            relays / name,
            CountingConfig(
                status=str(network.directory / name / "status.json"), client=str(network.directory / CLIENT)
            ),
            rng,
        )
        for name in nodes
    }
    plan = CounterPlan(
        name="traffic",
        opens=datetime.fromtimestamp(int(time.time()) + AHEAD_S, UTC),
        period_s=PERIOD_S,
        periods=1,
        deliver_s=DELIVER_S,
        collectors=tuple(map(provider_name, COLLECTORS)),
        eps="1",
        delta="0.00001",
        least_nodes=len(nodes) - 1,
        dishonest=1,
        counters=(RelayCounter(name="packets", path="packets_in", protected=PROTECTED),),
        nodes=tuple(CountingNode(name=name, key=directory.public()) for name, directory in made.items()),
    )
    encoded = encode_plan(plan)
    file = relays / "plan.json"
    for path in (file, *(directory.path / "plan.json" for directory in made.values())):
        path.write_bytes(encoded)
    for place in COLLECTORS:
        run_command(
            "stats", ["counters", "add", str(_collector(network, place)), str(file), "--as", provider_name(place)]
        )
    return plan


def _start(root: Path, relays: Path, nodes: Sequence[str], story: Story) -> None:
    story.steps.step("a program begins to count beside each node", len(nodes))
    for name in nodes:
        command = loopixmix_command("stats", "relay", "run", str(relays / name))
        start_in_background(command, log=root / "relays.log", environment=os.environ)
    deadline_s = time.monotonic() + JOIN_WITHIN_S
    while counting := [name for name in nodes if not _is_counting(relays / name)]:
        story.steps.done(len(nodes) - len(counting))
        if time.monotonic() > deadline_s:
            raise UnavailableError(f"the program beside {counting[0]} does not count after {JOIN_WITHIN_S:g} s")
        time.sleep(LOOK_S)
    story.steps.finish()


def _is_counting(relay: Path) -> bool:
    path = relay / "status.json"
    found = json.loads(path.read_bytes()) if path.exists() else {}
    return found.get("complete") is True


def _watch(network: TestNetwork, plan: CounterPlan, story: Story) -> int:
    """Wait until all shares are there; return how many packets the nodes had in the period, by their own counts."""
    # The programs were waited for until they counted: the period has just begun.
    steps, began_s, began = story.steps, time.time(), _packets(network)
    ends_s = plan.ends_s(0)
    _wait("the nodes carry cover traffic, which is counted", ends_s, steps)
    per_s = (_packets(network) - began) / (time.time() - began_s)
    _wait("the shares travel to the two collectors", ends_s + DELIVER_S + 1, steps)
    return round(per_s * PERIOD_S)


def _wait(what: str, until_s: float, steps: Steps) -> None:
    left = max(1, round(until_s - time.time()))
    steps.step(what, left)
    while (now_s := time.time()) < until_s:
        steps.done(max(0, left - round(until_s - now_s)))
        time.sleep(min(LOOK_S, until_s - now_s))
    steps.finish()


def _packets(network: TestNetwork) -> int:
    return sum(status.packets_in for status in network.statuses().values() if status is not None)


def _totals(root: Path, network: TestNetwork, plan: CounterPlan) -> list[CounterTotal]:
    totals = []
    for place in COLLECTORS:
        out = root / f"total-{place}.json"
        words = ["counters", "total", _collector(network, place), root / "relays" / "plan.json", 0, out]
        run_command("stats", [str(word) for word in words])
        totals.append(read_total(out.read_bytes(), plan))
    return totals


def _stop(relays: Path, nodes: Sequence[str]) -> None:
    for name in nodes:
        stop_holder(relays / name / LOCK_FILE, within_s=STOP_WITHIN_S)


def _tell(story: Story, events: RelayEvents) -> None:
    [packets] = events.result.counters
    for total in events.totals:
        story.tell(f"collector at {total.collector}", f"sees {total.sums[0]}, the sum of its shares: a random number")
    story.tell("both together", f"{packets.value:,} packets (95 %: {packets.low:,} to {packets.high:,})")
    story.tell("the nodes themselves", f"had about {events.truth:,} in the whole minute, which nobody is told")
    story.tell("privacy loss", f"eps = {events.result.eps:.2f} for who causes {PROTECTED} packets at most")
