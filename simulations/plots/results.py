"""Figures of results: a measure along a sweep, a distribution, the spread of replicates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from loopixmix.errors import MisuseError
from simulations.measures.catalogue import unit_of
from simulations.plots.distributions import (
    DOTTED,
    FloatArray,
    Form,
    draw_distribution,
    draw_theory,
    gamma_quantiles,
    label_distribution,
)
from simulations.plots.labels import (
    key_label,
    legend_title,
    measure_label,
    point_label,
    scale_for,
    scale_y,
    shown,
    tick_at,
)
from simulations.plots.style import BLACK, GREY, Columns, Look, draw_points, legend_above, look, new_figure, styled

if TYPE_CHECKING:
    import pandas as pd

    from simulations.results.result import Result

# As many as there are looks.
MOST_LINES = 7
THEORY = "theory"


def sweep_figure(result: Result, measure: str, *, key: str = "", columns: Columns = 1) -> Figure:
    """Return a measure against a swept key (by default the one of most values), one line for each value of the others.

    Means over replicates as markers with their 95 % intervals; the closed form as a dash at each swept value if there
    is one; otherwise the markers are joined. The success of an attack stands beside its bound.
    Raises `MisuseError` if the measure was not measured, the key not swept, or more than 7 lines would be drawn.
    """
    table, swept = _measured(result.summary(), measure), _swept(result)
    key = _key(key, swept, table)
    others = [other for other in swept if other != key]
    numeric = _are_numbers(table[key])
    with styled():
        figure, (axes,) = new_figure(columns)
        for number, (values, line) in enumerate(_lines(table, others)):
            line = line.sort_values(key) if numeric else line
            places = line[key].to_numpy() if numeric else np.arange(len(line))
            exact = line["exact"].to_numpy(dtype=float)
            # Markers are joined only if no theory is there to be the line: two lines for one series say nothing more.
            known = bool(np.isfinite(exact).any()) and result.engine != "exact"
            label = point_label(values) or f"simulated ({result.engine})"
            connected = not known and result.engine != "exact"
            _draw_means(axes, places, line, look(number), label, connected=connected)
            if known:
                # Points, because theory is known at the swept values only: a line between them would be made up.
                draw_points(axes, places, exact, colour=look(number).colour)
                draw_points(axes, [], [], colour=GREY, label=THEORY)
        _draw_bounds(axes, result, measure, key=key, others=others)
        _label_sweep(axes, table, key, measure, numeric=numeric)
        legend_above(figure, columns=columns, title=legend_title(others))
    return figure


def distribution_figure(result: Result, measure: str, *, form: Form = "cdf", columns: Columns = 1) -> Figure:
    """Return a distribution as cumulative share, density or tail, one line for each point of the sweep.

    The mean quantile function over replicates with its 95 % interval as a band; the closed form as a thin line. Times
    without a closed form get a Gamma distribution of the same mean and standard deviation instead.
    Raises `MisuseError` if there is no distribution of that name, or more than 7 lines would be drawn.
    """
    table = _measured(result.distributions(), measure)
    swept = _swept(result)
    with styled():
        figure, (axes,) = new_figure(columns)
        lines = list(_lines(table, swept))
        for number, (values, line) in enumerate(lines):
            simulated, exact = line[line["engine"] == result.engine], line[line["engine"] == "exact"]
            label = point_label(values) or f"simulated ({result.engine})"
            draw_distribution(axes, *_replicates_by_probability(simulated), look(number), label, form)
            if result.engine != "exact":
                colour = BLACK if len(lines) == 1 else look(number).colour
                _draw_theory(axes, simulated, exact, form, colour=colour)
        own = table[(table["engine"] == result.engine) & (table["probability"] <= (1.0 if form == "tail" else 0.999))]
        least, most = float(own["quantile"].min()), float(own["quantile"].max())
        label_distribution(axes, measure_label(measure), form, since=least, until=most)
        legend_above(figure, columns=columns, title=legend_title(swept))
    return figure


def replicates_figure(result: Result, measure: str, *, columns: Columns = 1) -> Figure:
    """Return how a measure spreads over replicates: a box and all replicates for each point of the sweep.

    The box is the middle half with the median; whiskers reach to 1.5 times its length (Tukey); theory as a bar.
    Raises `MisuseError` if the measure was not measured or more than 20 boxes would be drawn.
    """
    table, summary = _measured(result.to_dataframe(), measure), _measured(result.summary(), measure)
    swept = _swept(result)
    groups = [
        (values, group["value"].dropna().to_numpy(dtype=float)) for values, group in _lines(table, swept, most=20)
    ]
    with styled():
        figure, (axes,) = new_figure(columns)
        places = np.arange(1, len(groups) + 1)
        axes.boxplot(
            [group for _, group in groups],
            positions=places,
            widths=0.5,
            showfliers=False,
            medianprops={"color": look(0).colour, "linewidth": 1.2},
            boxprops={"linewidth": 0.7},
            whiskerprops={"linewidth": 0.7},
            capprops={"linewidth": 0.7},
        )
        for place, (_, group) in zip(places, groups, strict=True):
            shifts = (np.arange(group.size) * 0.618034 % 1 - 0.5) * 0.3  # spread out, the same each time
            label = "replicates" if place == 1 else None
            axes.plot(place + shifts, group, ".", color=look(0).colour, markersize=3, alpha=0.6, label=label)
        _draw_theory_bars(axes, [line["exact"].to_numpy(dtype=float)[0] for _, line in _lines(summary, swept, most=20)])
        _label_boxes(axes, [values for values, _ in groups], swept)
        axes.set_ylabel(measure_label(measure))
        legend_above(figure, columns=columns)
    return figure


def _measured(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    measure_label(measure)  # says so if the catalogue has none of that name
    found = table[table["measure"] == measure]
    if not len(found):
        there = ", ".join(dict.fromkeys(table["measure"])) or "nothing"
        raise MisuseError(f'"{measure}" is not in these results (there is: {there})')
    return found


def _swept(result: Result) -> list[str]:
    return list(result.points[0].values) if result.points else []


def _key(key: str, swept: list[str], table: pd.DataFrame) -> str:
    if not swept:
        raise MisuseError("nothing was swept: there is one point only (draw `replicates` or `distribution` instead)")
    if not key:
        return max(swept, key=lambda name: table[name].nunique())
    if key not in swept:
        raise MisuseError(f'"{key}" was not swept (swept were: {", ".join(swept)})')
    return key


def _are_numbers(values: Iterable[object]) -> bool:
    """Tell whether values have places on an axis; true and false are words, although Python counts with them."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _lines(
    table: pd.DataFrame, others: list[str], *, most: int = MOST_LINES
) -> Iterator[tuple[Mapping[str, object], pd.DataFrame]]:
    """Yield the rows of each combination of the other swept keys' values, in their order of appearance."""
    if not others:
        yield {}, table
        return
    groups = list(table.groupby(others, sort=False))
    if len(groups) > most:
        raise MisuseError(
            f"that would be {len(groups)} lines, of {', '.join(others)}; {most} can be told apart: sweep fewer values"
        )
    for values, rows in groups:
        yield dict(zip(others, values, strict=True)), rows


def _draw_means(
    axes: Axes, places: NDArray[np.generic], line: pd.DataFrame, style: Look, label: str, *, connected: bool
) -> None:
    means = line["mean"].to_numpy(dtype=float)
    spread = np.array([means - line["low"].to_numpy(dtype=float), line["high"].to_numpy(dtype=float) - means])
    axes.errorbar(
        places,
        means,
        yerr=np.nan_to_num(spread) if np.isfinite(spread).any() else None,
        color=style.colour,
        marker=style.marker,
        linestyle=style.line if connected else "none",
        elinewidth=0.9,
        label=label,
    )


def _draw_bounds(axes: Axes, result: Result, measure: str, *, key: str, others: list[str]) -> None:
    """Draw what an attack's success is measured against, if that was measured with it."""
    if not measure.endswith(".success"):
        return
    summary = result.summary()
    bounds = summary[summary["measure"] == measure.removesuffix("success") + "bound"]
    if not len(bounds):
        return
    for number, (_, line) in enumerate(_lines(bounds, others)):
        numeric = _are_numbers(line[key])
        line = line.sort_values(key) if numeric else line
        places = line[key].to_numpy() if numeric else np.arange(len(line))
        draw_points(axes, places, line["mean"].to_numpy(dtype=float), colour=look(number).colour, marker="x")
    draw_points(axes, [], [], colour=BLACK, marker="x", label="bound")


def _label_sweep(axes: Axes, table: pd.DataFrame, key: str, measure: str, *, numeric: bool) -> None:
    axes.set_xlabel(key_label(key))
    axes.set_ylabel(measure_label(measure))
    scale_y(axes, table["mean"].dropna())
    if numeric:
        axes.set_xscale(scale_for(table[key]))
        tick_at(axes, table[key])
    else:
        names = list(dict.fromkeys(map(shown, table[key])))
        axes.set_xticks(range(len(names)), names)


def _draw_theory(axes: Axes, simulated: pd.DataFrame, exact: pd.DataFrame, form: Form, *, colour: str) -> None:
    if len(exact):
        probabilities, quantiles, label = (
            exact["probability"].to_numpy(float),
            exact["quantile"].to_numpy(float),
            THEORY,
        )
    elif _are_times(simulated) and float(simulated["sd"].mean()) > 0:
        probabilities = np.linspace(0.0005, 0.9995, 1000)
        mean, sd = float(simulated["mean"].mean()), float(simulated["sd"].mean())
        quantiles, label = gamma_quantiles(probabilities, mean=mean, sd=sd), "Gamma of the same mean and sd"
    else:
        return
    draw_theory(axes, probabilities, quantiles, form, colour=colour, label=None)
    axes.plot([], [], color=BLACK, linewidth=0.9, linestyle=DOTTED, label=label)


def _are_times(table: pd.DataFrame) -> bool:
    """Tell whether these may be Gamma distributed, as sums of delays are; entropies are not."""
    return unit_of(str(table["measure"].iloc[0])) == "s"


def _replicates_by_probability(table: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    wide = table.pivot_table(index="replicate", columns="probability", values="quantile", sort=True)
    return wide.columns.to_numpy(dtype=float), wide.to_numpy(dtype=float)


def _draw_theory_bars(axes: Axes, theory: list[float]) -> None:
    label: str | None = THEORY
    for place, value in enumerate(theory, start=1):
        if np.isfinite(value):
            axes.plot([place - 0.4, place + 0.4], [value, value], color=BLACK, linestyle=(0, (1, 1)), label=label)
            label = None


def _label_boxes(axes: Axes, points: list[Mapping[str, object]], swept: list[str]) -> None:
    if len(swept) == 1:
        axes.set_xticks(range(1, len(points) + 1), [shown(point[swept[0]]) for point in points])
        axes.set_xlabel(key_label(swept[0]))
    else:
        labels = ["\n".join(point_label({key: value}) for key, value in point.items()) for point in points]
        axes.set_xticks(range(1, len(points) + 1), labels)
        axes.set_xlabel(" / ".join(map(key_label, swept)))
