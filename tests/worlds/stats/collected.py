"""A collector in a test: a frozen survey, the issuer of its tokens, reports, and the collector's parts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from loopixmix.tokens import TokenKey, decode_token_key, encode_token, encode_token_key
from stats.collect.collector import MOST_OPEN_REPORTS, Collector, Columns
from stats.collect.refusals import ReportRefusal
from stats.collect.store.ledger import CollectorLedger
from stats.collect.store.schema import SCHEMA
from stats.collect.waiting.room import WaitingRoom
from stats.columns.duckdb_engine import DuckDbColumns
from stats.questionnaire.questionnaire import (
    AtClose,
    Batching,
    MechanismKind,
    MechanismSpec,
    Mode,
    Periods,
    PersonKind,
    Persons,
    PrivacyGoal,
    Questionnaire,
    Sheet,
    SurveyDraft,
    SurveyKey,
    Travel,
    encode_canonical,
)
from stats.questionnaire.questions import SingleChoice
from stats.report.report import SentReport, encode_report
from tests.worlds.tokens import new_token, signer_of

OPENS_S = 1_800_000_000
PERIOD_S = 3_600
OPTIONS = ("never", "seldom", "weekly", "daily")
WIDE = MechanismSpec(kind=MechanismKind.NONE, domain=2**62, true_weight=1, false_weight=0)
"""A mechanism under which a report may be nearly any number: a test finds it again in a file."""
KRR = MechanismSpec(kind=MechanismKind.KRR, domain=len(OPTIONS), true_weight=3, false_weight=1)


class SetClock:
    """A time of day that a test sets."""

    def __init__(self, now_s: float = OPENS_S + 1) -> None:
        self.now_s = now_s

    def seconds(self) -> float:
        return self.now_s

    def callLater(self, *_: object, **__: object) -> None:
        raise AssertionError("a collector waits for nothing by itself")


def survey_draft(
    *,
    threshold: int = 5,
    longest_wait_s: int = 600,
    at_close: AtClose = AtClose.DISCARD,
    kind: PersonKind = PersonKind.CODES,
    mode: Mode = Mode.LOCAL,
    periods: int = 1,
    questions: int = 2,
    travel: Travel = Travel.TOGETHER,
    opens_s: int = OPENS_S,
) -> SurveyDraft:
    """Return a draft whose periods are an hour each."""
    closes_s = opens_s + periods * PERIOD_S
    return SurveyDraft(
        name="habits",
        version=1,
        title="Habits",
        consent="We ask how often.",
        opens=datetime.fromtimestamp(opens_s, UTC),
        closes=datetime.fromtimestamp(closes_s, UTC),
        collector="provider-1",
        persons=Persons(kind=kind, issuer="provider-2"),
        privacy=PrivacyGoal(mode=mode, eps="1"),
        batching=Batching(threshold=threshold, longest_wait_s=longest_wait_s, at_close=at_close),
        travel=travel,
        periods=Periods(length_s=PERIOD_S, count=periods) if periods > 1 else None,
        questions=tuple(
            SingleChoice(name=f"question_{number}", text="How often?", options=OPTIONS) for number in range(questions)
        ),
    )


def frozen(draft: SurveyDraft, spec: MechanismSpec = KRR, *, keys: int = 0) -> Questionnaire:
    """Return the questionnaire of a draft; each question has the mechanism `spec`.

    Each sheet and period has a key of its own, made once for all tests, from number `keys` on.
    """
    names = [question.name for question in draft.questions]
    parts = [names] if draft.travel is Travel.TOGETHER else [[name] for name in names]
    sheets = tuple(
        Sheet(
            purpose=f"stats-{draft.draft_id.hex()[:16]}-{number}",
            questions=tuple(part),
            mechanisms=(spec,) * len(part),
        )
        for number, part in enumerate(parts)
    )
    periods = draft.periods.count if draft.periods is not None else 1
    places = [(sheet, period) for sheet in range(len(sheets)) for period in range(periods)]
    if draft.persons.kind is PersonKind.OPEN:
        places = []
    made = tuple(
        SurveyKey(
            sheet=sheet,
            period=period,
            key=_key(sheets[sheet].purpose, draft.opens_s + period * PERIOD_S, keys + number),
        )
        for number, (sheet, period) in enumerate(places)
    )
    return Questionnaire(draft=draft, sheets=sheets, keys=made)


def _key(purpose: str, begins_s: int, number: int) -> bytes:
    public = signer_of(number).public
    return encode_token_key(TokenKey(purpose=purpose, begins_s=begins_s, ends_s=begins_s + PERIOD_S, public=public))


class Respondents:
    """Makes reports for a survey, each with a good token of its own, unless it is open to anybody."""

    def __init__(self, questionnaire: Questionnaire, *, seed: int = 1, keys: int = 0) -> None:
        self.questionnaire = questionnaire
        self.survey_id = questionnaire.survey_id
        self.rng = random.Random(seed)
        self._keys = {
            (each.sheet, each.period): (keys + number, decode_token_key(each.key))
            for number, each in enumerate(questionnaire.keys)
        }

    def token(self, sheet: int = 0, period: int = 0) -> bytes:
        """Return a new token."""
        if not self._keys:
            return b""
        number, key = self._keys[sheet, period]
        return encode_token(new_token(key, self.rng, number))

    def report(
        self, values: Sequence[int] = (1, 2), *, sheet: int = 0, period: int = 0, token: bytes | None = None
    ) -> SentReport:
        """Return a new report."""
        paid = self.token(sheet, period) if token is None else token
        return SentReport(self.survey_id, sheet, period, self.rng.randbytes(16), tuple(values), paid)

    def encoded(
        self, values: Sequence[int] = (1, 2), *, sheet: int = 0, period: int = 0, token: bytes | None = None
    ) -> bytes:
        """Return the bytes of a new report."""
        return encode_report(self.report(values, sheet=sheet, period=period, token=token))


class CollectorWorld:
    """A collector in a directory, without a thread and without a network."""

    def __init__(
        self,
        directory: Path,
        *,
        clock: SetClock | None = None,
        seed: int = 1,
        url: str = "",
        takes_up: bool = True,
        most_open: int = MOST_OPEN_REPORTS,
    ) -> None:
        """`takes_up`: the surveys that are there, at once."""
        self.directory = directory
        self.clock = clock or SetClock()
        self.released = DuckDbColumns(directory / "released.duckdb")
        self.raw = DuckDbColumns(directory / "raw.duckdb")
        self.ledger = CollectorLedger(Store(SCHEMA, url or sqlite_url(directory / "collector.sqlite3"), exclusive=True))
        room = WaitingRoom(directory / "waiting", rng=random.Random(seed))
        columns = Columns(self.released, self.raw)
        self.collector = Collector(self.ledger, room, columns, clock=self.clock, most_open=most_open)
        if takes_up:
            self.admit()

    def add(self, questionnaire: Questionnaire) -> None:
        """Add a survey, as an operator does, and take it up."""
        self.ledger.add_survey(questionnaire.survey_id, encode_canonical(questionnaire))
        self.admit()

    def admit(self) -> None:
        """Take up new surveys, and finish what was begun before."""
        for running in self.collector.load_new():
            for batch in self.collector.admit(running):
                self.collector.append(batch)
                self.collector.forget(batch)

    def take(self, *reports: bytes) -> list[ReportRefusal | None]:
        """Take reports that come together."""
        return self.collector.take_many(reports)

    def release(self) -> list[int]:
        """Release all that is due; return the sizes of the batches."""
        sizes = []
        while (batch := self.collector.draw_due()) is not None:
            self.collector.append(batch)
            self.collector.forget(batch)
            sizes.append(batch.rows)
        return sizes

    def rows(self, sheet: int = 0) -> list[tuple[object, ...]]:
        """Return all released rows of a sheet, sorted."""
        [running] = self.collector.running()
        table = running.survey.table(sheet)
        columns = self.raw if running.survey.is_raw else self.released
        _, found = columns.select(f"SELECT * FROM {table.name}", tables=[table.name], most_rows=10**6)
        return sorted(found, key=repr)

    def waiting(self) -> int:
        """Return how many reports wait."""
        return sum(self.collector.waiting().values())

    def close(self) -> None:
        """Stop, as in an orderly end."""
        self.collector.close()
