"""`loopixmix simulate plot`: figures fit for print, as PNG and SVG."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from loopixmix.errors import MisuseError
from simulations.measures.catalogue import Measure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from loopixmix.sweeps.work import Progress
    from simulations.plots.style import Columns
    from simulations.results.result import Result

P = ParamSpec("P")
R = TypeVar("R")

PAPER_FIGURES = {
    "loopix-fig4": "Loopix Fig. 4: entropy of one mix against the rate of packets, for three mean delays.",
    "loopix-fig5": "Loopix Fig. 5: unlinkability of senders against the rate of the delay.",
    "loopix-fig6": "Loopix Fig. 6: unlinkability of senders against the number of layers.",
    "loopix-fig10": "Loopix Fig. 10: latency through four hops.",
    "mixim-fig5a": "MiXiM Fig. 5a: entropy against layers, at the same delay of each mix.",
    "mixim-fig7a": "MiXiM Fig. 7a: entropy against layers, at the same latency of the whole way.",
}


def _form(default: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    return click.option(
        "--form",
        type=click.Choice(["cdf", "density", "tail"]),
        default=default,
        show_default=True,
        help="What of the distribution is drawn.",
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def plot() -> None:
    """Draw results, figures of papers, and measured beside simulated networks.

    Figures are as wide as one or two columns of a paper, with units on the axes and 95 % intervals over replicates; the
    same data gives the same files, byte for byte. FOLDER is what `loopixmix simulate run --out FOLDER` wrote.
    """
    # Files need no window. A notebook names its own backend to the commands that it starts, and need not have it here.
    os.environ["MPLBACKEND"] = "agg"


_only = click.option(
    "--only",
    multiple=True,
    metavar="KEY=VALUE,...",
    help="Draw only the points of the sweep at which a swept key has one of these values (again for more keys).",
)


def _drawn(command: Callable[..., Figure]) -> Callable[..., None]:
    """Add where a figure goes and how wide it is, and write what the command draws."""

    @click.option(
        "--out",
        type=click.Path(path_type=Path, dir_okay=False),
        help="NAME.png, .svg or .pdf; PNG and SVG if the name has no ending. [default: the figure's name, here]",
    )
    @functools.wraps(command)
    def writing(out: Path | None, **arguments: object) -> None:
        from simulations.plots.style import destinations, save

        out = out or Path(str(click.get_current_context().info_name))
        destinations(out)  # says what is wrong before anything is computed
        for path in save(command(**arguments), out):
            click.echo(f"wrote {path}")

    return click.option(
        "--columns",
        type=click.Choice(["1", "2"]),
        default="2" if command.__name__ == "overlay" else "1",
        show_default=True,
        help="How many columns of a paper the figure is wide.",
    )(writing)


@plot.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("measure", default=Measure.ENTROPY_BITS.value)
@click.option("--key", default="", help="The swept key along the x axis. [default: the one with the most values]")
@_only
@_drawn
def sweep(folder: Path, measure: str, key: str, only: tuple[str, ...], columns: str) -> Figure:
    """Draw a measure against a swept key, one colour for each value of the others."""
    from simulations.plots.results import sweep_figure

    return sweep_figure(_result(folder), measure, key=key, only=_chosen(only), columns=_columns(columns))


@plot.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("measure", default=Measure.LATENCY_S.value)
@_form("cdf")
@_only
@click.option(
    "--quantiles", default="", metavar="0.5,0.95,...", help="Mark these quantiles, with their intervals, on every line."
)
@_drawn
def distribution(folder: Path, measure: str, form: str, only: tuple[str, ...], quantiles: str, columns: str) -> Figure:
    """Draw a distribution, such as latency_s, with theory over it."""
    from simulations.plots.distributions import form_named
    from simulations.plots.results import distribution_figure

    return distribution_figure(
        _result(folder),
        measure,
        form=form_named(form),
        only=_chosen(only),
        marks=_quantiles(quantiles),
        columns=_columns(columns),
    )


@plot.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("measure", default=Measure.ENTROPY_BITS.value)
@_only
@_drawn
def replicates(folder: Path, measure: str, only: tuple[str, ...], columns: str) -> Figure:
    """Draw how a measure spreads over replicates, one box for each point of the sweep."""
    from simulations.plots.results import replicates_figure

    return replicates_figure(_result(folder), measure, only=_chosen(only), columns=_columns(columns))


@plot.command()
@click.argument("plan", type=click.Path(path_type=Path))
@_drawn
def pareto(plan: Path, columns: str) -> Figure:
    """Draw what latency and entropy cost: the planner's Pareto front.

    PLAN is what `loopixmix simulate plan ... --json > PLAN` wrote.
    """
    from simulations.plots.pareto import load_front, pareto_figure

    return pareto_figure(load_front(plan), columns=_columns(columns))


@plot.command()
@click.argument("measurement", type=click.Path(path_type=Path))
@click.option("--measure", default=Measure.DELIVERY_S.value, show_default=True, help="The distribution that is drawn.")
@click.option(
    "--simulated",
    type=click.Path(path_type=Path),
    help="A folder of `loopixmix simulate run`. [default: simulate what the measurement implies, now]",
)
@click.option("--engine", type=click.Choice(["nodes", "vector"]), default="nodes", show_default=True)
@click.option("--replicates", type=click.IntRange(1, 10_000), default=5, show_default=True)
@click.option(
    "--duration",
    "duration_s",
    type=click.FloatRange(1, 86_400),
    default=60.0,
    show_default=True,
    help="Virtual seconds.",
)
@click.option("--jobs", type=click.IntRange(1, 256), help="Processes. [default: one for each processor]")
@_form("cdf")
@_drawn
def overlay(
    measurement: Path,
    measure: str,
    simulated: Path | None,
    engine: str,
    replicates: int,
    duration_s: float,
    jobs: int | None,
    form: str,
    columns: str,
) -> Figure:
    """Draw a measured network over its simulation, and print both.

    MEASUREMENT is what `loopixmix simulate measure` wrote.
    """
    from simulations import run
    from simulations.importing.comparison import comparison
    from simulations.importing.display import comparison_table, print_table
    from simulations.importing.measurement import load_measurement
    from simulations.importing.scenarios import scenario_of
    from simulations.plots.distributions import form_named
    from simulations.plots.overlay import overlay_figure

    measured = load_measurement(measurement)
    if simulated is None:
        scenario = scenario_of(measured, duration_s=duration_s, replicates=replicates)
        result = run(scenario, engine=engine, jobs=jobs, progress=sys.stderr.isatty())
    else:
        result = _result(simulated)
    figure = overlay_figure(measured, result, measure=measure, form=form_named(form), columns=_columns(columns))
    print_table(comparison_table(comparison(measured, result)))
    return figure


def _effort_options(command: Callable[P, R]) -> Callable[P, R]:
    options = (
        click.option("--replicates", type=click.IntRange(1, 10_000), default=5, show_default=True),
        click.option(
            "--targets",
            type=click.IntRange(1, 100_000),
            default=20,
            show_default=True,
            help="Packets followed, or challenges repeated, in each replicate.",
        ),
        click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes."),
        click.option("--seed", type=click.IntRange(0, 2**62), default=1, show_default=True),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _add_paper_figure(name: str, text: str) -> None:
    def draw(replicates: int, targets: int, jobs: int, seed: int, columns: str, form: str = "density") -> Figure:
        from simulations.plots.comparison import draw_paper
        from simulations.plots.distributions import form_named
        from simulations.plots.papers import FigureEffort

        effort = FigureEffort(replicates=replicates, targets=targets, jobs=jobs, seed=seed)
        with _progress() as progress:
            return draw_paper(name, effort, progress, form=form_named(form), columns=_columns(columns))

    draw.__doc__ = text
    command = _effort_options(_drawn(draw))
    if name == "loopix-fig10":
        command = _form("density")(command)
    plot.command(name=name, short_help=text.partition(": ")[2].capitalize())(command)


for _name, _text in PAPER_FIGURES.items():
    _add_paper_figure(_name, _text)


def _result(folder: Path) -> Result:
    from simulations.results.result import Result

    return Result.load(folder)


def _chosen(only: tuple[str, ...]) -> dict[str, tuple[object, ...]]:
    from simulations.sweep.parameters import parse_parameter
    from simulations.sweep.points import check_each_once

    axes = [parse_parameter(text, option="--only") for text in only]
    check_each_once(axes)
    return {axis.key: axis.values for axis in axes}


def _quantiles(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if text]
    except ValueError:
        raise MisuseError(f"--quantiles {text}: must be numbers between 0 and 1, with commas between them") from None


def _columns(text: str) -> Columns:
    return 2 if text == "2" else 1


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show a bar on a terminal's stderr."""
    with click.progressbar(length=1000, file=sys.stderr, hidden=not sys.stderr.isatty(), label="simulating") as bar:
        yield lambda share: bar.update(int(share * 1000) - bar.pos)
