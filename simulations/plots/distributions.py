"""Distributions in a figure: cumulative share, density or tail, from quantiles."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from loopixmix.errors import MisuseError
from simulations.plots.style import BLACK, Look

FloatArray: TypeAlias = NDArray[np.float64]
Form: TypeAlias = Literal["cdf", "density", "tail"]
Line: TypeAlias = str | tuple[float, tuple[float, ...]]

FORMS: tuple[Form, ...] = ("cdf", "density", "tail")
DOTTED: Line = (0, (1, 1.5))
BINS = 40
# Distributions are kept from 0.0001 to 0.9999: below that a tail is not known.
LEAST_SHARE = 5e-5
# If all values lie in the upper part of an axis from 0, they have an axis of their own.
FAR_SHARE = 0.4


def form_named(name: str) -> Form:
    """Return a form by its name; raise `MisuseError` if there is none."""
    for form in FORMS:
        if form == name:
            return form
    raise MisuseError(f'a distribution is drawn as {", ".join(FORMS)}, not "{name}"')


def draw_distribution(
    axes: Axes, probabilities: FloatArray, quantiles: FloatArray, style: Look, label: str, form: Form
) -> None:
    """Draw quantile functions of replicates (one row each): their mean as a line, a 95 % band if there are several.

    A density is drawn in bins of equal width up to the 99.9 % quantile, without a band.
    """
    mean = quantiles.mean(axis=0)
    if form == "density":
        heights, edges = density(probabilities, mean)
        # Without a baseline: its last edge would look like a cliff, where only the quantiles that are kept end.
        axes.stairs(heights, edges, baseline=None, color=style.colour, label=label, linewidth=1.0, linestyle=style.line)
        return
    heights = 1 - probabilities if form == "tail" else probabilities
    axes.plot(mean, heights, color=style.colour, linestyle=style.line, label=label)
    if len(quantiles) > 1:
        from scipy.special import stdtrit

        half = stdtrit(len(quantiles) - 1, 0.975) * quantiles.std(axis=0, ddof=1) / np.sqrt(len(quantiles))
        axes.fill_betweenx(heights, mean - half, mean + half, color=style.colour, alpha=0.25, linewidth=0)


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
    heights = 1 - probabilities if form == "tail" else probabilities
    if form == "density":
        # Equal quantiles are a jump, whose density has no height that could be drawn.
        rises = np.diff(places) > 0
        heights = np.diff(probabilities)[rises] / np.diff(places)[rises]
        places = ((places[1:] + places[:-1]) / 2)[rises]
    axes.plot(places, heights, color=colour, linewidth=0.9, linestyle=line, label=label)


def label_distribution(axes: Axes, label: str, form: Form, *, until: float, since: float = 0.0) -> None:
    """Name the axes of a distribution and choose their scales; they reach from 0, or `since` if far, to `until`."""
    axes.set_xlabel(label)
    unit = label.removesuffix(")").partition(" (")[2]
    match form:
        case "cdf":
            axes.set_ylabel("cumulative share")
            axes.set_ylim(0, 1)
        case "density":
            axes.set_ylabel(f"density (1/{unit})" if unit else "density")
            axes.set_ylim(bottom=0)
        case "tail":
            axes.set_ylabel("share above")
            axes.set_yscale("log")
            axes.set_ylim(LEAST_SHARE, 1.5)
    far = since > FAR_SHARE * until
    margin = 0.02 * (until - since if far else until)
    axes.set_xlim(since - margin if far else 0.0, until + margin if until > 0 else 1.0)


def density(probabilities: FloatArray, quantiles: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return heights and edges of bins of equal width whose shares follow from the quantile function."""
    # The last thousandth would stretch the axis of a heavy tail until nothing else is seen.
    low, high = np.interp([0.0, 0.999], probabilities, quantiles)
    # A constant has one value: without the smallest width its bins would be divided by 0.
    edges = np.linspace(low, max(high, low + 1e-12), BINS + 1)
    shares = np.diff(np.interp(edges, quantiles, probabilities))
    return np.asarray(shares / np.diff(edges), dtype=np.float64), edges


def gamma_quantiles(probabilities: FloatArray, *, mean: float, sd: float) -> FloatArray:
    """Return the quantiles of the Gamma distribution of a mean and a standard deviation, both above 0."""
    from scipy.stats import gamma

    return np.asarray(gamma.ppf(probabilities, (mean / sd) ** 2, scale=sd**2 / mean), dtype=np.float64)
