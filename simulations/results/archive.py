"""Findings read back from the folder that keeps them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from loopixmix.process.files import lock_attempts
from simulations.outcome import PROBABILITIES, Distribution, Outcome
from simulations.results.findings import Findings
from simulations.results.folder import digest_of, manifest_now
from simulations.results.holding import is_held
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
    for _ in lock_attempts():
        manifest = manifest_now(folder)
        try:
            return _findings_of(folder, manifest)
        except FolderError:
            # A run that ends just now puts its files in place one after the other: they fit together a moment later.
            if not is_held(folder) and manifest_now(folder) == manifest:
                raise
    return _findings_of(folder, manifest_now(folder))


def _findings_of(folder: Path, manifest: Manifest) -> Findings:
    if not manifest.complete:
        raise FolderError(f"{folder}: {_unfinished(manifest)}")
    axes = [Axis(axis.key, axis.values) for axis in manifest.sweep]
    points = points_of(manifest.scenario, axes)
    records, theory = _read_tables(folder, manifest, _checked_tables(folder, manifest))
    return Findings(manifest=manifest, points=points, records=records, theory=theory)


def _checked_tables(folder: Path, manifest: Manifest) -> dict[str, bytes]:
    """Return the tables in Parquet; raise `FolderError` if a file is not what the run wrote, or a table is not there.

    The other files are not needed, and somebody may have removed them.
    """
    tables: dict[str, bytes] = {}
    for name in _COLUMNS:
        path = folder / f"{name}.parquet"
        if path.name not in manifest.files:
            raise FolderError(f"{folder / MANIFEST}: has no hash of {path.name}: {CURE}")
        try:
            # Read once, and so hashed as it is used: a run may put another file in its place meanwhile.
            tables[name] = path.read_bytes()
        except FileNotFoundError:
            raise FolderError(f"{path}: is not there: {CURE}") from None
        except OSError as error:
            raise FolderError(f"{path}: cannot be read: {error.strerror}: {CURE}") from error
    digests = {f"{name}.parquet": hashlib.sha256(content).hexdigest() for name, content in tables.items()}
    for name, digest in manifest.files.items():
        path = folder / name
        if name not in digests and not path.exists():
            continue
        if (digests.get(name) or digest_of(path)) != digest:
            raise FolderError(f"{path}: was changed after the run wrote it (see its hash in {MANIFEST}): {CURE}")
    return tables


def _unfinished(manifest: Manifest) -> str:
    done = f"{manifest.tasks_done} of {manifest.tasks} tasks are done"
    if any(session.end == "running" for session in manifest.sessions):
        return f"the run goes on just now ({done}): wait until it is finished"
    return f"the run is not finished ({done}): the same command goes on with it"


def _read_tables(
    folder: Path, manifest: Manifest, tables: Mapping[str, bytes]
) -> tuple[list[Record], dict[int, Outcome]]:
    """Return the records and the theory that the Parquet tables in `folder` hold; raise `FolderError` if damaged."""
    figures = _figures(_table(folder, manifest, "replicates", tables))
    distributions = _distributions(_table(folder, manifest, "distributions", tables))
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
    return records, _theory(_table(folder, manifest, "summary", tables), distributions)


def _table(folder: Path, manifest: Manifest, name: str, tables: Mapping[str, bytes]) -> pd.DataFrame:
    import pandas as pd

    path = folder / f"{name}.parquet"
    try:
        table = pd.read_parquet(io.BytesIO(tables[name]))
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
