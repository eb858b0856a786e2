"""What each trial may use: a record of what was found, which becomes one verdict at the end of the run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from loopixmix.verdict import Check, show, verdict
from tests.worlds.chaos.trials import Trial

ROOT = Path(__file__).parents[2]
FOUND = pytest.StashKey[list[Check]]()
COLUMNS = 120


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FOUND] = []


@pytest.fixture
def trial(pytestconfig: pytest.Config) -> Trial:
    """Takes the figures of a trial."""
    return Trial(pytestconfig.stash[FOUND])


def pytest_terminal_summary(config: pytest.Config) -> None:
    """Print the verdict of `make chaos`, and write it to the file that it names."""
    found: Sequence[Check] = config.stash[FOUND]
    path = os.environ.get("CHAOS_VERDICT")
    if path is None or not found:
        return
    figures = {check.name: check.value for check in found if isinstance(check.value, int | float)}
    result = verdict(found, figures)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(msgspec.json.format(msgspec.json.encode(result)))
    show(Console(width=COLUMNS), result)
