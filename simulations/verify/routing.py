"""Entropy if some mixes get more packets than others, and some are corrupt (MiXiM Fig. 6)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from simulations.flows.routing import alike_mixes
from simulations.formulas.paths import PathStage, path_entropy_bits, target_classes
from simulations.vector.recursion import FloatArray
from simulations.vector.trace import trace
from simulations.verify import publications
from simulations.verify.rows import SHARE_ERRORS, Case, Effort, Row

_LAYERS, _WIDTH = 3, publications.MIXIM_WIDTH
_DELAY_MEAN_S = (1.0 - (_LAYERS + 1) * publications.MIXIM_LINK_S) / _LAYERS
_TARGETS = 5000
_SPACING_S = 0.05
_LOW_BITS = 10.0
_ERRORS = 3.0
"""Published and theory are compared to so many standard errors: those of the published targets count as well."""
_RUNS = 1000


def fig6_rows(one: publications.Routing, effort: Effort, generator: Generator) -> Sequence[Row]:
    """Follow targets through MiXiM's network with its weights and corrupt mixes; theory is `formulas.paths`."""
    shares = np.full((_LAYERS, _WIDTH), 1 / _WIDTH)
    if one.biased:
        shares[0] = _first_takes(publications.MIXIM_FIG_6_SHARE)
    corrupt = np.zeros((_LAYERS, _WIDTH), dtype=np.bool_)
    corrupt[:, 0] = one.corrupt
    setting = f"{'biased' if one.biased else 'uniform'}, {'10 % corrupt' if one.corrupt else 'none corrupt'}"
    bits = _entropies(shares, corrupt, effort, generator)
    mean = _mean_row(f"{setting}: mean", bits, _stages(shares, corrupt), effort, one)
    return [mean, *_more_rows(setting, bits, one, shares, effort, generator)] if one.biased and one.corrupt else [mean]


def favoured_rows(effort: Effort, generator: Generator) -> Sequence[Row]:
    """Let senders favour one corrupt mix of each layer: what no paper has, and Fig. 6 was once taken for."""
    shares = np.stack([_first_takes(publications.MIXIM_FIG_6_SHARE)] * _LAYERS)
    corrupt = np.zeros((_LAYERS, _WIDTH), dtype=np.bool_)
    corrupt[:, 0] = True
    bits = _entropies(shares, corrupt, effort, generator)
    return [_mean_row("senders favour corrupt mixes of each layer: mean", bits, _stages(shares, corrupt), effort, None)]


def _first_takes(share: float) -> FloatArray:
    row = np.full(_WIDTH, (1 - share) / (_WIDTH - 1))
    row[0] = share
    return row


def _entropies(shares: FloatArray, corrupt: NDArray[np.bool_], effort: Effort, generator: Generator) -> FloatArray:
    done = trace(
        rate_per_s=publications.MIXIM_RATE_PER_S,
        width=_WIDTH,
        layers=_LAYERS,
        delay_mean_s=_DELAY_MEAN_S,
        link_latency_s=publications.MIXIM_LINK_S,
        generator=generator,
        targets=effort.targets(_TARGETS),
        spacing_s=_SPACING_S,
        corrupt=corrupt,
        shares=shares,
    )
    return done.entropies_bits


def _stages(shares: FloatArray, corrupt: NDArray[np.bool_]) -> list[PathStage]:
    return [
        PathStage(publications.MIXIM_RATE_PER_S, 0.0, alike_mixes(row[~ours]))
        for row, ours in zip(shares, corrupt, strict=True)
    ]


def _mean_row(
    setting: str, bits: FloatArray, stages: Sequence[PathStage], effort: Effort, one: publications.Routing | None
) -> Row:
    theory = path_entropy_bits(stages, _DELAY_MEAN_S)
    # From theory's own classes, so that few simulated targets cannot make their own tolerance.
    spread = math.sqrt(sum(each.share * (each.bits - theory) ** 2 for each in target_classes(stages, _DELAY_MEAN_S)))
    error = _ERRORS * spread / math.sqrt(bits.size)
    of_published = 0.0 if one is None else _ERRORS * spread * math.sqrt(1 / one.targets + 1 / bits.size)
    return Row(
        figure="mixim-fig6",
        setting=setting,
        unit="bit",
        simulated=float(bits.mean()),
        published=None if one is None else one.mean,
        theory=theory,
        published_within=None if one is None else effort.entropy_bits + of_published,
        theory_within=effort.entropy_bits + error,
        reason=f"within {effort.entropy_bits} bit and {_ERRORS:g} standard errors of all targets",
    )


def _more_rows(
    setting: str,
    bits: FloatArray,
    one: publications.Routing,
    shares: FloatArray,
    effort: Effort,
    generator: Generator,
) -> Sequence[Row]:
    low = float(shares[0, 0] * shares[1, 0])
    published = publications.MIXIM_FIG_6_LOW / one.targets
    error = math.sqrt(low * (1 - low))
    runs = generator.choice(bits, (_RUNS, one.targets))
    return [
        Row(
            figure="mixim-fig6",
            setting=f"{setting}: median",
            unit="bit",
            simulated=float(np.median(bits)),
            published=publications.MIXIM_FIG_6_MEDIAN,
            published_within=effort.entropy_bits,
            reason=f"within {effort.entropy_bits} bit of what was published",
        ),
        Row(
            figure="mixim-fig6",
            setting=f"{setting}: share below 10 bits",
            unit="",
            simulated=float(np.mean(bits < _LOW_BITS)),
            published=published,
            theory=low,
            published_within=_ERRORS * error * math.sqrt(1 / one.targets + 1 / bits.size),
            theory_within=SHARE_ERRORS * error / math.sqrt(bits.size),
            reason="targets whose mixes of the first two layers are corrupt: 0.4 x 0.1, within standard errors",
        ),
        Row(
            figure="mixim-fig6",
            setting=f"{setting}: 5 % quantile, lowest in 50 runs",
            unit="bit",
            simulated=float(np.quantile(np.quantile(runs, 0.05, axis=1), 0.02)),
            published=publications.MIXIM_FIG_6_P05,
            published_within=0.5,
            reason=(
                f"a jump of 3.5 bits lies at 4 %: the 5 % quantile of {one.targets} targets is one side of it or the "
                "other by chance; the published run had 23 low ones where 18 are expected"
            ),
        ),
        Row(
            figure="mixim-fig6",
            setting=f"{setting}: least",
            unit="bit",
            simulated=float(bits.min()),
            published=publications.MIXIM_FIG_6_LEAST,
            published_within=1e-9,
            reason="a packet whose every mix is corrupt is known",
        ),
    ]


CASES = (
    *(
        Case("mixim-fig6", f"biased={one.biased} corrupt={one.corrupt}", partial(fig6_rows, one), 10.0)
        for one in publications.MIXIM_FIG_6
    ),
    Case("mixim-fig6", "favoured", favoured_rows, 10.0),
)
