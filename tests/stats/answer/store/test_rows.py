from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from loopixmix.store.faults import ConstraintError
from loopixmix.store.transactions import Store
from stats.answer.ledger import KeptLoss, PrivacyLimits
from stats.answer.store import rows
from stats.answer.store.rows import KeptReport, KeptSurvey, ReportPlace, ReportState
from stats.answer.store.schema import SCHEMA

SURVEY = bytes(range(32))
PLACE = ReportPlace(SURVEY, 1, 0)
REPORT = KeptReport(PLACE, bytes(16), b"drawn")


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store(SCHEMA, "sqlite://", one_connection=True)
    yield made
    made.close()


def survey(code: str = "") -> KeptSurvey:
    return KeptSurvey(SURVEY, "away", "home", code, b"{}", 5.0)


def test_a_survey_is_kept_once_and_its_code_may_come_later(store: Store) -> None:
    store.write(lambda connection: rows.add_survey(connection, survey()))
    store.write(lambda connection: rows.add_survey(connection, survey("other")))
    assert store.read(rows.all_surveys) == [survey()]
    store.write(lambda connection: rows.set_code(connection, SURVEY, "K7"))
    assert store.read(rows.all_surveys) == [survey("K7")]
    assert store.read(lambda connection: rows.find_survey(connection, bytes(32))) is None


def test_there_is_one_report_for_each_sheet_and_period(store: Store) -> None:
    store.write(lambda connection: rows.add_report(connection, REPORT, {"mood": "Good"}))
    with pytest.raises(ConstraintError):
        store.write(lambda connection: rows.add_report(connection, REPORT, {}))
    assert store.read(lambda connection: rows.reports_of(connection, SURVEY)) == [REPORT]
    assert store.read(lambda connection: rows.words_of(connection, SURVEY, 0)) == {"mood": "Good"}


def test_the_answer_is_erased_when_the_client_has_the_report_which_is_emptied_at_its_end(store: Store) -> None:
    store.write(lambda connection: rows.add_report(connection, REPORT, {"mood": "Good"}))
    ready = dataclasses.replace(REPORT, state=ReportState.READY, drawn=b"with token")
    posted = dataclasses.replace(ready, state=ReportState.POSTED, request="ab")
    assert store.write(lambda connection: rows.change_report(connection, REPORT, ready))
    assert store.read(lambda connection: rows.words_of(connection, SURVEY, 0)) == {"mood": "Good"}
    assert store.write(lambda connection: rows.change_report(connection, ready, posted))
    assert store.read(lambda connection: rows.words_of(connection, SURVEY, 0)) == {}
    assert store.read(rows.open_reports) == [posted]
    ended = dataclasses.replace(posted, state=ReportState.ACCEPTED, changed_at_s=9.0)
    assert store.write(lambda connection: rows.change_report(connection, posted, ended))
    [kept] = store.read(lambda connection: rows.reports_of(connection, SURVEY))
    assert (kept.state, kept.drawn, kept.request, kept.changed_at_s) == (ReportState.ACCEPTED, b"", "ab", 9.0)
    # It stays open until the client forgot the request.
    assert store.read(rows.open_reports) == [kept]
    store.write(lambda connection: rows.change_report(connection, kept, dataclasses.replace(kept, request="")))
    assert store.read(rows.open_reports) == []


def test_a_change_of_what_has_changed_meanwhile_is_left_out(store: Store) -> None:
    store.write(lambda connection: rows.add_report(connection, REPORT, {}))
    ready = dataclasses.replace(REPORT, state=ReportState.READY)
    assert store.write(lambda connection: rows.change_report(connection, REPORT, ready))
    assert not store.write(lambda connection: rows.change_report(connection, REPORT, ready))


def test_tokens_are_noted_as_ordered(store: Store) -> None:
    assert not store.read(lambda connection: rows.is_ordered(connection, PLACE))
    for _ in range(2):
        store.write(lambda connection: rows.note_ordered(connection, PLACE))
    assert store.read(lambda connection: rows.is_ordered(connection, PLACE))
    assert not store.read(lambda connection: rows.is_ordered(connection, ReportPlace(SURVEY, 1, 1)))


def test_permanent_responses_and_repeated_values_are_kept_until_they_are_forgotten(store: Store) -> None:
    store.write(lambda connection: rows.add_responses(connection, SURVEY, [("mood", 2, 2**62)]))
    for values in (b"old", b"new"):
        store.write(lambda connection, v=values: rows.set_repeated(connection, SURVEY, v))
    assert store.read(lambda connection: rows.responses_of(connection, SURVEY)) == {("mood", 2): 2**62}
    assert store.read(lambda connection: rows.repeated_of(connection, SURVEY)) == b"new"
    assert store.write(lambda connection: rows.forget_secrets(connection, SURVEY))
    assert not store.write(lambda connection: rows.forget_secrets(connection, SURVEY))
    assert store.read(lambda connection: rows.repeated_of(connection, SURVEY)) is None


def test_losses_of_a_period_add_up_and_outlive_their_survey(store: Store) -> None:
    store.write(lambda connection: rows.add_survey(connection, survey()))
    for eps, eps0, at_s in ((7, 5, 1.0), (0, 3, 2.0)):
        loss = KeptLoss(SURVEY, 0, "Spring", eps, eps0, eps0 - 2, at_s)
        store.write(lambda connection, added=loss: rows.add_loss(connection, added))
    store.write(lambda connection: rows.add_loss(connection, KeptLoss(SURVEY, 1, "Spring", 7, None, 0, 3.0)))
    store.write(lambda connection: rows.remove_survey(connection, SURVEY))
    assert store.read(rows.all_surveys) == []
    first, second = store.read(rows.all_losses)
    assert (first.eps, first.eps0, first.again, first.at_s) == (7, 8, 4, 2.0)
    assert (second.eps, second.eps0) == (7, None)


def test_limits_are_the_defaults_until_they_are_set(store: Store) -> None:
    assert store.read(rows.find_limits) == PrivacyLimits()
    for limits in (PrivacyLimits(1, 2, 3), PrivacyLimits(4, 5, 6, trusts_collectors=True)):
        store.write(lambda connection, allowed=limits: rows.set_limits(connection, allowed))
    assert store.read(rows.find_limits) == PrivacyLimits(4, 5, 6, trusts_collectors=True)
