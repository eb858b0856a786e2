"""Cross tables."""

from __future__ import annotations

from stats.dashboard.seams import ShownSurvey
from tests.worlds.stats_dashboard import DashboardWorld, show


def test_two_questions_make_a_table(
    world: DashboardWorld, surveys: tuple[ShownSurvey, ShownSurvey, ShownSurvey]
) -> None:
    weekly, ways, _ = surveys
    found = show(world, "cross", weekly.short_id, rows="home", columns="wish")
    assert "home by wish" in found
    assert "hidden: too few people seem to be in them" in found
    assert "travel in separate reports" in show(world, "cross", ways.short_id)
