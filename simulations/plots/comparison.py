"""Published, theory and simulated in one figure."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loopixmix.errors import MisuseError
from loopixmix.sweeps.work import Progress
from simulations.outcome import PROBABILITIES
from simulations.plots.distributions import (
    DOTTED,
    Form,
    draw_distribution,
    draw_theory,
    gamma_quantiles,
    known_share,
    label_distribution,
    last_probability,
    theory_probabilities,
)
from simulations.plots.labels import scale_for, scale_y, tick_at
from simulations.plots.papers import FIGURES, Curve, FigureEffort, PaperDistribution, PaperFigure, loopix_fig10
from simulations.plots.style import (
    BLACK,
    GREY,
    Columns,
    Look,
    draw_points,
    legend_above,
    look,
    name_axes,
    new_figure,
    styled,
)

PUBLISHED = "published"
SIMULATED = "simulated"
THEORY = "theory"


def draw_paper(
    name: str, effort: FigureEffort, progress: Progress, *, form: Form = "density", columns: Columns = 1
) -> Figure:
    """Simulate what a paper's figure shows and return the figure; raise `MisuseError` if no figure has that name."""
    if name == "loopix-fig10":
        return paper_distribution_figure(loopix_fig10(effort, progress), form=form, columns=columns)
    if name not in FIGURES:
        raise MisuseError(f'no figure is called "{name}" (there are: {", ".join(FIGURES)}, loopix-fig10)')
    return paper_figure(FIGURES[name](effort, progress), columns=columns)


def paper_figure(found: PaperFigure, *, columns: Columns = 1) -> Figure:
    """Return published values as hollow diamonds, theory as curves (or dashes, if there is nothing between its places),
    simulated means with their 95 % intervals.
    """
    with styled():
        figure, (axes,) = new_figure(columns)
        alone = len(found.curves) == 1
        for number, curve in enumerate(found.curves):
            _draw_curve(axes, curve, look(number), alone=alone)
        places = [x for curve in found.curves for x in curve.x]
        axes.set_xscale(scale_for(places) if not alone else "linear")
        tick_at(axes, places)
        scale_y(axes, [value for curve in found.curves for value in (*curve.published, *curve.theory)])
        name_axes(axes, found.x_label, found.y_label)
        legend_above(figure, columns=columns, title=found.legend)
    return figure


def paper_distribution_figure(found: PaperDistribution, *, form: Form = "density", columns: Columns = 1) -> Figure:
    """Return the simulated distribution, with theory and the published fit, both Gamma, as lines."""
    probabilities, inner = np.array(PROBABILITIES), theory_probabilities(form)
    with styled():
        figure, (axes,) = new_figure(columns)
        quantiles = np.array([distribution.quantiles for distribution in found.simulated])
        least = known_share([distribution.count for distribution in found.simulated])
        draw_distribution(axes, probabilities, quantiles, look(0), SIMULATED, form, least=least)
        mean, sd = found.published
        fit = gamma_quantiles(inner, mean=mean, sd=sd)
        label, style = f"published fit (mean {mean:g}, sd {sd:g})", look(1)
        draw_theory(axes, inner, fit, form, colour=style.colour, line=style.line, label=label)
        mean, sd = found.theory
        exact = gamma_quantiles(inner, mean=mean, sd=sd)
        draw_theory(axes, inner, exact, form, label=f"theory: Gamma (mean {mean:g}, sd {sd:g})")
        until = float(np.interp(last_probability(form, least), probabilities, quantiles.mean(axis=0)))
        label_distribution(axes, found.x_label, form, until=until, least=least)
        legend_above(figure, columns=columns)
    return figure


def _draw_curve(axes: Axes, curve: Curve, style: Look, *, alone: bool) -> None:
    means = np.array([found.mean for found in curve.simulated])
    halves = np.array([found.half_width or 0.0 for found in curve.simulated])
    axes.errorbar(
        curve.x,
        means,
        yerr=halves if halves.any() else None,
        color=style.colour,
        marker=style.marker,
        linestyle="none",
        elinewidth=0.9,
        label=SIMULATED if alone else curve.label,
    )
    colour = GREY if alone else style.colour
    if curve.countable:
        draw_points(axes, curve.theory_x, curve.theory, colour=colour)
        draw_points(axes, [], [], colour=GREY, label=THEORY)
    else:
        axes.plot(curve.theory_x, curve.theory, color=colour, linestyle=DOTTED if alone else style.line, zorder=1)
        axes.plot([], [], color=GREY, linestyle=DOTTED if alone else "-", label=THEORY)
    axes.plot(
        curve.x,
        curve.published,
        color=BLACK,
        linestyle="none",
        marker="D",
        markersize=7.5,
        markerfacecolor="none",
        markeredgewidth=0.8,
        label=PUBLISHED,
        zorder=3,
    )
