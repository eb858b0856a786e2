"""The engine `nodes`: one replicate of a scenario by the deployed code, in virtual time."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from loopixmix.sweeps.threads import WhileAny
from loopixmix.sweeps.work import Progress
from simulations.flows.rates import flows_of
from simulations.flows.traffic import utilisation_of
from simulations.measures.catalogue import Measure, by_name
from simulations.measures.samples import sample_notes
from simulations.nodes.limits import refusals
from simulations.nodes.measurement import Totals, Watch
from simulations.outcome import Outcome
from simulations.scenario.reading import ScenarioError
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds
from simulations.world.behaviour import Letters
from simulations.world.errands import Errands
from simulations.world.world import World

_SLICES = 1000
"""Progress can be told after each of so many spans of virtual time."""
_TELL_EVERY_S = 1.0
# As `LEAST_POOL` of the closed forms.
_FEW_PACKETS = 25.0
# From this share of a processor's time on, queues are as long as delays in most networks.
_BUSY = 0.9
_NOTED_SHARE = 0.02
# A session is interrupted within a delivery of a fiftieth of its mean in one of fifty cases.
_LONG_SESSIONS = 50
# Worlds make few cycles, and looking for them among all that lives takes long: what was built is left out of it.
_GARBAGE_THRESHOLD = 200_000


class NodesEngine:
    """The shipped mixes, providers and clients on a virtual clock (see `simulations.world.world.World`)."""

    name = "nodes"

    def check(self, scenario: Scenario) -> None:
        """Raise `ScenarioError`, naming the keys, if the deployed code cannot do what the scenario says."""
        faults = list(refusals(scenario))
        if faults:
            raise ScenarioError("the engine nodes runs the deployed code, which cannot do this: " + "; ".join(faults))

    def run(self, scenario: Scenario, seeds: Seeds, *, progress: Progress) -> Outcome:
        """Build the world of a scenario, let it run, and return what was measured in it."""
        self.check(scenario)
        world = World(scenario, seeds)
        watch = Watch(world)
        with little_garbage_collection():
            measured = measure_world(world, watch, progress=progress)
        notes = (
            *_notes(scenario, measured.figures),
            *_under_way_notes(world, watch, measured),
            *_interruption_notes(scenario, measured.figures),
            *sample_notes(measured.distributions, wanted=_measured_of(scenario)),
        )
        return msgspec.structs.replace(measured, notes=notes)


def measure_world(world: World, watch: Watch, *, progress: Progress) -> Outcome:
    """Run a new, watched world through warm-up, window and drain, stop it, and return its figures."""
    run = world.scenario.run
    world.start()
    pace = _Pace(world, world.start_s + run.warm_up_s + run.duration_s + run.drain_s, progress)
    pace.go(watch.from_s)
    before = watch.totals()
    pace.go(watch.until_s)
    window: Totals = watch.totals().since(before)
    pace.go(pace.end_s)
    figures, distributions = watch.figures(window)
    world.stop()
    progress(1.0)
    return Outcome(engine=NodesEngine.name, figures=by_name(figures), distributions=by_name(distributions))


@dataclass
class _Pace:
    """Lets a world run, and tells how far it is about every second."""

    world: World
    end_s: float
    progress: Progress
    told_at_s: float = 0.0

    def go(self, until_s: float) -> None:
        clock, start_s = self.world.clock, self.world.start_s
        span_s = (self.end_s - start_s) / _SLICES
        while clock.seconds() < until_s:
            self.world.run_until(min(clock.seconds() + span_s, until_s))
            now_s = time.monotonic()
            if now_s - self.told_at_s >= _TELL_EVERY_S:
                self.told_at_s = now_s
                self.progress(min(1.0, (clock.seconds() - start_s) / (self.end_s - start_s)))


def _collect_little() -> Callable[[], None]:
    before = gc.get_threshold()
    gc.set_threshold(_GARBAGE_THRESHOLD, *before[1:])
    gc.collect()
    # What was built lives until the end: the collector need not look at it again and again.
    gc.freeze()

    def end() -> None:
        gc.unfreeze()
        gc.set_threshold(*before)

    return end


little_garbage_collection = WhileAny(_collect_little)
"""Looks for cycles seldom while a block lasts, and not among what was there before."""


def _notes(scenario: Scenario, figures: dict[str, float]) -> Iterator[str]:
    yield (
        "Accounts and contacts are there from the beginning: the rows that registration and look-ups would have left "
        "are written into the stores." + (" Guests open their accounts by themselves." if scenario.users.guests else "")
    )
    if scenario.packets.cryptography:
        yield (
            "Packets are real Sphinx; messages within them are sealed without secrecy, because the deployed sealing "
            "draws on the operating system's randomness, and no run would repeat."
        )
    else:
        yield "The cryptography is left out; every decision about packets is made as with it."
    if figures.get(Measure.POOL_MEAN, 0.0) < _FEW_PACKETS:
        yield "Mixes hold fewer than 25 packets on average: closed forms of entropy are too high there."
    if scenario.processors.unwrap_s > 0 and scenario.processors.cores > 1:
        yield "The deployed intake unwraps batch by batch: packets wait for a batch while cores are idle."
    busiest = max(flows_of(scenario).stages, key=lambda stage: utilisation_of(stage, scenario))
    if utilisation_of(busiest, scenario) > _BUSY:
        yield (
            f"Nodes of the stage {busiest.name} have about as much to unwrap as they can, or more: they drop what they "
            "cannot unwrap in time, so that the rest is mixed. Figures of latency are of the rest."
        )
    attacks = scenario.attacks
    if any(attack is not None for attack in (attacks.fifo, attacks.disclosure, attacks.flow_matching)):
        yield "attacks.fifo, .disclosure and .flow_matching are left out: the engine vector carries them out."


def _measured_of(scenario: Scenario) -> Iterator[Measure]:
    yield Measure.LATENCY_S
    if scenario.users.messages_per_day > 0 and scenario.users.contacts and scenario.users.named:
        yield Measure.DELIVERY_S
    if scenario.requests is not None:
        yield Measure.REQUEST_S


def _under_way_notes(world: World, watch: Watch, measured: Outcome) -> Iterator[str]:
    # A message that is under way at the end waits for somebody absent, if anybody is.
    absent = world.scenario.users.online_share < 1
    records: tuple[tuple[Measure, str, Letters | Errands | None], ...] = (
        (Measure.DELIVERY_WITH_ABSENCE_S if absent else Measure.DELIVERY_S, "Messages", world.letters),
        (Measure.REQUEST_S, "Requests", world.errands),
    )
    for measure, what, record in records:
        if record is None or measure not in measured.distributions:
            continue
        if record.under_way_share(watch.from_s, watch.until_s) > _NOTED_SHARE:
            yield (
                f"{what} take longer than run.drain_s: those that were under way at the end are left out, and "
                f"{measure.removesuffix('_s')}_* come out too short."
            )


def _interruption_notes(scenario: Scenario, figures: dict[str, float]) -> Iterator[str]:
    longest_s = figures.get(Measure.DELIVERY_P95_S)
    if scenario.users.online_share < 1 and longest_s is not None:
        yield "delivery_* are for senders and recipients who are linked."
        if scenario.users.session_mean_s < _LONG_SESSIONS * longest_s:
            yield (
                f"Sessions (users.session_mean_s) are shorter than {_LONG_SESSIONS} times delivery_p95_s: what takes "
                "long is interrupted more often, and left out, so that delivery_* come out too short."
            )


ENGINE = NodesEngine()
