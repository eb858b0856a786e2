"""Waits: how long messages and requests take by theory, and among deployed nodes in virtual time.

Theory is what `simulate plan` judges its plans by. The settings differ in rates, delays, sizes, layers and loss.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from numpy.random import Generator

from client.core.asking.steps import ENOUGH_LOOPS, STEP_S
from client.core.timing.estimate import Conditions, estimate_request
from loopixmix.errors import MisuseError
from simulations.exact.engine import ENGINE as EXACT
from simulations.flows.deployed import params_of, retry_policy_of
from simulations.flows.requesting import pace_of
from simulations.flows.traffic import real_packets_per_s
from simulations.measures.catalogue import Measure
from simulations.nodes import ENGINE as NODES
from simulations.nodes.engine import little_garbage_collection, measure_world
from simulations.nodes.measurement import Watch
from simulations.outcome import Distribution
from simulations.scenario.reading import change
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds
from simulations.verify.rows import SHARE_ERRORS, Case, Effort, Row
from simulations.world.network import START_S
from simulations.world.world import World

WITHIN = 0.15
"""How far an estimate may be from the mean, as a share of it."""
_USERS = 4
"""Few: each of them has to learn how much is lost before anything is measured."""
_LOAD = 0.3
"""The share of turns of the payload stream that messages take."""
_PAUSE_MEAN_S = 1.0
_LOOPS = 2.0 * ENOUGH_LOOPS
"""After so many loops of its own a client has chosen for how much loss it allows, and chosen once more."""
_CHOSEN_ONCE = 0.85
"""The part of the warm-up that is over when an hour of the clients' clock begins, and they choose again.

By then all have chosen once, and some of them wrongly, as loss looks on few loops. Theory is about clients that have
run for hours: without the second choice one in fourteen would allow for no loss at all, and each of its requests would
need a second round.
"""

SLOW: Mapping[str, object] = {
    "traffic.payload_rate_per_s": 0.2,
    "traffic.loop_rate_per_s": 0.05,
    "traffic.drop_rate_per_s": 0.05,
    "traffic.node_loop_rate_per_s": 0.1,
    "traffic.pull_rate_per_s": 0.1,
    "mix.delay_mean_s": 1.0,
}
FAST: Mapping[str, object] = {
    "traffic.payload_rate_per_s": 40.0,
    "traffic.loop_rate_per_s": 5.0,
    "traffic.drop_rate_per_s": 5.0,
    "traffic.node_loop_rate_per_s": 3.0,
    "traffic.pull_rate_per_s": 5.0,
    "traffic.pull_batch": 29,
    "mix.delay_mean_s": 0.05,
}
"""The rates of a test network."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A network, and what is sent in it: messages of some packets, or requests of some bytes and their answers.

    `loss`: the share of packets that is lost on a whole path. `count`: how many are sent in the long form, about.
    `quick`: whether the short form has it, too.
    """

    name: str
    changes: Mapping[str, object] = field(default_factory=dict)
    packets: int = 0
    request_bytes: int = 0
    answer_bytes: int = 0
    loss: float = 0.0
    count: int = 500
    quick: bool = False

    @property
    def title(self) -> str:
        """The setting in some words."""
        what = (
            f"message, {self.packets} packet{'s' if self.packets > 1 else ''}"
            if self.packets
            else f"request, {self.request_bytes:,} + {self.answer_bytes:,} B"
        )
        return f"{what}; {self.name}" + (f", {self.loss:.0%} lost" if self.loss else "")

    def scenario(self) -> Scenario:
        """Return the scenario, but for its length."""
        scenario = change(
            Scenario(),
            {
                "name": "waits",
                "topology.mixes_per_layer": 2,
                "users.count": _USERS,
                "users.contacts": 3,
                "users.messages_per_day": 0.0,
                "links.latency_s": 0.02,
                "run.targets": 0,
                "run.replicates": 1,
                **self.changes,
            },
        )
        links = scenario.topology.layers + 2
        return change(scenario, {"links.loss": 1 - (1 - self.loss) ** (1 / links), **self._sent(scenario)})

    def _sent(self, scenario: Scenario) -> dict[str, object]:
        if self.packets:
            messages_per_s = _LOAD * scenario.traffic.payload_rate_per_s / self.packets
            return {"users.packets_per_message": self.packets, "users.messages_per_day": messages_per_s * 86_400}
        sizes: dict[str, object] = {
            "requests.request_bytes": self.request_bytes,
            "requests.answer_bytes": self.answer_bytes,
        }
        return {**sizes, "requests.pause_mean_s": _PAUSE_MEAN_S}


SETTINGS = (
    Setting(name="default rates", packets=2, quick=True),
    Setting(name="default rates", packets=1, loss=0.05, count=800),
    Setting(name="a test network", changes=FAST, packets=2, count=1000),
    Setting(name="a test network", changes=FAST, packets=10, loss=0.05, count=500),
    Setting(name="slow", changes=SLOW, packets=2, count=300),
    Setting(name="one layer", changes={"topology.layers": 1, "mix.delay_mean_s": 0.5}, packets=5, count=300),
    Setting(name="five layers", changes={"topology.layers": 5, "mix.delay_mean_s": 0.1}, packets=2, loss=0.02),
    Setting(name="long delays", changes={"mix.delay_mean_s": 2.0}, packets=20, count=150),
    Setting(name="default rates", request_bytes=1000, answer_bytes=1000, count=200, quick=True),
    Setting(name="default rates", request_bytes=1000, answer_bytes=1000, loss=0.05, count=250),
    Setting(name="default rates", request_bytes=4096, answer_bytes=1000, count=200),
    Setting(name="default rates", request_bytes=4096, answer_bytes=1000, loss=0.05, count=200),
    Setting(name="default rates", request_bytes=1000, answer_bytes=100_000, count=40),
    Setting(name="default rates", request_bytes=1000, answer_bytes=100_000, loss=0.05, count=40),
    Setting(name="a test network", changes=FAST, request_bytes=4096, answer_bytes=100_000, count=60, quick=True),
    Setting(name="a test network", changes=FAST, request_bytes=100_000, answer_bytes=100_000, loss=0.05, count=40),
    Setting(name="a test network", changes=FAST, request_bytes=262_144, answer_bytes=1000, count=40),
    Setting(name="slow", changes=SLOW, request_bytes=1000, answer_bytes=10_000, count=100),
    Setting(
        name="one layer",
        changes={"topology.layers": 1, "mix.delay_mean_s": 1.0},
        request_bytes=20_000,
        answer_bytes=20_000,
        count=80,
    ),
    Setting(
        name="five layers",
        changes={"topology.layers": 5, "mix.delay_mean_s": 0.05},
        request_bytes=1000,
        answer_bytes=30_000,
        loss=0.02,
        count=120,
    ),
)


def wait_rows(setting: Setting, effort: Effort, generator: Generator) -> Sequence[Row]:
    """Run a setting for as long as it takes to send what is wanted; compare the mean with theory and clients' words."""
    scenario = change(setting.scenario(), {"seeds.root": int(generator.integers(0, 2**62))})
    theory_s = _by_theory_s(setting, scenario)
    count = max(30, effort.trials(setting.count))
    # Nearly all are there after ten means: some of what is lost comes after the third repetition only.
    scenario = change(
        scenario,
        {
            "run.duration_s": count * _apart_s(setting, scenario, theory_s) / _USERS,
            "run.warm_up_s": max(2 * theory_s, _LOOPS / scenario.traffic.loop_rate_per_s if setting.loss else 0.0),
            "run.drain_s": (10 if setting.loss else 4) * theory_s,
        },
    )
    measured = _simulated(setting, scenario)
    spread = measured.spread
    within_s = WITHIN * spread.mean
    if effort.trials_share < 1:
        within_s += SHARE_ERRORS * spread.sd / math.sqrt(spread.count)
    reason = (
        f"{WITHIN:.0%} of the simulated mean; in the short form {SHARE_ERRORS:g} standard errors more, as few are sent"
    )
    return [
        Row(
            figure="waits",
            setting=f"{who}: {setting.title}",
            unit="s",
            simulated=spread.mean,
            theory=told_s,
            theory_within=within_s,
            reason=reason,
        )
        for who, told_s in (("planner", theory_s), ("client", measured.foretold_s))
    ]


@dataclass(frozen=True)
class _Measured:
    """How long what was sent took, and what the clients said before."""

    spread: Distribution
    foretold_s: float


def _simulated(setting: Setting, scenario: Scenario) -> _Measured:
    NODES.check(scenario)
    start_s = START_S + STEP_S - _CHOSEN_ONCE * scenario.run.warm_up_s if setting.loss else START_S
    world = World(scenario, Seeds(scenario.seeds, replicate=0), start_s=start_s)
    world.letters.foretells = True
    watch = Watch(world)
    with little_garbage_collection():
        outcome = measure_world(world, watch, progress=_silent)
    if setting.packets:
        told_s = world.letters.foretold_mean_s(watch.from_s, watch.until_s)
        return _Measured(outcome.distributions[Measure.DELIVERY_S], told_s)
    return _Measured(outcome.distributions[Measure.REQUEST_S], _foretold_request_s(setting, scenario))


def _foretold_request_s(setting: Setting, scenario: Scenario) -> float:
    """Return what a client tells of a request, if it has measured loss and links rightly."""
    if scenario.requests is None:
        raise MisuseError("the setting has no requests")
    params, pace = params_of(scenario), pace_of(scenario, scenario.requests)
    links_s = (scenario.topology.layers + 2) * scenario.links.latency_s
    conditions = Conditions(
        params=params,
        policy=retry_policy_of(scenario),
        loss=setting.loss,
        overhead_s=links_s,
    )
    return estimate_request(pace.parts, conditions, free_items_per_s=params.free_pulls_per_s).mean_s


def _by_theory_s(setting: Setting, scenario: Scenario) -> float:
    figures = EXACT.run(scenario, Seeds(scenario.seeds, replicate=0), progress=_silent).figures
    return figures[Measure.DELIVERY_MEAN_S if setting.packets else Measure.REQUEST_MEAN_S]


def _apart_s(setting: Setting, scenario: Scenario, mean_s: float) -> float:
    """Return how long after another one of its own a user sends one, on average."""
    if setting.packets:
        return setting.packets / real_packets_per_s(scenario)
    return _PAUSE_MEAN_S + mean_s


def _silent(_: float) -> None:
    """Do nothing: progress is counted in cases."""


CASES = tuple(
    Case("waits", setting.title, partial(wait_rows, setting), 20.0, long_only=not setting.quick) for setting in SETTINGS
)
