"""The pages, called like any other methods."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from loopixmix.errors import MisuseError, UnavailableError
from loopixmix.web.visiting.answers import Download, SeeOther, Shown
from stats.analysts.rights import AnalystRight
from stats.dashboard.queries import ResultQueries
from stats.dashboard.results import SurveyResults
from stats.dashboard.seams import ShownSurvey
from stats.questionnaire.questionnaire import Batching, MechanismKind, Mode, PrivacyGoal, Travel, encode_canonical
from stats.questionnaire.questions import SingleChoice
from stats.report.report import SentReport, encode_report
from stats.running.directory import CollectorConfig, CollectorDirectory
from stats.running.view import StoredView
from stats.running.wiring import open_collector
from tests.worlds.stats_dashboard import (
    AGE,
    HOME,
    NOW_S,
    TOPIC,
    TRANSPORT,
    DashboardWorld,
    answered,
    drafted,
    everybody,
    fill,
    frozen,
    html,
    show,
    spec,
)

SEE, EXPORT, SPEND = AnalystRight
EXPORTING = {"part": "estimates", "format": "csv", "first": "", "last": ""}


@pytest.fixture
def surveys(world: DashboardWorld) -> tuple[ShownSurvey, ShownSurvey, ShownSurvey]:
    return fill(world)


def test_a_new_collector_says_how_surveys_come(world: DashboardWorld) -> None:
    assert "There is no survey yet" in show(world, "surveys")


def test_hidden_values_are_told_nowhere(world: DashboardWorld) -> None:
    # Hardly any privacy noise: nobody lives elsewhere, and the estimate says so.
    world.town.weights["home"] = [50, 30, 15, 5, 0]
    survey = world.add(frozen(drafted("a", [HOME]), {"home": spec(MechanismKind.KRR, 5, 10**6)}), 1000)
    found = show(world, "question", survey.short_id, "home")
    rows = re.findall(r"<tr>.*?</tr>", found)
    [elsewhere] = [row for row in rows if "Elsewhere" in row]
    assert elsewhere.count("hidden") == 6
    # The next smallest one is hidden too: the shares add up, and subtraction would tell the first.
    assert ["Shared flat" in row for row in rows if "hidden" in row] == [True, False]
    assert "2 of 5 values are hidden" in found


def test_no_page_changes_when_a_report_comes_and_waits(world: DashboardWorld, tmp_path: Path) -> None:
    """The pages of a whole collector: its stores are on the disk, and its waiting room is a real one."""
    parts = open_collector(
        CollectorDirectory.create(tmp_path / "collector", CollectorConfig()),
        clock=world.clock,
        rng=random.Random(1),
        call_on_reactor=lambda work, *args: work(*args),
    )
    world.look_at(SurveyResults(StoredView(parts), ResultQueries(parts.columns.released)))
    batching = Batching(threshold=20, longest_wait_s=3600)
    survey = frozen(drafted("festival", [HOME], persons=everybody(), batching=batching))
    parts.ledger.add_survey(survey.survey_id, encode_canonical(survey))
    for running in parts.collector.load_new():
        parts.collector.admit(running)

    def take(first: int, last: int) -> None:
        numbers = range(first, last)
        reports = [SentReport(survey.survey_id, 0, 0, n.to_bytes(16, "big"), (n % 5,), b"") for n in numbers]
        assert parts.collector.take_many([encode_report(each) for each in reports]) == [None] * len(reports)

    def seen() -> list[str]:
        parts.collector.look_again()
        short_id = survey.survey_id.hex()[:16]
        return [show(world, "surveys"), show(world, "survey", short_id), show(world, "batches", short_id)]

    before = seen()
    take(0, 1)
    assert sum(parts.collector.waiting().values()) == 1
    world.clock.advance(60)
    assert seen() == before
    # It is told with the others, when they are enough: as many are held back.
    take(1, 40)
    assert seen() == before
    batch = parts.collector.draw_due()
    assert batch is not None
    parts.collector.append(batch)
    parts.collector.forget(batch)
    assert [page == past for page, past in zip(seen(), before, strict=True)] == [False] * 3
    parts.close()


def test_a_long_survey_has_several_pages(world: DashboardWorld) -> None:
    questions = [SingleChoice(name=f"q{n}", text=f"Question {n}?", options=("a", "b")) for n in range(20)]
    survey = world.add(frozen(drafted("long", questions, travel=Travel.SEPARATE)), 600)
    first, third = show(world, "survey", survey.short_id), show(world, "survey", survey.short_id, page="3")
    assert first.count('role="img"') == 8
    assert third.count('role="img"') == 4
    assert "Questions 17 to 20" in first
    assert "Question 19?" in third
    answer = answered(world.pages.survey(world.visit({"page": "4"}), survey.short_id))
    assert isinstance(answer, Shown)
    assert answer.status == 404
    for page in ("0", "x", "-1", "1000"):
        with pytest.raises(MisuseError, match="a page has a number from 1 on"):
            show(world, "survey", survey.short_id, page=page)


def test_a_query_is_answered_and_a_bad_one_told(
    world: DashboardWorld, surveys: tuple[ShownSurvey, ShownSurvey, ShownSurvey]
) -> None:
    weekly, ways, _ = surveys
    table = weekly.tables[0].name
    asked = world.visit(form={"sql": f"SELECT period, count(*) AS n FROM {table} GROUP BY period ORDER BY period"})
    found = html(answered(world.pages.sql(asked, weekly.short_id)))
    assert found.count("1,500") == 5
    for sql in (
        f"DELETE FROM {table}",
        f"SELECT * FROM {ways.tables[0].name}",
        "SELECT * FROM read_csv('/etc/passwd')",
    ):
        answer = answered(world.pages.sql(world.visit(form={"sql": sql}), weekly.short_id))
        assert isinstance(answer, Shown)
        assert answer.status == 422
        assert 'role="alert"' in html(answer)
    empty = answered(world.pages.sql(world.visit(form={"sql": ""}), weekly.short_id))
    assert isinstance(empty, Shown)
    assert empty.status == 422


def test_an_export_is_recorded_before_it_is_given(
    world: DashboardWorld, surveys: tuple[ShownSurvey, ShownSurvey, ShownSurvey]
) -> None:
    weekly = surveys[0]
    file = answered(world.pages.export(world.visit(form=EXPORTING), weekly.short_id))
    assert isinstance(file, Download)
    assert file.name == f"{weekly.short_id}-estimates.csv"
    [deed] = world.book.deeds(9)
    assert (deed.at_s, deed.analyst, deed.kind, deed.amount) == (NOW_S, "ada", "export", "20 rows")
    assert weekly.short_id in show(world, "record")
    reports = {**EXPORTING, "part": "reports", "format": "parquet", "first": "1", "last": "2"}
    assert isinstance(answered(world.pages.export(world.visit(form=reports), weekly.short_id)), Download)
    assert world.book.deeds(1)[0].amount == "3000 rows"
    wrong = answered(world.pages.export(world.visit(form={**EXPORTING, "part": "all"}), weekly.short_id))
    assert isinstance(wrong, Shown)
    assert wrong.status == 422
    with pytest.raises(MisuseError, match="the number of a batch"):
        answered(world.pages.export(world.visit(form={**EXPORTING, "first": "-1"}), weekly.short_id))
    assert len(world.book.deeds(9)) == 2


def test_rights_are_apart(world: DashboardWorld, surveys: tuple[ShownSurvey, ShownSurvey, ShownSurvey]) -> None:
    weekly = surveys[0]
    reader, blind = world.holder("bob", [SEE]), world.holder("cy", [EXPORT, SPEND])
    assert "Neighbourhood" in html(answered(world.pages.surveys(world.visit(holder=reader))))
    refused = [
        world.pages.export(world.visit(form=EXPORTING, holder=reader), weekly.short_id),
        world.pages.export(world.visit(holder=reader), weekly.short_id),
        world.pages.surveys(world.visit(holder=blind)),
        world.pages.export(world.visit(form=EXPORTING, holder=blind), weekly.short_id),
    ]
    for each in refused:
        answer = answered(each)
        assert isinstance(answer, Shown)
        assert answer.status == 403
        assert "does not have the right" in html(answer)
    assert world.book.deeds(9) == []


def test_a_session_ends_with_its_password_and_its_analyst(world: DashboardWorld) -> None:
    holder = world.holder("bob", [SEE])
    world.book.change_password("bob")
    assert answered(world.pages.surveys(world.visit(holder=holder))) == SeeOther("/enter")
    assert answered(world.pages.surveys(world.visit(holder=""))) == SeeOther("/enter")
    other = world.holder("bob")
    world.book.remove("bob")
    assert answered(world.pages.about(world.visit(holder=other))) == SeeOther("/enter")


def test_what_is_not_there_has_a_page_of_its_own(world: DashboardWorld) -> None:
    survey = world.add(frozen(drafted("a", [HOME])))
    for page, parts in (("survey", ("x" * 16,)), ("question", (survey.short_id, "age")), ("sql", ("0" * 16,))):
        answer = answered(getattr(world.pages, page)(world.visit(), *parts))
        assert isinstance(answer, Shown)
        assert answer.status == 404
    assert "No reports have been released yet." in show(world, "survey", survey.short_id)
    assert "No reports have been released yet." in show(world, "question", survey.short_id, "home")


def test_a_survey_of_true_answers_shows_none(world: DashboardWorld) -> None:
    goal = PrivacyGoal(eps="1", mode=Mode.CENTRAL)
    survey = world.add(frozen(drafted("a", [HOME, AGE, TRANSPORT, TOPIC], privacy=goal)), 600)
    found = show(world, "survey", survey.short_id)
    assert "600" not in found
    assert 'role="img"' not in found
    for page in ("question", "series"):
        with pytest.raises(MisuseError, match="true answers"):
            show(world, page, survey.short_id, "home")


def test_only_so_many_pages_are_made_at_one_time(world: DashboardWorld) -> None:
    world.turns._waiting = 24
    with pytest.raises(UnavailableError, match="too many pages are asked for at once"):
        show(world, "surveys")
