"""End-to-end latency (Loopix Fig. 10): four hops that mix, each with a mean delay of half a second, 500 users."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from importlib import import_module

from numpy.random import Generator

from simulations.formulas.latency import erlang_mean_s, erlang_sd_s
from simulations.measures.catalogue import Measure
from simulations.outcome import Engine
from simulations.scenario.reading import change
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds
from simulations.verify import publications
from simulations.verify.rows import SHARE_ERRORS, Case, Effort, Row

_HOPS = 4
_DELAY_MEAN_S = 0.5

SCENARIO = change(
    Scenario(),
    {
        "name": "loopix-fig10",
        "topology.layers": _HOPS - 1,  # the provider is the first hop that mixes
        "users.count": 500,
        "mix.delay_mean_s": _DELAY_MEAN_S,
        "traffic.payload_rate_per_s": 0.2,
        "traffic.loop_rate_per_s": 0.1,
        "traffic.drop_rate_per_s": 0.1,
        "traffic.node_loop_rate_per_s": 0.1,
        "traffic.pull_rate_per_s": 0.1,
        "run.warm_up_s": 5.0,
        "run.drain_s": 12.0,
        "run.targets": 0,
    },
)


def latency_rows(engine: str, duration_s: float, effort: Effort, generator: Generator) -> Sequence[Row]:
    """Run the scenario for `duration_s` (a tenth of it in the short form) and compare what packets took.

    Gamma(4) has a kurtosis of 3 + 6 / 4; so the sd of n packets varies by sqrt(3.5 / 4n) of itself. Packets during the
    same second meet the same pools, but draw their delays alone: they are independent.
    """
    scenario = change(
        SCENARIO,
        {"run.duration_s": duration_s * effort.trials_share, "seeds.root": int(generator.integers(0, 2**62))},
    )
    # Each user has to be set up, so that fewer of them for longer cost less.
    if effort.trials_share < 1 and engine == "nodes":
        scenario = change(scenario, {"users.count": 100, "run.duration_s": duration_s / 4})
    simulated: Engine = import_module(f"simulations.{engine}").ENGINE
    outcome = simulated.run(scenario, Seeds(scenario.seeds, replicate=0), progress=_silent)
    found = outcome.distributions[Measure.LATENCY_S]
    sd_s = erlang_sd_s(_HOPS, _DELAY_MEAN_S)
    reason = (
        f"{SHARE_ERRORS:g} standard errors of {found.count:,} packets; what was published is a fit to measurements "
        "of 500 users on real machines, and not compared with"
    )
    return [
        Row(
            figure="loopix-fig10",
            setting=f"engine {engine}: mean",
            unit="s",
            simulated=found.mean,
            published=publications.LOOPIX_FIG_10_FIT_MEAN_S,
            theory=erlang_mean_s(_HOPS, _DELAY_MEAN_S),
            theory_within=SHARE_ERRORS * sd_s / math.sqrt(found.count),
            reason=reason,
        ),
        Row(
            figure="loopix-fig10",
            setting=f"engine {engine}: sd",
            unit="s",
            simulated=found.sd,
            published=publications.LOOPIX_FIG_10_FIT_SD_S,
            theory=sd_s,
            theory_within=SHARE_ERRORS * sd_s * math.sqrt(3.5 / 4 / found.count),
            reason=reason,
        ),
    ]


def _silent(_: float) -> None:
    """Do nothing: progress is counted in cases."""


CASES = (
    Case("loopix-fig10", "vector", partial(latency_rows, "vector", 1000.0), 5.0),
    Case("loopix-fig10", "nodes", partial(latency_rows, "nodes", 40.0), 60.0),
)
