"""What is done with each task of a sweep, and what comes of a task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Progress: TypeAlias = Callable[[float], None]
"""Told the share that is done, 0 to 1, from time to time."""


@dataclass(frozen=True)
class TaskWork:
    """What is done with each task. Both functions stand in a module that other processes can import.

    `perform` does one task: from its bytes, and a function that it tells how far it is, it makes the bytes of the
    outcome. `code` returns in words what must be the same wherever tasks are done, such as a hash of the code that
    computes (see `loopixmix.sweeps.sources.fingerprint`). A cluster where it differs is refused.
    """

    perform: Callable[[bytes, Progress], bytes]
    code: Callable[[], str]


@dataclass(frozen=True)
class Finished:
    """A task that is over: its place among all tasks, and the bytes of its outcome."""

    place: int
    outcome: bytes
