"""Mixers in directories, killed wherever somebody looks at their progress.

`python -m tests.worlds.mixers DIRECTORY STEP` shuffles the list of these tests in a process of its own, which ends
without any farewell at step STEP.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from loopixmix.group.ristretto import ristretto255
from loopixmix.seams import Rng
from tests.worlds.shuffles import FINGERPRINT, a_list
from votes.mixing.mixer import BallotMixer
from votes.shuffle.chunks import Unwatched, WorkProgress
from votes.shuffle.generators import DerivedGenerators
from votes.shuffle.statement import ShuffleStatement

VOTERS, SIZE, WIDTH, CHUNK_ROWS = 7, 5, 1, 2
GROUP = ristretto255("libsodium")
GENERATORS = DerivedGenerators(GROUP, FINGERPRINT, VOTERS)


class Killed(BaseException):
    """The program ended here."""


@dataclass
class Steps:
    """Progress that does something at one of its steps, and writes down the others."""

    at: int = -1
    then: Callable[[], None] = lambda: None
    seen: list[str] = field(default_factory=list)

    def step(self, text: str, total: int) -> None:
        self._see(text)

    def done(self, parts: int) -> None:
        self._see(f"{self.seen[-1].partition(':')[0]}: {parts}")

    def _see(self, text: str) -> None:
        self.seen.append(text)
        if len(self.seen) - 1 == self.at:
            self.then()


def kill() -> None:
    """End the work as if the program had been killed."""
    raise Killed


def leave() -> None:
    """End the process at once."""
    os._exit(9)


def the_list(size: int = SIZE, seed: int = 1) -> tuple[ShuffleStatement, bytes]:
    """Return a statement about all voters, and the rows of those that voted."""
    statement, _, rows = a_list(GROUP, VOTERS, WIDTH, seed)
    column = 32 * VOTERS
    return statement, rows[: 32 * size] + rows[column : column + 32 * size]


def a_mixer(directory: Path, rng: Rng, progress: WorkProgress | None = None) -> BallotMixer:
    """Return a mixer of the list."""
    statement, _ = the_list()
    return BallotMixer(
        directory, statement, GENERATORS, rng=rng, progress=progress or Unwatched(), chunk_rows=CHUNK_ROWS
    )


def main() -> None:
    directory, step = Path(sys.argv[1]), int(sys.argv[2])
    mixer = a_mixer(directory, random.Random(1), Steps(step, leave))
    mixer.prepare()
    mixer.shuffle(the_list()[1])


if __name__ == "__main__":
    main()
