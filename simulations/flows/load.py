"""The load of processors: from a utilisation of 1 on, queues grow without end."""

from __future__ import annotations

from simulations.flows import traffic
from simulations.flows.rates import PROVIDERS, FlowStage, flows_of
from simulations.scenario.reading import ScenarioError
from simulations.scenario.values import Scenario


def check_load(scenario: Scenario) -> None:
    """Raise `ScenarioError`, naming the keys, if a node would work all the time there is, or more."""
    for stage in flows_of(scenario).stages:
        # The most loaded node decides: with biased routing others of the stage may have room to spare.
        busy = traffic.utilisation_of(stage, scenario) * _most_loaded(stage, scenario)
        if busy >= 1:
            width = "topology.providers" if stage.name == PROVIDERS else "topology.mixes_per_layer"
            raise ScenarioError(
                f"processors.unwrap_s ({scenario.processors.unwrap_s:g}) is too long for what {stage.name} take: a "
                f"node would work {busy:.3g} times the time there is; raise {width} or processors.cores, or lower the "
                "rates"
            )


def _most_loaded(stage: FlowStage, scenario: Scenario) -> float:
    """Return how many times the mean load the most loaded node of a stage has, by biased routing."""
    corruption, width = scenario.corruption, stage.width
    if stage.name == PROVIDERS or corruption.placement != "biased":
        return 1.0
    ours = round(corruption.share * width)
    if not 0 < ours < width:
        return 1.0
    return max(corruption.routed_share / ours, (1 - corruption.routed_share) / (width - ours)) * width
