"""Whether the same seed gives the same files: sweeps by every engine, twice, with one process and with two."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.report import Figure, barred
from simulations.workbench.runs import run

ENGINES = ("exact", "vector", "nodes")
SWEEP = {"mix.delay_mean_s": [0.05, 0.1]}


def measure() -> list[Figure]:
    """Compare tables and scenario of two runs, byte for byte; only the manifest has times."""
    compared = differing = 0
    for engine in ENGINES:
        one, other = (_files(engine, jobs) for jobs in (1, 2))
        compared += len(one)
        differing += sum(one.get(name) != other.get(name) for name in {*one, *other})
    return [
        Figure(name="same_seed_files", value=float(compared), unit="files"),
        barred("same_seed_files_differing", float(differing), "files", bar=0.0, better="lower"),
    ]


def _files(engine: str, jobs: int) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory(prefix="loopixmix-bench-") as folder:
        run("small-nodes", engine, sweep=SWEEP, replicates=2, jobs=jobs, out=folder)
        paths = (path for path in Path(folder).rglob("*") if path.is_file())
        return {path.name: path.read_bytes() for path in paths if path.suffix in (".csv", ".parquet", ".toml")}
