"""Questions with their charts, on a town that no test changes."""

from __future__ import annotations

import pytest

from loopixmix.errors import MisuseError
from stats.dashboard.seams import ShownSurvey
from tests.worlds.stats_dashboard import DashboardWorld, show


@pytest.mark.parametrize("kind", ["place", "trip", "route", "load", "home", "transport", "age", "wish"])
def test_every_kind_of_question_has_a_chart_with_a_table_behind(
    world: DashboardWorld, surveys: tuple[ShownSurvey, ShownSurvey, ShownSurvey], kind: str
) -> None:
    survey = surveys[1] if kind in ("place", "trip", "route", "load") else surveys[0]
    found = show(world, "question", survey.short_id, kind)
    assert 'role="img"' in found
    assert "The numbers as a table" in found
    assert f"{kind}: shown and raw figures" in found
    assert "<script" not in found


def test_periods_are_chosen_by_the_address(
    world: DashboardWorld, surveys: tuple[ShownSurvey, ShownSurvey, ShownSurvey]
) -> None:
    weekly = surveys[0]
    found = show(world, "question", weekly.short_id, "home", **{"from": "2", "to": "3"})
    assert "3,000 reports." in found
    assert "Periods 2 to 3 are shown" in found
    with pytest.raises(MisuseError, match="From period"):
        show(world, "question", weekly.short_id, "home", **{"from": "99"})
