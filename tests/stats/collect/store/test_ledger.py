from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopixmix.errors import MisuseError
from loopixmix.store.transactions import Store
from stats.collect.refusals import ReportRefusal
from stats.collect.store import ledger as ledgers
from stats.collect.store.ledger import CollectorLedger, ReleasedBatch, SheetPeriod
from stats.collect.store.schema import SCHEMA
from stats.collect.survey import SurveyProgress
from tests.worlds.databases import SQLITE_AND_POSTGRES, new_database

FIRST, SECOND = bytes([1]) * 32, bytes([2]) * 32
DIGESTS = {hashlib.sha256(bytes([n])).digest(): hashlib.sha256(bytes([n, n])).digest() for n in range(5)}


@pytest.fixture(params=SQLITE_AND_POSTGRES)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CollectorLedger]:
    made = CollectorLedger(Store(SCHEMA, new_database(request.param, tmp_path), exclusive=True))
    made.add_survey(FIRST, b"first")
    made.add_survey(SECOND, b"second")
    yield made
    made.close()


def test_surveys_are_added_once_and_kept_in_order(ledger: CollectorLedger) -> None:
    ledger.add_survey(FIRST, b"first")
    found = ledger.surveys()
    assert [(each.survey_id, each.questionnaire) for each in found] == [(FIRST, b"first"), (SECOND, b"second")]
    assert [each.survey_id for each in ledger.surveys(after=found[0].number)] == [SECOND]
    assert {each.standing for each in found} == {SurveyProgress()}


def test_two_surveys_whose_tables_would_be_one_are_refused(ledger: CollectorLedger) -> None:
    with pytest.raises(MisuseError, match="change the draft"):
        ledger.add_survey(FIRST[:8] + bytes(24), b"third")


def test_there_are_not_too_many(ledger: CollectorLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "MOST_SURVEYS", 2)
    ledger.add_survey(FIRST, b"first")
    with pytest.raises(MisuseError, match="at most 2"):
        ledger.add_survey(bytes(32), b"third")


def test_a_survey_is_closed_once(ledger: CollectorLedger) -> None:
    ledger.close_survey(FIRST, 100)
    ledger.close_survey(FIRST, 200)
    first, second = ledger.surveys()
    assert ledger.standing() == {first.number: SurveyProgress(closed_s=100), second.number: SurveyProgress()}
    with pytest.raises(MisuseError, match="no survey"):
        ledger.close_survey(bytes(32), 100)


def test_a_batch_is_noted_once_with_its_tokens(ledger: CollectorLedger) -> None:
    place = SheetPeriod(1, 0, 3)
    for now_s in (100, 200):
        ledger.add_batch(place, 7, DIGESTS, now_s)
    assert ledger.batches(1) == [ReleasedBatch(0, 7, 3, 5, 100)]
    assert ledger.spent(1, 3, [*DIGESTS, bytes(32)]) == DIGESTS
    assert ledger.spent(1, 2, list(DIGESTS)) == {}
    assert ledger.spent(2, 3, list(DIGESTS)) == {}


def test_many_tokens_are_looked_for_in_parts(ledger: CollectorLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "ASKED_AT_ONCE", 2)
    ledger.add_batch(SheetPeriod(1, 0, 0), 1, DIGESTS, 100)
    assert ledger.spent(1, 0, list(DIGESTS)) == DIGESTS


def test_a_settled_period_has_no_tokens_and_is_settled_once(ledger: CollectorLedger) -> None:
    for period in (0, 1):
        ledger.add_batch(SheetPeriod(1, 0, period), period + 1, DIGESTS, 100)
    for _ in range(2):
        ledger.settle_period(1, 0, {0: 3, 1: 0})
    assert ledger.standing()[1] == SurveyProgress(closed_periods=1)
    assert ledger.discarded(1) == {(0, 0): 3}
    assert ledger.spent(1, 0, list(DIGESTS)) == {}
    assert ledger.spent(1, 1, list(DIGESTS)) == DIGESTS
    # Not out of turn.
    ledger.settle_period(1, 2, {0: 9})
    assert ledger.standing()[1] == SurveyProgress(closed_periods=1)


def test_refusals_add_up(ledger: CollectorLedger) -> None:
    ledger.add_refusals({})
    for _ in range(2):
        ledger.add_refusals({(FIRST, ReportRefusal.TOKEN): 2, (b"", ReportRefusal.MALFORMED): 1})
    assert ledger.refusals() == {(FIRST, ReportRefusal.TOKEN): 4, (b"", ReportRefusal.MALFORMED): 2}


def test_no_report_is_in_it() -> None:
    columns = {f"{table.name}.{column.name}" for table in SCHEMA.in_memory.sorted_tables for column in table.columns}  # type: ignore[union-attr]
    assert not [name for name in columns if "value" in name or (name.endswith("_s") and "spent" in name)]
