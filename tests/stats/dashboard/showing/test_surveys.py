"""The list of surveys, batches and refusals."""

from __future__ import annotations

import re

from stats.dashboard.seams import ShownSurvey
from tests.worlds.stats_dashboard import DashboardWorld, show


def test_all_surveys_are_listed_with_their_answers(
    world: DashboardWorld, surveys: tuple[ShownSurvey, ShownSurvey, ShownSurvey]
) -> None:
    found = show(world, "surveys")
    for title, answers in (("Neighbourhood", "7,500"), ("Ways", "4,000"), ("Festival", "900")):
        row = re.search(rf"<tr>(?:(?!</tr>).)*>{title}<.*?</tr>", found)
        assert row is not None
        assert f">{answers}<" in row[0]
    assert "open: anybody, any number of times" in found


def test_batches_refusals_and_the_record_are_shown(
    world: DashboardWorld, surveys: tuple[ShownSurvey, ShownSurvey, ShownSurvey]
) -> None:
    assert "5 batches with 7,500 reports; 112 were discarded." in show(world, "batches", surveys[0].short_id)
    refused = show(world, "refusals")
    assert re.search(r"token</th>.*?41</td>", refused)
    assert "outside-domain" in refused
    assert "There is none yet." in show(world, "record")
    assert "delta is the chance that eps does not hold" in show(world, "about")
