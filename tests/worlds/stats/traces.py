"""What the files of a collector show: where in which file is a report found, and does that tell when it came?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

MOST_DEVIATIONS = 5.0
"""A rank correlation of things that have nothing to do with each other is beyond it once in 1.7 million times."""


def files(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file under a directory, also logs and journals of databases."""
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(directory)), path.read_bytes()


def places(data: bytes, patterns: Sequence[bytes]) -> list[list[int]]:
    """Return for each pattern all places in `data` where it stands."""
    found: list[list[int]] = []
    for pattern in patterns:
        at, here = data.find(pattern), []
        while at >= 0:
            here.append(at)
            at = data.find(pattern, at + 1)
        found.append(here)
    return found


def deviations(order: Sequence[int]) -> float:
    """Return by how many standard deviations the rank correlation of `order` with its index is from zero.

    Spearman's rho of n independent pairs has the variance 1 / (n - 1).
    """
    ranks = np.argsort(np.argsort(np.array(order)))
    rho = np.corrcoef(np.arange(len(order)), ranks)[0, 1]
    return float(abs(rho) * math.sqrt(len(order) - 1))


def shows_order(data: bytes, patterns: Sequence[bytes]) -> bool:
    """Tell whether the places of the patterns, which are in the order of their arrival, go with that order."""
    found = places(data, patterns)
    return any(
        len(order) > 10 and deviations(order) > MOST_DEVIATIONS
        for order in ([here[0] for here in found if here], [here[-1] for here in found if here])
    )
