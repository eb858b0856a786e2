"""The load of processors: from a utilisation of 1 on, queues grow without end."""

from __future__ import annotations

from simulations.flows import traffic
from simulations.flows.rates import PROVIDERS, flows_of
from simulations.scenario.reading import ScenarioError
from simulations.scenario.values import Scenario


def check_load(scenario: Scenario) -> None:
    """Raise `ScenarioError`, naming the keys, if a node would work all the time there is, or more."""
    for stage in flows_of(scenario).stages:
        # The most loaded node decides: if mixes differ in weight, others of the stage may have room to spare.
        busy = traffic.busy_share(stage.busiest, scenario)
        if busy >= 1:
            width = "topology.providers" if stage.name == PROVIDERS else "topology.mixes_per_layer"
            raise ScenarioError(
                f"processors.unwrap_s ({scenario.processors.unwrap_s:g}) is too long for what {stage.name} take: a "
                f"node would work {busy:.3g} times the time there is; raise {width} or processors.cores, or lower the "
                "rates"
            )
