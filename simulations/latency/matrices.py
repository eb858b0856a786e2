"""A file of latencies between places, made fit for a simulation: seconds, one way, no gaps."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

import numpy as np

from simulations.latency.formats import (
    check_sites,
    read_npy,
    read_p2psim,
    read_pairs,
    read_ripe_atlas,
    read_square,
    read_text,
)
from simulations.latency.model import FloatArray
from simulations.scenario.reading import ScenarioError
from simulations.scenario.values import Links

# Besides NaN and blanks, this is what files have if nothing was measured.
MISSING = -1.0

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
MAX_LATENCY_S = 60.0
"""Longer than any link of the Internet: what exceeds it has another unit than the scenario says."""


def load_matrix(path: Path, links: Links) -> FloatArray:
    """Return the seconds one way from place to place in the file at `path`, a square array without gaps.

    `links` tells what the file holds: see `simulations.scenario.values.Links` and `simulations.latency.formats`.
    Entries from a place to itself that are missing are 0. Raises `ScenarioError` with one line that names the file and
    the key that would change it.
    """
    matrix = _read(path, links)
    matrix = np.where(np.isfinite(matrix) & (matrix != MISSING), matrix, np.nan)
    if (matrix < 0).any():
        one, other = np.argwhere(matrix < 0)[0]
        raise ScenarioError(f"{path}: from place {one + 1} to {other + 1} it is {matrix[one, other]:g}: not below 0")
    matrix = matrix * (_SECONDS[links.matrix_unit] / (2 if links.matrix_round_trip else 1))
    # Few files measure a place against itself, and one link to oneself is no gap to be filled with a median.
    own = np.diagonal(matrix).copy()
    np.fill_diagonal(matrix, np.where(np.isnan(own), 0.0, own))
    matrix = _symmetric(path, _without_gaps(path, matrix, links), links)
    # A wrong unit is easily given, and no later check would notice it.
    if matrix.max() > MAX_LATENCY_S:
        raise ScenarioError(
            f"{path}: the longest link takes {matrix.max():g} s, over {MAX_LATENCY_S:g} s: "
            f'is links.matrix_unit = "{links.matrix_unit}" right?'
        )
    return matrix


def _read(path: Path, links: Links) -> FloatArray:
    kind = _detected(path) if links.matrix_format == "auto" else links.matrix_format
    if links.matrix_column and kind != "pairs":
        raise ScenarioError(f'{path}: links.matrix_column goes with links.matrix_format = "pairs", not "{kind}"')
    match kind:
        case "square":
            return read_square(path)
        case "pairs":
            return read_pairs(path, column=links.matrix_column)
        case "p2psim":
            return read_p2psim(path)
        case "ripe_atlas":
            return read_ripe_atlas(path)
        case "npy":
            return read_npy(path)
        case _:
            raise ScenarioError(f"{path}: links.matrix_format cannot be {kind!r}")


def _detected(path: Path) -> str:
    if path.suffix == ".npy":
        return "npy"
    lines = [line.strip() for line in read_text(path).splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise ScenarioError(f"{path}: is empty (links.matrix)")
    first = lines[0]
    if first.startswith(("[{", "{")):
        return "ripe_atlas"
    if first.startswith(("topology", "failure_model")):
        return "p2psim"
    columns = len(first.replace(",", " ").replace(";", " ").split())
    named = "source" in first.lower()
    return "pairs" if named or (columns == 3 and len(lines) != 3) else "square"


def _without_gaps(path: Path, matrix: FloatArray, links: Links) -> FloatArray:
    gaps = np.isnan(matrix)
    if not gaps.any():
        return matrix
    match links.matrix_missing:
        case "refuse":
            one, other = np.argwhere(gaps)[0]
            raise ScenarioError(
                f"{path}: {gaps.sum()} entries are missing, the first from place {one + 1} to {other + 1}: "
                'links.matrix_missing = "median" fills them, "drop" leaves places out'
            )
        case "median":
            off_diagonal = ~np.eye(len(matrix), dtype=bool)
            known = matrix[off_diagonal & ~gaps]
            if not known.size:
                raise ScenarioError(f"{path}: every entry is missing")
            matrix[gaps] = np.median(known)
            return matrix
        case "drop":
            return _dense_part(path, matrix)
    assert_never(links.matrix_missing)


def _dense_part(path: Path, matrix: FloatArray) -> FloatArray:
    """Leave out the place that lacks most entries, again and again, until none is missing."""
    gaps = np.isnan(matrix)
    kept = np.ones(len(matrix), dtype=bool)
    # Greedy: the largest full part of a matrix is the clique problem. This loses some places too many, and ends.
    lacking = gaps.sum(axis=0) + gaps.sum(axis=1)
    while lacking.max() > 0:
        worst = int(lacking.argmax())
        kept[worst] = False
        lacking = lacking - gaps[worst] - gaps[:, worst]
        lacking[~kept] = 0
    if kept.sum() < 2:
        raise ScenarioError(f'{path}: links.matrix_missing = "drop" leaves no two places: too much is missing')
    check_sites(path, int(kept.sum()))
    return np.asarray(matrix[np.ix_(kept, kept)], dtype=np.float64)


def _symmetric(path: Path, matrix: FloatArray, links: Links) -> FloatArray:
    match links.matrix_asymmetry:
        case "keep":
            return matrix
        case "mean":
            return (matrix + matrix.T) / 2
        case "refuse":
            differing = ~np.isclose(matrix, matrix.T, rtol=1e-6, atol=1e-9)
            if differing.any():
                one, other = np.argwhere(differing)[0]
                raise ScenarioError(
                    f"{path}: between places {one + 1} and {other + 1} the two directions differ: "
                    'links.matrix_asymmetry = "keep" or "mean" accepts that'
                )
            return matrix
    assert_never(links.matrix_asymmetry)
