"""The latency model that a scenario asks for."""

from __future__ import annotations

from simulations.latency.everywhere import ConstantLatency, UniformLatency
from simulations.latency.model import LatencyModel
from simulations.scenario.reading import ScenarioError
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds


def make_latency(scenario: Scenario, seeds: Seeds) -> LatencyModel:  # noqa: ARG001
    """Return the model of `scenario.links`, places drawn by the seeds of `topology` (nodes) and `users`.

    Raises `ScenarioError` where the links cannot be built from what the scenario says.
    """
    links = scenario.links
    match links.model:
        case "constant":
            return ConstantLatency(links.latency_s)
        case "uniform":
            return UniformLatency(links.low_s, links.high_s)
    raise ScenarioError(f'links.model = "{links.model}" is not there yet')
