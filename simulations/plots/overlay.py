"""A measured network over its simulation and theory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loopixmix.errors import MisuseError
from simulations.importing.comparison import ComparisonRow, comparison
from simulations.importing.measurement import Measurement
from simulations.measures.catalogue import Measure
from simulations.outcome import PROBABILITIES
from simulations.plots.distributions import (
    Form,
    draw_distribution,
    draw_theory,
    known_share,
    label_distribution,
    last_probability,
)
from simulations.plots.labels import measure_label, measure_words
from simulations.plots.style import BLACK, GREY, Columns, legend_above, look, new_figure, styled

if TYPE_CHECKING:
    from simulations.results.result import Result

SIMULATED, MEASURED = look(0), look(1)


def overlay_figure(
    measurement: Measurement,
    result: Result,
    *,
    measure: str = Measure.DELIVERY_S,
    form: Form = "cdf",
    columns: Columns = 2,
) -> Figure:
    """Return the measured distribution over the simulated one, and all figures of both as ratios to the simulated.

    Bands and bars are 95 % intervals: simulated over replicates, measured over parts of the time. Raises `MisuseError`
    if `measure` is not in both.
    """
    _check(measurement, result, measure)
    panels = 2 if columns == 2 else 1
    with styled():
        figure, axes = new_figure(columns, panels=panels, ratio=0.82)
        _draw_distributions(axes[0], measurement, result, measure, form)
        if panels == 2:
            _draw_ratios(axes[1], comparison(measurement, result), result.engine)
        legend_above(figure, columns=columns)
    return figure


def _draw_distributions(axes: Axes, measurement: Measurement, result: Result, measure: str, form: Form) -> None:
    probabilities = np.array(PROBABILITIES)
    found = measurement.outcome.distributions[measure]
    own = [record.outcome.distributions[measure] for record in result.records]
    simulated = np.array([distribution.quantiles for distribution in own])
    least = known_share([distribution.count for distribution in own])
    draw_distribution(axes, probabilities, simulated, SIMULATED, f"simulated ({result.engine})", form, least=least)
    if 0 in result.theory and measure in result.theory[0].distributions:
        exact = np.array(result.theory[0].distributions[measure].quantiles)
        draw_theory(axes, probabilities, exact, form, label="theory")
    label = f"measured ({found.count:,})"
    least_measured = known_share([found.count])
    draw_distribution(axes, probabilities, np.array([found.quantiles]), MEASURED, label, form, least=least_measured)
    # A tail is drawn for its end, the other forms for their middle.
    until = max(
        float(np.interp(last_probability(form, least), probabilities, simulated.mean(axis=0))),
        found.quantile(last_probability(form, least_measured)),
    )
    label_distribution(axes, measure_label(measure), form, until=until, least=min(least, least_measured))


def _draw_ratios(axes: Axes, rows: Sequence[ComparisonRow], engine: str) -> None:
    """Draw what was measured and what theory says as shares of what was simulated, with both intervals."""
    shown = [row for row in rows if row.simulated.mean > 0]
    axes.axvline(1.0, color=GREY, linewidth=0.8)
    for place, row in enumerate(shown):
        own = row.simulated.mean
        half = (row.simulated.half_width or 0.0) / own
        first = place == 0
        axes.errorbar(1.0, place, xerr=half or None, color=SIMULATED.colour, marker=SIMULATED.marker, linestyle="none",
                      label=f"simulated ({engine})" if first else None)  # fmt: skip
        axes.errorbar(row.measured.mean / own, place + 0.22, xerr=(row.measured.half_width or 0.0) / own or None,
                      color=MEASURED.colour, marker=MEASURED.marker, linestyle="none")  # fmt: skip
        if row.theory is not None:
            axes.plot(row.theory / own, place - 0.22, color=BLACK, marker="|", markersize=7, linestyle="none")
    axes.set_yticks(range(len(shown)), [measure_words(row.measure) for row in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlabel("ratio to simulated (theory: black tick)")


def _check(measurement: Measurement, result: Result, measure: str) -> None:
    measure_label(measure)
    if measure not in measurement.outcome.distributions:
        there = ", ".join(measurement.outcome.distributions) or "none"
        raise MisuseError(f'no distribution "{measure}" was measured (there is: {there})')
    if len(result.points) != 1:
        raise MisuseError("a measured network lies over one simulated one: these results are of a sweep")
    if not all(measure in record.outcome.distributions for record in result.records):
        raise MisuseError(f'the engine "{result.engine}" gives no distribution "{measure}"')
