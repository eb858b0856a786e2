"""The `vector` engine: packets as arrays, drawn and counted a slice of time at once, whatever the number of users."""

from __future__ import annotations

from loopixmix.sweeps.work import Progress
from simulations.flows.load import check_load
from simulations.measures.catalogue import Measure, by_name
from simulations.measures.samples import sample_notes
from simulations.outcome import Outcome
from simulations.scenario.reading import ScenarioError
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds
from simulations.unlinkability import check_unlinkability, epsilon_of
from simulations.vector.figures import distributions_of, figures_of, notes_of
from simulations.vector.run import Replicate, packets_under_way

MOST_UNDER_WAY = 100_000_000
"""Packets on their way at once above which a scenario is refused: each takes about 100 bytes."""


class VectorEngine:
    """Traces of all packets, and the recursion of entropy over them; the deployed topology or the papers' models."""

    name = "vector"

    def check(self, scenario: Scenario) -> None:
        """Raise `ScenarioError`, naming the keys, if nothing is sent, processors are too slow for what comes, or
        more is on its way than fits in memory.
        """
        check_unlinkability(scenario)
        under_way = packets_under_way(scenario)
        if not under_way:
            raise ScenarioError(
                "no user sends anything: traffic.payload_rate_per_s, traffic.loop_rate_per_s and "
                "traffic.drop_rate_per_s are all 0"
            )
        check_load(scenario)
        if under_way > MOST_UNDER_WAY:
            raise ScenarioError(
                f"{under_way:.2g} packets would be on their way at once (users.count x rates of traffic x "
                f"(mix.delay_mean_s and links) x hops); the vector engine takes {MOST_UNDER_WAY:.0e} at most"
            )

    def run(self, scenario: Scenario, seeds: Seeds, *, progress: Progress) -> Outcome:
        """Simulate one replicate from an empty network on; same scenario and seeds, same outcome, bit for bit."""
        self.check(scenario)
        parts = 1 if scenario.unlinkability is None else 2
        replicate = Replicate(scenario, seeds)
        replicate.run(lambda done: progress(done / parts))
        epsilon = epsilon_of(scenario, seeds, progress=lambda done: progress((1 + done) / parts))
        progress(1.0)
        distributions = by_name(distributions_of(replicate))
        return Outcome(
            engine=self.name,
            figures=by_name(figures_of(replicate) | epsilon),
            distributions=distributions,
            notes=(*notes_of(replicate), *sample_notes(distributions, wanted=[Measure.LATENCY_S])),
        )


ENGINE = VectorEngine()
