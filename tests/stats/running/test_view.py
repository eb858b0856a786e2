"""The collector's store, as pages see it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from stats.collect.refusals import ReportRefusal
from stats.questionnaire.questionnaire import encode_canonical
from stats.running.directory import CollectorConfig, CollectorDirectory
from stats.running.view import StoredView
from stats.running.wiring import CollectorParts, open_collector
from tests.worlds.stats_dashboard import HOME, NOW_S, drafted, everybody, frozen


class OpenCollector:
    """The parts of a collector in a directory, without its program."""

    def __init__(self, path: Path) -> None:
        self.directory = CollectorDirectory.create(path, CollectorConfig())
        self.clock = Clock()
        self.clock.advance(NOW_S)
        self.parts: CollectorParts = open_collector(
            self.directory, clock=self.clock, rng=random.Random(1), call_on_reactor=lambda work, *args: work(*args)
        )

    def add(self, name: str) -> bytes:
        """Add a survey that anybody may answer; return its id."""
        survey = frozen(drafted(name, [HOME], persons=everybody()))
        self.parts.ledger.add_survey(survey.survey_id, encode_canonical(survey))
        return survey.survey_id


@pytest.fixture
def collector(tmp_path: Path) -> OpenCollector:
    return OpenCollector(tmp_path / "collector")


def test_surveys_come_with_their_tables_the_newest_first(collector: OpenCollector) -> None:
    view = StoredView(collector.parts)
    assert view.surveys() == []
    first = collector.add("first")
    assert [shown.survey_id for shown in view.surveys()] == [first]
    second = collector.add("second")
    shown = view.surveys()
    assert [each.survey_id for each in shown] == [second, first]
    assert shown[0].tables[0].questions == ("home",)
    assert shown[0].tables[0].name == f"r_{second.hex()[:16]}_0"
    collector.parts.collector.close()


def test_refusals_are_counted_over_all_surveys(collector: OpenCollector) -> None:
    view = StoredView(collector.parts)
    first, second = collector.add("first"), collector.add("second")
    token, closed = ReportRefusal.TOKEN, ReportRefusal.CLOSED
    collector.parts.ledger.add_refusals({(first, token): 2, (second, token): 3, (second, closed): 1})
    assert view.refusals() == {"token": 5, "closed": 1}
    assert view.discarded(view.surveys()[0]) == {}
    collector.parts.collector.close()
