"""What a survey tells besides its questions."""

from __future__ import annotations

from stats.dashboard.seams import ShownSurvey
from tests.worlds.stats_dashboard import DashboardWorld, show


def test_a_survey_tells_n_both_losses_and_what_is_assumed(
    world: DashboardWorld, surveys: tuple[ShownSurvey, ShownSurvey, ShownSurvey]
) -> None:
    weekly, ways, _ = surveys
    found = show(world, "survey", weekly.short_id)
    assert "<strong>7,500</strong> answers are in the results" in found
    assert "7,500 reports. 95 % intervals: sampling noise and privacy noise together" in found
    assert "eps0: all mixes collude" in found
    assert "eps: one mix is honest" in found
    assert "Assumed: 5 % of the reports are an attacker" in found
    assert "delta is 0.000001" in found
    assert "112 reports were too few to be released" in found
    assert "all together" in show(world, "survey", ways.short_id)


def test_an_open_survey_is_labelled_on_each_of_its_pages(
    world: DashboardWorld, surveys: tuple[ShownSurvey, ShownSurvey, ShownSurvey]
) -> None:
    weekly, _, festival = surveys
    for page, parts in (("survey", ()), ("question", ("wish",)), ("series", ("wish",)), ("cross", ())):
        assert "Open survey: anybody may have answered" in show(world, page, festival.short_id, *parts)
        assert "Open survey" not in show(world, page, weekly.short_id, *parts)
