"""Simulations: the deployed nodes in virtual time, numpy for millions of users, closed forms; one scenario for all.

from simulations import load_scenario, run

result = run(load_scenario("default"), sweep={"mix.delay_mean_s": [0.1, 0.2, 0.5]}, replicates=20)
result.summary()
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulations.results.result import Result as Result
    from simulations.scenario import Scenario as Scenario
    from simulations.scenario import ScenarioError as ScenarioError
    from simulations.scenario import change as change
    from simulations.scenario import scenario_named as load_scenario
    from simulations.workbench.runs import run as run

__all__ = ["Result", "Scenario", "ScenarioError", "change", "load_scenario", "run"]

_PLACES = {
    "Result": ("simulations.results.result", "Result"),
    "Scenario": ("simulations.scenario", "Scenario"),
    "ScenarioError": ("simulations.scenario", "ScenarioError"),
    "change": ("simulations.scenario", "change"),
    "load_scenario": ("simulations.scenario", "scenario_named"),
    "run": ("simulations.workbench.runs", "run"),
}


def __getattr__(name: str) -> object:
    """Import what a notebook asks for when it asks: the commands of `loopixmix` stay quick."""
    from importlib import import_module

    from loopixmix.extras import missing_extra

    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PLACES[name]
    try:
        found: object = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        told = missing_extra(error)
        if told is None:
            raise
        raise ModuleNotFoundError(told, name=error.name) from error
    return found


def __dir__() -> list[str]:
    """Return what can be imported from here."""
    return sorted(__all__)
