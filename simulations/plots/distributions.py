"""Distributions in a figure: cumulative share, density or tail, from quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from loopixmix.errors import MisuseError
from simulations.plots.style import BLACK, Look, name_axes

FloatArray: TypeAlias = NDArray[np.float64]
Form: TypeAlias = Literal["cdf", "density", "tail"]
Line: TypeAlias = str | tuple[float, tuple[float, ...]]

FORMS: tuple[Form, ...] = ("cdf", "density", "tail")
DOTTED: Line = (0, (1, 1.5))
BINS, LEAST_BINS = 40, 5
CONSTANT = 1e-9
"""Relative. Values that differ by less are one: the rest is rounding."""
# The last quantile that is kept before the greatest of all.
LEAST_SHARE = 1e-4
LAST = 0.999
"""The last probability of a density, and of the axis of a cumulative share."""
_PLACES_OF_TAIL = 300
# If all values lie in the upper part of an axis from 0, they have an axis of their own.
FAR_SHARE = 0.4


def form_named(name: str) -> Form:
    """Return a form by its name; raise `MisuseError` if there is none."""
    for form in FORMS:
        if form == name:
            return form
    raise MisuseError(f'a distribution is drawn as {", ".join(FORMS)}, not "{name}"')


def known_share(counts: Sequence[int]) -> float:
    """Return the least share of a tail that distributions of so many samples each (0: exact) tell of."""
    # Of 2,000 samples only one is above the quantile of 0.9995: what lies beyond is the greatest value, and no tail.
    return max([LEAST_SHARE, *(1 / count for count in counts if count)])


def last_probability(form: Form, least: float) -> float:
    """Return the probability at which the axis of a form ends."""
    return 1 - least if form == "tail" else LAST


def theory_probabilities(form: Form) -> FloatArray:
    """Return where a closed form is computed, so that its line is a curve to its end."""
    if form == "tail":
        return 1 - np.geomspace(1 - LEAST_SHARE, LEAST_SHARE, _PLACES_OF_TAIL)
    return np.linspace(0.0005, 0.9995, 1000)


def draw_distribution(
    axes: Axes,
    probabilities: FloatArray,
    quantiles: FloatArray,
    style: Look,
    label: str,
    form: Form,
    *,
    least: float = LEAST_SHARE,
    marks: Sequence[float] = (),
    bins: int = BINS,
) -> None:
    """Draw quantile functions of replicates (one row each): their mean as a line, a 95 % band if there are several.

    A density is drawn in `bins` of equal width up to the 99.9 % quantile, without a band; a constant is a line. A tail
    ends at the share `least`. `marks`: probabilities whose quantiles are marked, with their 95 % intervals.
    """
    mean = quantiles.mean(axis=0)
    if form == "density":
        if mean[-1] - mean[0] <= CONSTANT * abs(mean[-1]):
            # All of the share at one value: there is no height to draw.
            axes.axvline(mean[-1], color=style.colour, label=label, linestyle=style.line)
            return
        heights, edges = density(probabilities, mean, bins=bins)
        # Without a baseline: its last edge would look like a cliff, where only the quantiles that are kept end.
        axes.stairs(heights, edges, baseline=None, color=style.colour, label=label, linewidth=1.0, linestyle=style.line)
        return
    if form == "tail":
        known = 1 - probabilities >= least * (1 - 1e-9)
        probabilities, quantiles, mean = probabilities[known], quantiles[:, known], mean[known]
    heights = 1 - probabilities if form == "tail" else probabilities
    axes.plot(mean, heights, color=style.colour, linestyle=style.line, label=label)
    if len(quantiles) > 1:
        half = _half_widths(quantiles)
        axes.fill_betweenx(heights, mean - half, mean + half, color=style.colour, alpha=0.25, linewidth=0)
    if marks:
        _mark(axes, probabilities, quantiles, style, form, marks)


def check_marks(marks: Sequence[float], form: Form) -> None:
    """Raise `MisuseError` if these quantiles cannot be marked."""
    for mark in marks:
        if not 0 < mark < 1:
            raise MisuseError(f"the quantile {mark:g} cannot be marked: it must be above 0 and below 1")
    if marks and form == "density":
        raise MisuseError("quantiles are marked on a cdf or a tail, and not on a density")


def _mark(
    axes: Axes,
    probabilities: FloatArray,
    quantiles: FloatArray,
    style: Look,
    form: Form,
    marks: Sequence[float],
) -> None:
    # Beyond what is known of a tail there is nothing to be marked.
    wanted = np.array([mark for mark in marks if mark <= probabilities[-1]])
    found = np.array([np.interp(wanted, probabilities, row) for row in quantiles])
    axes.errorbar(
        found.mean(axis=0),
        1 - wanted if form == "tail" else wanted,
        xerr=_half_widths(found) if len(found) > 1 else None,
        color=style.colour,
        marker=style.marker,
        linestyle="none",
        elinewidth=0.9,
    )


def _half_widths(quantiles: FloatArray) -> FloatArray:
    """Return half of the 95 % interval of each quantile over two or more replicates."""
    from scipy.special import stdtrit

    count = len(quantiles)
    deviations = quantiles.std(axis=0, ddof=1) / np.sqrt(count)
    return np.asarray(stdtrit(count - 1, 0.975) * deviations, dtype=np.float64)


def draw_theory(
    axes: Axes,
    probabilities: FloatArray,
    quantiles: FloatArray,
    form: Form,
    *,
    colour: str = BLACK,
    line: Line = DOTTED,
    label: str | None,
) -> None:
    """Draw an exact distribution, given by its quantiles, as a thin line, dotted unless `line` is another."""
    inner = np.isfinite(quantiles)
    probabilities, places = probabilities[inner], quantiles[inner]
    if form == "tail":
        probabilities, places = _curved_tail(probabilities, places)
    heights = 1 - probabilities if form == "tail" else probabilities
    if form == "density":
        # Equal quantiles are a jump, whose density has no height that could be drawn.
        rises = np.diff(places) > 0
        heights = np.diff(probabilities)[rises] / np.diff(places)[rises]
        places = ((places[1:] + places[:-1]) / 2)[rises]
    axes.plot(places, heights, color=colour, linewidth=0.9, linestyle=line, label=label)


def _curved_tail(probabilities: FloatArray, quantiles: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a law's tail at many places, from those where its quantiles are kept, which stand far apart there.

    The cubic of Fritsch and Carlson, over the logarithm of the share: it keeps the order of quantiles, and overshoots
    nowhere.
    """
    from scipy.interpolate import PchipInterpolator

    shares = 1 - probabilities
    inner = (shares >= LEAST_SHARE * (1 - 1e-9)) & (shares < 1)
    if np.count_nonzero(inner) < 2:
        return probabilities[inner], quantiles[inner]
    logs, places = np.log(shares[inner])[::-1], quantiles[inner][::-1]
    dense = np.linspace(logs[0], logs[-1], _PLACES_OF_TAIL)
    return 1 - np.exp(dense), np.asarray(PchipInterpolator(logs, places)(dense), dtype=np.float64)


def label_distribution(
    axes: Axes, label: str, form: Form, *, until: float, since: float = 0.0, least: float = LEAST_SHARE
) -> None:
    """Name the axes of a distribution and choose their scales; they reach from 0, or `since` if far, to `until`.

    `least`: the least share of a tail.
    """
    unit = label.removesuffix(")").partition(" (")[2]
    match form:
        case "cdf":
            name_axes(axes, label, "cumulative share")
            axes.set_ylim(0, 1)
        case "density":
            name_axes(axes, label, f"density (1/{unit})" if unit else "density")
            axes.set_ylim(bottom=0)
        case "tail":
            name_axes(axes, label, "share above")
            axes.set_yscale("log")
            axes.set_ylim(least / 2, 1.5)
    far = since > FAR_SHARE * until
    margin = 0.02 * (until - since if far else until) or 0.05 * until
    axes.set_xlim(since - margin if far else 0.0, until + margin if until > 0 else 1.0)


def bins_for(samples: int) -> int:
    """Return how many bins a density of so many samples (0: exact) has: the rule of Rice, within bounds."""
    return BINS if samples == 0 else max(LEAST_BINS, min(BINS, round(2 * samples ** (1 / 3))))


def density(probabilities: FloatArray, quantiles: FloatArray, *, bins: int = BINS) -> tuple[FloatArray, FloatArray]:
    """Return heights and edges of bins of equal width whose shares follow from the quantile function."""
    # The last thousandth would stretch the axis of a heavy tail until nothing else is seen.
    low, high = np.interp([0.0, LAST], probabilities, quantiles)
    edges = np.linspace(low, high, bins + 1)
    shares = np.diff(np.interp(edges, quantiles, probabilities))
    return np.asarray(shares / np.diff(edges), dtype=np.float64), edges


def gamma_quantiles(probabilities: FloatArray, *, mean: float, sd: float) -> FloatArray:
    """Return the quantiles of the Gamma distribution of a mean and a standard deviation, both above 0."""
    from scipy.stats import gamma

    return np.asarray(gamma.ppf(probabilities, (mean / sd) ** 2, scale=sd**2 / mean), dtype=np.float64)
