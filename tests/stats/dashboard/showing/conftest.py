"""One town for all tests of this folder: they only look at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stats.dashboard.seams import ShownSurvey
from tests.worlds.stats_dashboard import DashboardWorld, dashboard_world, fill


@pytest.fixture(scope="package")
def world() -> Iterator[DashboardWorld]:
    yield from dashboard_world()


@pytest.fixture(scope="package")
def surveys(world: DashboardWorld) -> tuple[ShownSurvey, ShownSurvey, ShownSurvey]:
    return fill(world)
