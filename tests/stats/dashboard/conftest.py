"""A dashboard in memory for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.worlds.stats_dashboard import DashboardWorld, dashboard_world


@pytest.fixture
def world() -> Iterator[DashboardWorld]:
    yield from dashboard_world()
