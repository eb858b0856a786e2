"""Findings read back from the folder that keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from simulations.outcome import PROBABILITIES, Distribution, Outcome
from simulations.results.findings import Findings
from simulations.results.folder import manifest_now
from simulations.results.manifest import FolderError, Manifest
from simulations.sweep.points import Axis, points_of
from simulations.sweep.tasks import THEORY, Record

if TYPE_CHECKING:
    import pandas as pd


def read_findings(folder: Path) -> Findings:
    """Return what `folder` keeps; raise `FolderError` if it keeps nothing, or an unfinished run."""
    manifest = manifest_now(folder)
    if not manifest.complete:
        raise FolderError(f"{folder}: {_unfinished(manifest)}")
    axes = [Axis(axis.key, axis.values) for axis in manifest.sweep]
    records, theory = _read_tables(folder, manifest.engine)
    return Findings(manifest=manifest, points=points_of(manifest.scenario, axes), records=records, theory=theory)


def _unfinished(manifest: Manifest) -> str:
    done = f"{manifest.tasks_done} of {manifest.tasks} tasks are done"
    if any(session.end == "running" for session in manifest.sessions):
        return f"the run goes on just now ({done}): wait until it is finished"
    return f"the run is not finished ({done}): the same command goes on with it"


def _read_tables(folder: Path, engine: str) -> tuple[list[Record], dict[int, Outcome]]:
    """Return the records and the theory that the Parquet tables in `folder` hold; raise `FolderError` if damaged."""
    figures = _figures(_table(folder, "replicates"))
    distributions = _distributions(_table(folder, "distributions"))
    records = [
        Record(
            point=point,
            replicate=replicate,
            outcome=Outcome(engine=name, figures=found, distributions=distributions.get((point, replicate, name), {})),
        )
        for (point, replicate, name), found in figures.items()
    ]
    return records, _theory(_table(folder, "summary"), distributions) if engine != THEORY else {}


def _table(folder: Path, name: str) -> pd.DataFrame:
    import pandas as pd

    path = folder / f"{name}.parquet"
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise FolderError(f"{path}: cannot be read: {error}") from error


def _figures(table: pd.DataFrame) -> dict[tuple[int, int, str], dict[str, float]]:
    found: dict[tuple[int, int, str], dict[str, float]] = {}
    columns = (table[name].tolist() for name in ("point", "replicate", "engine", "measure", "value"))
    for point, replicate, engine, measure, value in zip(*columns, strict=True):
        found.setdefault((point, replicate, engine), {})[measure] = value
    return found


def _distributions(table: pd.DataFrame) -> dict[tuple[int, int, str], dict[str, Distribution]]:
    found: dict[tuple[int, int, str], dict[str, Distribution]] = {}
    named = ("point", "replicate", "engine", "measure", "count", "mean", "sd", "quantile")
    columns = [table[name].tolist() for name in named]
    # The quantiles of one distribution stand together, in order.
    for first in range(0, len(table), len(PROBABILITIES)):
        point, replicate, engine, measure, count, mean, sd = (column[first] for column in columns[:-1])
        quantiles = tuple(columns[-1][first : first + len(PROBABILITIES)])
        found.setdefault((point, replicate, engine), {})[measure] = Distribution(
            count=count, mean=mean, sd=sd, quantiles=quantiles
        )
    return found


def _theory(
    table: pd.DataFrame, distributions: dict[tuple[int, int, str], dict[str, Distribution]]
) -> dict[int, Outcome]:
    figures: dict[int, dict[str, float]] = {}
    # The summary is where theory is kept as figures: it has no replicates of its own.
    known = table[table["exact"].notna()]
    columns = (known[name].tolist() for name in ("point", "measure", "exact"))
    for point, measure, exact in zip(*columns, strict=True):
        figures.setdefault(point, {})[measure] = exact
    return {
        point: Outcome(engine=THEORY, figures=found, distributions=distributions.get((point, 0, THEORY), {}))
        for point, found in figures.items()
    }
