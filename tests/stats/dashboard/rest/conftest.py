"""The face of a dashboard in memory for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.worlds.stats_dashboard import dashboard_world
from tests.worlds.stats_programs import DashboardFaceWorld


@pytest.fixture
def face() -> Iterator[DashboardFaceWorld]:
    for world in dashboard_world():
        yield DashboardFaceWorld(world)
