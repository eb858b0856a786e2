"""Figures of papers again: the values as published, theory, and what is simulated here, in one figure each.

Loopix: Piotrowska, Hayes, Elahi, Meiser, Danezis, USENIX Security 2017 (its curves are recomputed from its definitions,
as the paper prints curves only). MiXiM: Ben Guirat, Gosain, Diaz, PETS 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.random import SeedSequence

from loopixmix.sweeps.work import Progress
from simulations.formulas.entropy import layered_entropy_bits, one_mix_entropy_bits
from simulations.measures.replicates import Estimate, estimate
from simulations.outcome import Distribution
from simulations.unlinkability import epsilons, fluid_epsilon, papers_experiment
from simulations.vector.trace import trace
from simulations.verify.publications import (
    LOOPIX_FIG_4,
    LOOPIX_FIG_5,
    LOOPIX_FIG_6,
    LOOPIX_FIG_10_FIT_MEAN_S,
    LOOPIX_FIG_10_FIT_SD_S,
    MIXIM_FIG_5A,
    MIXIM_FIG_7A,
    MIXIM_LINK_S,
    MIXIM_RATE_PER_S,
    MIXIM_WIDTH,
    Layers,
    PublishedUnlinkability,
)

T = TypeVar("T")

ENTROPY = "entropy (bit)"
EPSILON = "unlinkability ε (nat)"
FLUID_REPETITIONS = 4000
DENSE = 19
"""Points of a curve of theory."""
FIG10_WINDOW_S = 20.0
# A child of the seed that no task has: theory draws nothing that a simulation draws.
_THEORY_STREAM = 999


@dataclass(frozen=True)
class FigureEffort:
    """How much is computed: independent replicates (2 or more for an interval), targets of each, processes, a seed."""

    replicates: int = 5
    targets: int = 20
    jobs: int = 1
    seed: int = 1


@dataclass(frozen=True)
class Curve:
    """One line of a figure: what is published and what was simulated at each `x`; theory at each `theory_x`.

    `countable`: there is nothing between two `theory_x`, such as layers; otherwise they are dense enough for a curve.
    """

    label: str
    x: tuple[float, ...]
    published: tuple[float, ...]
    simulated: tuple[Estimate, ...]
    theory_x: tuple[float, ...]
    theory: tuple[float, ...]
    countable: bool = False


@dataclass(frozen=True)
class PaperFigure:
    """A figure of a paper. `legend`: what the curves' labels are values of."""

    source: str
    x_label: str
    y_label: str
    legend: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class PaperDistribution:
    """A distribution of a paper: quantiles of replicates, and Gamma distributions by mean and sd, by their label."""

    source: str
    x_label: str
    simulated: tuple[Distribution, ...]
    theory: tuple[float, float]
    published: tuple[float, float]


_Task = Callable[[SeedSequence], float]


def loopix_fig4(effort: FigureEffort, progress: Progress) -> PaperFigure:
    """Loopix Fig. 4: entropy of one mix against the rate of packets, for three mean delays (1/mu)."""
    rates = tuple(dict.fromkeys(each.rate_per_s for each in LOOPIX_FIG_4))
    mus = sorted({each.delay_rate_per_s for each in LOOPIX_FIG_4})
    dense = tuple(float(rate) for rate in range(100, 501, 20))
    settings = [(rate, 1, 1, 1 / mu, 0.0) for mu in mus for rate in rates]
    found = _simulated([partial(_entropy_bits, effort.targets, *setting) for setting in settings], effort, progress)
    curves = [
        Curve(
            label=f"{mu:g}",
            x=rates,
            published=tuple(each.bits for each in LOOPIX_FIG_4 if each.delay_rate_per_s == mu),
            theory_x=dense,
            theory=tuple(one_mix_entropy_bits(rate, 1 / mu) for rate in dense),
            simulated=tuple(found[number * len(rates) : (number + 1) * len(rates)]),
        )
        for number, mu in enumerate(mus)
    ]
    return PaperFigure("Loopix Fig. 4", "packets of one mix (1/s)", ENTROPY, "rate μ of the delay (1/s)", tuple(curves))


def loopix_fig5(effort: FigureEffort, progress: Progress) -> PaperFigure:
    """Loopix Fig. 5: third-party unlinkability against the rate of the delay, three layers of three mixes."""
    rates = [each.delay_rate_per_s for each in LOOPIX_FIG_5]
    [layers] = {each.layers for each in LOOPIX_FIG_5}
    dense = [round(rate, 6) for rate in np.linspace(min(rates), max(rates), DENSE).tolist()]
    theory = {rate: (layers, rate) for rate in dense}
    curve = _epsilons(LOOPIX_FIG_5, rates, theory, effort, progress)
    return PaperFigure("Loopix Fig. 5", "rate μ of the delay (1/unit of time)", EPSILON, "", (curve,))


def loopix_fig6(effort: FigureEffort, progress: Progress) -> PaperFigure:
    """Loopix Fig. 6: third-party unlinkability against the number of layers, three mixes each, mu = 1."""
    theory = {float(each.layers): (each.layers, each.delay_rate_per_s) for each in LOOPIX_FIG_6}
    curve = _epsilons(LOOPIX_FIG_6, [*theory], theory, effort, progress, countable=True)
    return PaperFigure("Loopix Fig. 6", "layers", EPSILON, "", (curve,))


def loopix_fig10(effort: FigureEffort, progress: Progress) -> PaperDistribution:
    """Loopix Fig. 10: latency through four hops that hold packets, each Exp(2); no links, no queues."""
    tasks = [partial(_latencies, seed) for seed in SeedSequence(effort.seed).spawn(effort.replicates)]
    return PaperDistribution(
        source="Loopix Fig. 10",
        x_label="latency (s)",
        simulated=tuple(_performed(tasks, effort, progress)),
        theory=(2.0, 1.0),
        published=(LOOPIX_FIG_10_FIT_MEAN_S, LOOPIX_FIG_10_FIT_SD_S),
    )


def mixim_fig7a(effort: FigureEffort, progress: Progress) -> PaperFigure:
    """MiXiM Fig. 7a: entropy against layers if the whole way takes a second: 5,000 packets/s, ten mixes a layer."""
    delays_s = {layers: (1.0 - (layers + 1) * MIXIM_LINK_S) / layers for layers in range(1, 11)}
    return PaperFigure("MiXiM Fig. 7a", "layers", ENTROPY, "", (_layered(delays_s, MIXIM_FIG_7A, effort, progress),))


def mixim_fig5a(effort: FigureEffort, progress: Progress) -> PaperFigure:
    """MiXiM Fig. 5a: entropy against layers at a mean delay of 0.1 s a mix: 5,000 packets/s, ten mixes a layer."""
    delays_s = dict.fromkeys(range(1, 16), 0.1)
    return PaperFigure("MiXiM Fig. 5a", "layers", ENTROPY, "", (_layered(delays_s, MIXIM_FIG_5A, effort, progress),))


FIGURES = {
    "loopix-fig4": loopix_fig4,
    "loopix-fig5": loopix_fig5,
    "loopix-fig6": loopix_fig6,
    "mixim-fig5a": mixim_fig5a,
    "mixim-fig7a": mixim_fig7a,
}


def _layered(
    delays_s: Mapping[int, float], published: Sequence[Layers], effort: FigureEffort, progress: Progress
) -> Curve:
    rate_per_s, width = MIXIM_RATE_PER_S, MIXIM_WIDTH
    tasks = [
        partial(_entropy_bits, effort.targets, rate_per_s, width, each.layers, each.delay_mean_s, MIXIM_LINK_S)
        for each in published
    ]
    return Curve(
        label="",
        x=tuple(float(each.layers) for each in published),
        published=tuple(each.bits for each in published),
        simulated=tuple(_simulated(tasks, effort, progress)),
        theory_x=tuple(map(float, delays_s)),
        theory=tuple(
            layered_entropy_bits(rate_per_s, delay_s, layers, width=width) for layers, delay_s in delays_s.items()
        ),
        countable=True,
    )


def _epsilons(
    published: Sequence[PublishedUnlinkability],
    x: Sequence[float],
    theory: Mapping[float, tuple[int, float]],
    effort: FigureEffort,
    progress: Progress,
    *,
    countable: bool = False,
) -> Curve:
    """Return the curve; `theory`: layers and rate of the delay at each place where theory is drawn."""
    tasks = [partial(_epsilon, effort.targets, each.layers, each.delay_rate_per_s) for each in published]
    return Curve(
        label="",
        x=tuple(x),
        published=tuple(each.epsilon for each in published),
        simulated=tuple(_simulated(tasks, effort, progress)),
        theory_x=tuple(theory),
        theory=tuple(_fluid_epsilon(layers, rate, effort.seed) for layers, rate in theory.values()),
        countable=countable,
    )


def _fluid_epsilon(layers: int, delay_rate_per_s: float, seed: int) -> float:
    # The same random numbers at every place: chance moves the whole curve a little, and does not make it rough.
    generator = np.random.default_rng(SeedSequence(seed, spawn_key=(_THEORY_STREAM,)))
    experiment = papers_experiment(layers=layers, delay_rate_per_s=delay_rate_per_s)
    return fluid_epsilon(experiment, generator, repetitions=FLUID_REPETITIONS)[0]


def _simulated(tasks: Sequence[_Task], effort: FigureEffort, progress: Progress) -> list[Estimate]:
    """Perform each task with a seed for each replicate; return what the replicates say together."""
    seeds = SeedSequence(effort.seed).spawn(len(tasks) * effort.replicates)
    each = effort.replicates
    bound = [partial(task, seeds[number * each + i]) for number, task in enumerate(tasks) for i in range(each)]
    values = _performed(bound, effort, progress)
    return [estimate(values[number * each : (number + 1) * each]) for number in range(len(tasks))]


def _performed(tasks: Sequence[Callable[[], T]], effort: FigureEffort, progress: Progress) -> list[T]:
    found: list[T] = []
    for result in _results(tasks, effort.jobs):
        found.append(result)
        progress(len(found) / len(tasks))
    return found


def _results(tasks: Sequence[Callable[[], T]], jobs: int) -> Iterable[T]:
    if jobs == 1:
        return (task() for task in tasks)
    from joblib import Parallel, delayed

    results: Iterable[T] = Parallel(n_jobs=jobs, return_as="generator")(delayed(task)() for task in tasks)
    return results


def _entropy_bits(
    targets: int, rate_per_s: float, width: int, layers: int, delay_mean_s: float, link_s: float, seed: SeedSequence
) -> float:
    traced = trace(
        rate_per_s=rate_per_s,
        width=width,
        layers=layers,
        delay_mean_s=delay_mean_s,
        link_latency_s=link_s,
        targets=targets,
        generator=np.random.default_rng(seed),
    )
    return float(traced.entropies_bits.mean())


def _epsilon(repetitions: int, layers: int, delay_rate_per_s: float, seed: SeedSequence) -> float:
    experiment = papers_experiment(layers=layers, delay_rate_per_s=delay_rate_per_s)
    return float(np.nanmean(epsilons(experiment, repetitions, np.random.default_rng(seed))))


def _latencies(seed: SeedSequence) -> Distribution:
    traced = trace(
        rate_per_s=1000.0,
        width=1,
        layers=4,
        delay_mean_s=0.5,
        targets=1,
        spacing_s=FIG10_WINDOW_S,
        generator=np.random.default_rng(seed),
    )
    return Distribution.of(traced.latencies_s)
