"""A question period by period."""

from __future__ import annotations

from stats.dashboard.seams import ShownSurvey
from tests.worlds.stats_dashboard import DashboardWorld, show


def test_a_series_shows_what_changed(
    world: DashboardWorld, surveys: tuple[ShownSurvey, ShownSurvey, ShownSurvey]
) -> None:
    found = show(world, "series", surveys[0].short_id, "home")
    assert "Anomalies: shares unlike those before" in found
    assert "a period has a false alarm with a probability of at most 1.0 %" in found
    assert "Lasting changes of shares" in found
    assert found.count('class="series series-') >= 3
