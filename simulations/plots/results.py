"""Figures of results: a measure along a sweep, a distribution, the spread of replicates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Transform

from loopixmix.errors import MisuseError
from simulations.measures.catalogue import unit_of
from simulations.plots.distributions import (
    CONSTANT,
    DOTTED,
    FloatArray,
    Form,
    bins_for,
    check_marks,
    draw_distribution,
    draw_theory,
    gamma_quantiles,
    known_share,
    label_distribution,
    last_probability,
    theory_probabilities,
)
from simulations.plots.labels import (
    key_label,
    legend_title,
    measure_label,
    point_label,
    scale_of_places,
    scale_y,
    shown,
    tick_at,
    tick_names,
)
from simulations.plots.style import (
    BLACK,
    GREY,
    MOST_MARKED,
    Columns,
    Look,
    beside,
    draw_points,
    legend_above,
    look,
    move,
    name_axes,
    new_figure,
    styled,
)
from simulations.sweep.points import shown as as_given

if TYPE_CHECKING:
    import pandas as pd

    from simulations.results.result import Result

# As many as there are looks.
MOST_LINES = 7
LEAST_BOXED = 5
"""A box of fewer replicates would show five figures of four."""
THEORY = "theory"

Only: TypeAlias = Mapping[str, Sequence[object]]
NOTHING_LEFT_OUT: Only = {}


def sweep_figure(
    result: Result, measure: str, *, key: str = "", only: Only = NOTHING_LEFT_OUT, columns: Columns = 1
) -> Figure:
    """Return a measure against a swept key (by default the one of most values), a colour for each value of the others.

    Means over replicates as markers with their 95 % intervals, and the replicates as faint points; of many places a
    band instead. The closed form is a dash at each swept value, if there is one. The success of an attack stands beside
    its bound. `only`: the points that are drawn, by values of swept keys.
    Raises `MisuseError` if the measure was not measured, the key not swept, or more than 7 colours would be needed.
    """
    table, replicates = _measured(result.summary(), measure, result, only), result.to_dataframe()
    replicates, swept = replicates[replicates["measure"] == measure], _swept(result)
    key = _key(key, swept, table)
    others = [other for other in swept if other != key]
    axis = _Places(table[key])
    with styled():
        figure, (axes,) = new_figure(columns)
        lines = list(_lines(table, others))
        # Of many places each has no room for series beside each other.
        series = len(lines) if len(axis) <= MOST_MARKED else 0
        for number, (values, line) in enumerate(lines):
            at = beside(axes, number, series) if series else axes.transData
            line, style = axis.sorted(line, key), look(number)
            places, exact = axis.of(line[key]), line["exact"].to_numpy(dtype=float)
            label = _label(values, _telling(lines, others), result)
            _draw_means(axes, places, line, style, label, at=at)
            if series:
                own = replicates[replicates["point"].isin(line["point"])]
                _draw_replicates(axes, axis.of(own[key]), own, style, at=at)
            if np.isfinite(exact).any() and result.engine != "exact":
                # Points, because theory is known at the swept values only: a line between them would be made up.
                draw_points(axes, places, exact, colour=style.colour, at=at, series=series)
                draw_points(axes, [], [], colour=GREY, label=THEORY)
        _draw_bounds(axes, result, measure, key=key, others=others, axis=axis, only=only)
        _label_sweep(axes, table, key, measure, axis=axis)
        axes.margins(x=0.09 if series > 1 and axis.numeric else None)
        legend_above(figure, columns=columns, title=legend_title(_telling(lines, others)))
    return figure


def distribution_figure(
    result: Result,
    measure: str,
    *,
    form: Form = "cdf",
    only: Only = NOTHING_LEFT_OUT,
    marks: Sequence[float] = (),
    columns: Columns = 1,
) -> Figure:
    """Return a distribution as cumulative share, density or tail, one line for each point of the sweep.

    The mean quantile function over replicates with its 95 % interval as a band; the closed form as a thin line. Times
    without a closed form get a Gamma distribution of the same mean and standard deviation instead. A tail ends where
    one sample of a replicate is left. `only`: the points that are drawn, by values of swept keys. `marks`:
    probabilities whose quantiles are marked.
    Raises `MisuseError` if there is no distribution of that name, or more than 7 lines would be drawn.
    """
    check_marks(marks, form)
    table = _measured(result.distributions(), measure, result, only)
    swept = _swept(result)
    own = table[table["engine"] == result.engine]
    least = known_share(own["count"].unique().tolist())
    with styled():
        figure, (axes,) = new_figure(columns)
        lines = list(_lines(table, swept))
        for number, (values, line) in enumerate(lines):
            simulated, exact = line[line["engine"] == result.engine], line[line["engine"] == "exact"]
            label = _label(values, _telling(lines, swept), result)
            laws, style = _replicates_by_probability(simulated), look(number)
            known = known_share(simulated["count"].unique().tolist())
            bins = bins_for(int(simulated.groupby("replicate")["count"].first().sum()))
            draw_distribution(axes, *laws, style, label, form, least=known, marks=marks, bins=bins)
            if result.engine != "exact":
                colour = BLACK if len(lines) == 1 else style.colour
                _draw_theory(axes, simulated, exact, form, colour=colour)
        within = own[own["probability"] <= last_probability(form, least) + 1e-9]
        since, until = float(within["quantile"].min()), float(within["quantile"].max())
        label_distribution(axes, measure_label(measure), form, since=since, until=until, least=least)
        legend_above(figure, columns=columns, title=legend_title(_telling(lines, swept)))
    return figure


def replicates_figure(result: Result, measure: str, *, only: Only = NOTHING_LEFT_OUT, columns: Columns = 1) -> Figure:
    """Return how a measure spreads over replicates: all replicates, and a box, for each point of the sweep.

    The box is the middle half with the median; whiskers reach to 1.5 times its length (Tukey); theory as a bar. Fewer
    than 5 replicates get no box. `only`: the points that are drawn, by values of swept keys.
    Raises `MisuseError` if the measure was not measured or more than 20 points would be drawn.
    """
    table, summary = (_measured(tidy, measure, result, only) for tidy in (result.to_dataframe(), result.summary()))
    swept = _swept(result)
    groups = [
        (values, group["value"].dropna().to_numpy(dtype=float)) for values, group in _lines(table, swept, most=20)
    ]
    with styled():
        figure, (axes,) = new_figure(columns)
        for place, (_, group) in enumerate(groups, start=1):
            shifts = (np.arange(group.size) * 0.618034 % 1 - 0.5) * 0.3  # spread out, the same each time
            label = "replicates" if place == 1 else None
            axes.plot(place + shifts, group, ".", color=look(0).colour, markersize=3, alpha=0.6, label=label)
        _draw_boxes(axes, [group for _, group in groups])
        _draw_theory_bars(axes, [line["exact"].to_numpy(dtype=float)[0] for _, line in _lines(summary, swept, most=20)])
        scale_y(axes, np.concatenate([group for _, group in groups]))
        _label_boxes(axes, [values for values, _ in groups], swept)
        name_axes(axes, " / ".join(map(key_label, swept)), measure_label(measure))
        legend_above(figure, columns=columns)
    return figure


def _telling(lines: Sequence[tuple[Mapping[str, object], pd.DataFrame]], keys: Sequence[str]) -> list[str]:
    """Return the keys that tell lines apart: all but those that have one value in every line."""
    return [key for key in keys if len({as_given(values[key]) for values, _ in lines}) > 1]


def _label(values: Mapping[str, object], telling: Sequence[str], result: Result) -> str:
    return point_label({key: values[key] for key in telling}) or f"simulated ({result.engine})"


class _Places:
    """Where swept values stand on an axis: at themselves, or words one beside the other."""

    def __init__(self, values: Iterable[object]) -> None:
        found = list(dict.fromkeys(values))
        self.numeric = _are_numbers(found)
        self.names = list(dict.fromkeys(map(shown, found)))
        self._count = len(found)

    def __len__(self) -> int:
        return self._count

    def sorted(self, line: pd.DataFrame, key: str) -> pd.DataFrame:
        """Return the rows in the order of their places; words keep theirs."""
        return line.sort_values(key) if self.numeric else line

    def of(self, values: pd.Series) -> FloatArray:
        """Return the places of values."""
        # By name, because a measure that is missing somewhere leaves out a word, and not its place.
        return np.array([value if self.numeric else self.names.index(shown(value)) for value in values], dtype=float)


def _measured(table: pd.DataFrame, measure: str, result: Result, only: Only) -> pd.DataFrame:
    measure_label(measure)  # says so if the catalogue has none of that name
    found = table[table["measure"] == measure]
    if not len(found):
        there = ", ".join(dict.fromkeys(table["measure"])) or "nothing"
        raise MisuseError(f'"{measure}" is not in these results (there is: {there})')
    found = found[found["point"].isin(_chosen(result, only))]
    if not len(found):
        raise MisuseError(f'"{measure}" was measured at none of the chosen points')
    return found


def _chosen(result: Result, only: Only) -> list[int]:
    """Return the numbers of the points at which every key of `only` has one of its values."""
    swept = _swept(result)
    wanted: dict[str, set[str]] = {}
    for key, values in only.items():
        if key not in swept:
            raise _not_swept(key, swept)
        there = list(dict.fromkeys(as_given(point.values[key]) for point in result.points))
        for value in values:
            if as_given(value) not in there:
                raise MisuseError(f"{key} was not swept over {as_given(value)} (it was over: {', '.join(there)})")
        wanted[key] = set(map(as_given, values))
    return [
        point.number
        for point in result.points
        if all(as_given(point.values[key]) in values for key, values in wanted.items())
    ]


def _not_swept(key: str, swept: Sequence[str]) -> MisuseError:
    return MisuseError(f'"{key}" was not swept (swept were: {", ".join(swept) or "none"})')


def _swept(result: Result) -> list[str]:
    return list(result.points[0].values) if result.points else []


def _key(key: str, swept: list[str], table: pd.DataFrame) -> str:
    if not swept:
        raise MisuseError("nothing was swept: there is one point only (draw `replicates` or `distribution` instead)")
    if not key:
        return max(swept, key=lambda name: table[name].nunique())
    if key not in swept:
        raise _not_swept(key, swept)
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
            f"that would be {len(groups)} lines, of {', '.join(others)}; {most} can be told apart: choose some "
            "(--only KEY=VALUE,VALUE, in Python only={KEY: [VALUE, ...]})"
        )
    for values, rows in groups:
        yield dict(zip(others, values, strict=True)), rows


def _draw_means(axes: Axes, places: FloatArray, line: pd.DataFrame, style: Look, label: str, *, at: Transform) -> None:
    """Draw means and their intervals; nothing joins them, because a line would follow chance up and down."""
    means, low, high = (line[name].to_numpy(dtype=float) for name in ("mean", "low", "high"))
    if len(places) > MOST_MARKED:
        axes.plot(places, means, color=style.colour, marker=style.marker, markersize=2.5, linestyle="none", label=label)
        axes.fill_between(places, low, high, color=style.colour, alpha=0.2, linewidth=0)
        return
    spread = np.array([means - low, high - means])
    drawn = axes.errorbar(
        places,
        means,
        yerr=np.nan_to_num(spread) if np.isfinite(spread).any() else None,
        color=style.colour,
        marker=style.marker,
        linestyle="none",
        elinewidth=0.9,
        label=label,
    )
    markers, caps, bars = drawn.lines
    move(markers, *caps, *bars, to=at)


def _draw_replicates(axes: Axes, places: FloatArray, own: pd.DataFrame, style: Look, *, at: Transform) -> None:
    if own["replicate"].nunique() < 2:
        return
    values = own["value"].to_numpy(dtype=float)
    [points] = axes.plot(places, values, ".", color=style.colour, markersize=3, alpha=0.35, zorder=1.5)
    move(points, to=at)
    axes.plot([], [], ".", color=GREY, markersize=3, alpha=0.6, label="replicates")


def _draw_bounds(
    axes: Axes, result: Result, measure: str, *, key: str, others: list[str], axis: _Places, only: Only
) -> None:
    """Draw what an attack's success is measured against, if that was measured with it."""
    if not measure.endswith(".success"):
        return
    summary = result.summary()
    bounds = summary[summary["measure"] == measure.removesuffix("success") + "bound"]
    bounds = bounds[bounds["point"].isin(_chosen(result, only))]
    if not len(bounds):
        return
    lines = list(_lines(bounds, others))
    for number, (_, line) in enumerate(lines):
        values = line["mean"].to_numpy(dtype=float)
        at = beside(axes, number, len(lines)) if len(axis) <= MOST_MARKED else axes.transData
        draw_points(axes, axis.of(line[key]), values, colour=look(number).colour, marker="x", at=at)
    draw_points(axes, [], [], colour=GREY, marker="x", label="bound")


def _label_sweep(axes: Axes, table: pd.DataFrame, key: str, measure: str, *, axis: _Places) -> None:
    name_axes(axes, key_label(key), measure_label(measure))
    scale_y(axes, table["mean"].dropna())
    if axis.numeric:
        axes.set_xscale(scale_of_places(table[key]))
        tick_at(axes, table[key])
    else:
        tick_names(axes, range(len(axis.names)), axis.names)
        axes.set_xlim(-0.5, len(axis.names) - 0.5)


def _draw_theory(axes: Axes, simulated: pd.DataFrame, exact: pd.DataFrame, form: Form, *, colour: str) -> None:
    if len(exact):
        probabilities, quantiles, label = (
            exact["probability"].to_numpy(float),
            exact["quantile"].to_numpy(float),
            THEORY,
        )
    elif _are_times(simulated) and float(simulated["sd"].mean()) > CONSTANT * float(simulated["mean"].mean()):
        probabilities = theory_probabilities(form)
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


def _draw_boxes(axes: Axes, groups: Sequence[FloatArray]) -> None:
    boxed = {place: group for place, group in enumerate(groups, start=1) if group.size >= LEAST_BOXED}
    if boxed:
        axes.boxplot(
            list(boxed.values()),
            positions=list(boxed),
            widths=0.5,
            showfliers=False,
            manage_ticks=False,
            medianprops={"color": look(0).colour, "linewidth": 1.2},
            boxprops={"linewidth": 0.7},
            whiskerprops={"linewidth": 0.7},
            capprops={"linewidth": 0.7},
        )
    # One alone would fill the whole width.
    axes.set_xlim(*((0.5, len(groups) + 0.5) if len(groups) > 2 else (-0.5, len(groups) + 1.5)))


def _draw_theory_bars(axes: Axes, theory: list[float]) -> None:
    label: str | None = THEORY
    for place, value in enumerate(theory, start=1):
        if np.isfinite(value):
            axes.plot([place - 0.4, place + 0.4], [value, value], color=BLACK, linestyle=(0, (1, 1)), label=label)
            label = None


def _label_boxes(axes: Axes, points: list[Mapping[str, object]], swept: list[str]) -> None:
    if len(swept) == 1:
        tick_names(axes, range(1, len(points) + 1), [shown(point[swept[0]]) for point in points])
    elif not swept:
        axes.set_xticks([])
    else:
        labels = ["\n".join(point_label({key: value}) for key, value in point.items()) for point in points]
        tick_names(axes, range(1, len(points) + 1), labels)
