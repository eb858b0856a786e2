"""`loopixmix simulate run`: a scenario, or a sweep over it, by one of the engines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopixmix.errors import MisuseError, UnavailableError

if TYPE_CHECKING:
    from simulations.results.result import Result
    from simulations.workbench.runs import RunPlan

RESULTS = Path("results")
PIPED_WIDTH = 200
WIDEST = 1000


@click.command()
@click.argument("scenario")
@click.option(
    "-p",
    "parameters",
    multiple=True,
    metavar="KEY=VALUE,...",
    help="Set a key of the scenario; several values (0.1,0.2,0.5 or 0.1:0.5:0.1 or 1:1000:x10) are swept, all "
    "combinations of several keys.",
)
@click.option("--engine", default="vector", show_default=True, help="exact, vector, nodes, or MODULE:ATTRIBUTE.")
@click.option(
    "--replicates", type=click.IntRange(1, 100_000), help="Independent repetitions, instead of the scenario's."
)
@click.option("--seed", type=click.IntRange(0, 2**62), help="The seed of everything (seeds.root).")
@click.option("--jobs", type=click.IntRange(1, 1024), help="Processes of this machine.  [default: one a processor]")
@click.option("--dask", metavar="ADDRESS", help="Run on the Dask cluster whose scheduler is there (tcp://HOST:PORT).")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where to keep everything; what is done there already is not done again.  [default: a folder in results/ "
    "that belongs to this very run]",
)
@click.option("--no-save", is_flag=True, help="Keep nothing.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Run and write nothing: print how many points and tasks there are, and try some of them for seconds to tell "
    "memory and time.",
)
@click.option("--resume", is_flag=True, help="Only go on with what is kept; the same command without it does so too.")
@click.option(
    "--measure", "measures", multiple=True, metavar="NAME", help="Show this measure (again for more), or all."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def run(
    scenario: str,
    parameters: tuple[str, ...],
    engine: str,
    replicates: int | None,
    seed: int | None,
    jobs: int | None,
    dask: str | None,
    out: Path | None,
    no_save: bool,
    dry_run: bool,
    resume: bool,
    measures: tuple[str, ...],
    as_json: bool,
    quiet: bool,
) -> None:
    """Run a scenario, or a sweep over it.

    SCENARIO is a TOML file or the name of a scenario that comes along (`loopixmix simulate scenario` lists them).

    What is done is kept at once. After an interruption the same command goes on where it stopped. The same scenario,
    sweep and seeds give the same files, byte for byte, whatever --jobs and --dask are; only manifest.json has times.
    """
    if jobs is not None and dask is not None:
        raise click.UsageError("--jobs is for processes of this machine and --dask for a cluster: give one of them")
    if no_save and (out is not None or resume):
        raise click.UsageError("--no-save keeps nothing: it does not go with --out or --resume")
    # First: a run may take hours.
    _check_names(measures, engine)
    plan = _plan(scenario, parameters, engine, replicates, seed)
    folder = None if no_save else out or RESULTS / _name(plan)
    if dry_run:
        _foretell(plan, folder, jobs=jobs, dask=dask, as_json=as_json)
        return
    result = _performed(plan, folder, jobs=jobs, dask=dask, quiet=quiet, resume=resume)
    _print(result, folder, measures, as_json=as_json)


def _plan(scenario: str, parameters: tuple[str, ...], engine: str, replicates: int | None, seed: int | None) -> RunPlan:
    # Numerics are imported by the functions that need them, so that --help and bad options answer at once.
    from simulations.scenario import change, load_scenario
    from simulations.scenario.shipped import find_scenario
    from simulations.sweep.parameters import parse_parameter
    from simulations.sweep.points import axes_of, check_each_once
    from simulations.workbench.runs import plan_of

    path = find_scenario(scenario)
    given = [parse_parameter(text) for text in parameters]
    check_each_once(given)
    # A key with one value is set and not swept, so it may be one that has the same value in all of a run.
    fixed = {axis.key: axis.values[0] for axis in given if len(axis.values) == 1}
    base = change(load_scenario(path), fixed, source="-p")
    # After the options of -p: --seed is the more explicit of the two.
    if seed is not None:
        base = change(base, {"seeds.root": seed}, source="--seed")
    swept = axes_of(axis for axis in given if len(axis.values) > 1)
    return plan_of(base, engine, sweep=swept, replicates=replicates, source=str(path))


def _check_names(measures: tuple[str, ...], engine: str) -> None:
    """Refuse names of figures that no run by this engine can have."""
    from simulations.measures.attack_figures import check_attack_figure
    from simulations.measures.catalogue import DISTRIBUTIONS, unit_of
    from simulations.workbench.engines import BUILT_IN

    for name in measures:
        if name == "all":
            continue
        unit_of(name)
        if name in DISTRIBUTIONS:
            raise MisuseError(
                f"{name} is a distribution and no figure: `loopixmix simulate plot distribution FOLDER` draws it, and "
                "distributions.csv in the folder has it"
            )
        # An engine of one's own may carry out an attack of its own.
        if name.startswith("attack.") and engine in BUILT_IN:
            check_attack_figure(name)


def _name(plan: RunPlan) -> str:
    manifest = plan.manifest
    return f"{manifest.scenario.name}-{manifest.engine.replace(':', '.')}-{manifest.digest[:8]}"


def _foretell(plan: RunPlan, folder: Path | None, *, jobs: int | None, dask: str | None, as_json: bool) -> None:
    import msgspec
    from rich.console import Console

    from loopixmix.progress import waiting
    from loopixmix.sweeps.places import Place
    from simulations.workbench.forecast import forecast, lines_of

    with waiting(Console(stderr=True), "trying some tasks"):
        found = forecast(plan, Place(jobs, dask), out=folder)
    if as_json:
        totals = {"expected_s": found.expected_s, "task_bytes": found.task_bytes, "is_least": found.is_least}
        content = msgspec.to_builtins(found) | totals | {"folder": None if folder is None else str(folder)}
        click.echo(msgspec.json.format(msgspec.json.encode(content), indent=2).decode())
        return
    click.echo(f"{plan.manifest.scenario.name}, engine {plan.manifest.engine}: nothing was run (--dry-run)")
    for line in lines_of(found, plan, folder):
        click.echo(line)


def _performed(
    plan: RunPlan, folder: Path | None, *, jobs: int | None, dask: str | None, quiet: bool, resume: bool
) -> Result:
    from loopixmix.sweeps.local import WorkerLostError
    from loopixmix.sweeps.places import Place
    from loopixmix.sweeps.progress import watcher_for
    from simulations.results.manifest import FolderError
    from simulations.workbench.runs import run_plan

    if resume and folder is not None and not (folder / "manifest.json").exists():
        raise FolderError(f"{folder}: holds no run to go on with: begin it without --resume")
    watcher = watcher_for(plan.manifest.scenario.name, quiet=quiet)
    try:
        return run_plan(plan, Place(jobs, dask), watcher, out=folder)
    except KeyboardInterrupt:
        click.echo(f"interrupted: {_kept(folder)}", err=True)
        raise
    except (WorkerLostError, UnavailableError) as error:
        # The same class, so that the exit code stays that of the fault; the words add what is kept.
        raise type(error)(f"{error}; {_kept(folder)}") from error


def _kept(folder: Path | None) -> str:
    from simulations.results.manifest import read_manifest

    if folder is None:
        return "nothing is kept (--no-save)"
    if not (folder / "manifest.json").exists():
        return "nothing was done yet"
    manifest = read_manifest(folder)
    found = manifest.unfinished or manifest
    kept = f"{found.tasks_done} of {found.tasks} tasks are kept in {folder}; the same command goes on"
    if manifest.complete:
        kept += f"; the finished result of {replicates_text(manifest.replicates)} is still there"
    return kept


def replicates_text(count: int) -> str:
    """Return a number of replicates in words."""
    return "one replicate" if count == 1 else f"{count} replicates"


def _print(result: Result, folder: Path | None, measures: tuple[str, ...], *, as_json: bool) -> None:
    from simulations.results.display import check_measures

    everything = "all" in measures
    wanted = result.measures if everything else measures
    if as_json:
        _print_json(result, folder)
    else:
        _print_table(result, folder, wanted, brief=everything or not measures)
    # Last: a measure that is in the catalogue and was not measured here must not cost all the others.
    check_measures(result, wanted)


def _print_json(result: Result, folder: Path | None) -> None:
    import msgspec

    from simulations.results.display import as_object

    content = as_object(result) | {"folder": None if folder is None else str(folder)}
    click.echo(msgspec.json.format(msgspec.json.encode(content), indent=2).decode())


def _print_table(result: Result, folder: Path | None, wanted: tuple[str, ...], *, brief: bool) -> None:
    from rich.console import Console

    from simulations.results.display import below, selection_of, table_of

    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False)
    selection = selection_of(result, wanted, brief=brief)
    wide = Console(width=WIDEST)
    table = table_of(result, selection)
    if wide.measure(table).maximum > console.width:
        table = table_of(result, selection, narrow=True)
    # A line that the terminal breaks is less bad than figures that are cut.
    widest = wide.measure(table).maximum
    Console(width=max(console.width, widest), highlight=False).print(table)
    for line in below(result, selection, folder=folder):
        console.print(line, markup=False)
    manifest = result.manifest
    swept = f"{len(result.points):,} points, " if len(result.points) > 1 else ""
    console.print(f"{swept}{replicates_text(manifest.replicates)}; {manifest.window}.", markup=False)
    if folder is not None:
        console.print(f"Kept in {folder}{_also_kept(folder, manifest.replicates)}", markup=False, soft_wrap=True)


def _also_kept(folder: Path, replicates: int) -> str:
    """Say so if the files in a folder hold more replicates than were asked for."""
    from simulations.results.manifest import read_manifest

    kept = read_manifest(folder).replicates
    return f", whose files hold {replicates_text(kept)}" if kept > replicates else ""
