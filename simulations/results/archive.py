"""Findings read back from the folder that keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from simulations.outcome import PROBABILITIES, Distribution, Outcome
from simulations.results.findings import Findings
from simulations.results.folder import digest_of, manifest_now
from simulations.results.manifest import MANIFEST, FolderError, Manifest
from simulations.sweep.points import Axis, points_of
from simulations.sweep.tasks import THEORY, Record

if TYPE_CHECKING:
    import pandas as pd


CURE = "the same command, with this folder as --out, writes it anew from parts/ and computes only what is lost there"
_COLUMNS = {
    "replicates": ("point", "replicate", "engine", "measure", "value"),
    "summary": ("point", "measure", "exact"),
    "distributions": ("point", "replicate", "engine", "measure", "count", "mean", "sd", "probability", "quantile"),
}


def read_findings(folder: Path) -> Findings:
    """Return what `folder` keeps; raise `FolderError` if it keeps nothing, an unfinished run, or files that changed."""
    manifest = manifest_now(folder)
    if not manifest.complete:
        raise FolderError(f"{folder}: {_unfinished(manifest)}")
    axes = [Axis(axis.key, axis.values) for axis in manifest.sweep]
    points = points_of(manifest.scenario, axes)
    _check_files(folder, manifest)
    records, theory = _read_tables(folder, manifest)
    return Findings(manifest=manifest, points=points, records=records, theory=theory)


def _check_files(folder: Path, manifest: Manifest) -> None:
    """Raise `FolderError` if a file is not what the run wrote, or one that is needed is not there.

    The tables in CSV are not needed, and somebody may have removed them.
    """
    for name, digest in manifest.files.items():
        path = folder / name
        if path.exists() and digest_of(path) != digest:
            raise FolderError(f"{path}: was changed after the run wrote it (see its hash in {MANIFEST}): {CURE}")
    for name in _COLUMNS:
        path = folder / f"{name}.parquet"
        if path.name not in manifest.files:
            raise FolderError(f"{folder / MANIFEST}: has no hash of {path.name}: {CURE}")
        if not path.exists():
            raise FolderError(f"{path}: is not there: {CURE}")


def _unfinished(manifest: Manifest) -> str:
    done = f"{manifest.tasks_done} of {manifest.tasks} tasks are done"
    if any(session.end == "running" for session in manifest.sessions):
        return f"the run goes on just now ({done}): wait until it is finished"
    return f"the run is not finished ({done}): the same command goes on with it"


def _read_tables(folder: Path, manifest: Manifest) -> tuple[list[Record], dict[int, Outcome]]:
    """Return the records and the theory that the Parquet tables in `folder` hold; raise `FolderError` if damaged."""
    figures = _figures(_table(folder, manifest, "replicates"))
    distributions = _distributions(_table(folder, manifest, "distributions"))
    records = [
        Record(
            point=point,
            replicate=replicate,
            outcome=Outcome(engine=name, figures=found, distributions=distributions.get((point, replicate, name), {})),
        )
        for (point, replicate, name), found in figures.items()
    ]
    if manifest.engine == THEORY:
        return records, {}
    return records, _theory(_table(folder, manifest, "summary"), distributions)


def _table(folder: Path, manifest: Manifest, name: str) -> pd.DataFrame:
    import pandas as pd

    path = folder / f"{name}.parquet"
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise FolderError(f"{path}: cannot be read: {error}: {CURE}") from error
    lacking = [column for column in _COLUMNS[name] if column not in table.columns]
    if lacking:
        raise FolderError(f"{path}: has no column {', '.join(lacking)}: it is no table of this version: {CURE}")
    if len(table) and not table["point"].between(0, manifest.points - 1).all():
        raise FolderError(f"{path}: has other points than the {manifest.points} of {MANIFEST}: {CURE}")
    if name == "distributions" and table["probability"].tolist() != [*PROBABILITIES] * (
        len(table) // len(PROBABILITIES)
    ):
        raise FolderError(f"{path}: has quantiles at other probabilities than this version keeps: {CURE}")
    return table


def _figures(table: pd.DataFrame) -> dict[tuple[int, int, str], dict[str, float]]:
    found: dict[tuple[int, int, str], dict[str, float]] = {}
    columns = (table[name].tolist() for name in _COLUMNS["replicates"])
    for point, replicate, engine, measure, value in zip(*columns, strict=True):
        found.setdefault((point, replicate, engine), {})[measure] = value
    return found


def _distributions(table: pd.DataFrame) -> dict[tuple[int, int, str], dict[str, Distribution]]:
    found: dict[tuple[int, int, str], dict[str, Distribution]] = {}
    columns = [table[name].tolist() for name in _COLUMNS["distributions"] if name != "probability"]
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
    columns = (known[name].tolist() for name in _COLUMNS["summary"])
    for point, measure, exact in zip(*columns, strict=True):
        figures.setdefault(point, {})[measure] = exact
    return {
        point: Outcome(engine=THEORY, figures=found, distributions=distributions.get((point, 0, THEORY), {}))
        for point, found in figures.items()
    }
