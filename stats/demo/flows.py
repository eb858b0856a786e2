"""The second example, in one process: from where to where people fly, learned from randomised reports.

There is no network in it, so that there may be more people: they answer the collector itself, by its own code.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from twisted.internet.task import Clock

from loopixmix.seams import Rng
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from stats.account.shuffling import Amplified, Company, amplified, honest_reports
from stats.answer.drawing import draw_sheet
from stats.collect.collector import Collector, Columns
from stats.collect.refusals import ReportRefusal
from stats.collect.store.ledger import CollectorLedger
from stats.collect.store.schema import SCHEMA
from stats.collect.survey import CollectedSurvey
from stats.collect.waiting.room import WaitingRoom
from stats.columns.opening import open_columns
from stats.columns.seams import CellFilter
from stats.demo.surveys import flights_draft
from stats.estimate.frequent import FrequentValue, frequent_values
from stats.estimate.reports import counted
from stats.estimate.shares import EstimatedShares, estimated_shares
from stats.estimate.supporting import support_counts
from stats.questionnaire.answers import value_of
from stats.questionnaire.freezing import freeze
from stats.questionnaire.promises import blanket_domain
from stats.questionnaire.questionnaire import Questionnaire, encode_canonical
from stats.questionnaire.questions import TripQuestion
from stats.randomise.permanent import PermanentResponses
from stats.randomise.specified import mechanism_of
from stats.report.report import REPORT_BYTES, REPORT_ID_BYTES, SentReport, encode_report

AT_ONCE = 1_000
"""So many reports are handed to the collector together."""
BATCHES = 5
"""So many times the threshold of reports come in all."""
OPEN_S = 3_600
SHOWN = 20

Flight = tuple[str, str]
Told = Callable[[int], object]
"""Is told how many reports were sent."""


@dataclass(frozen=True)
class FlowEvents:
    """All that happened. `everybody`: the share of each pair among all flights; `flown`: among the people who answer.

    `found`: the pairs that are surely there, with estimates. `batches`: reports in each.
    """

    places: Sequence[str]
    everybody: Mapping[int, float]
    flown: Mapping[int, float]
    reports: int
    refused: Counter[ReportRefusal]
    batches: Sequence[int]
    found: Sequence[FrequentValue]
    shares: EstimatedShares
    eps0: float
    loss: Amplified
    promised_eps: float


def hold_flows(root: Path, flights: Sequence[Flight], people: int, rng: Rng, told: Told) -> FlowEvents:
    """Let `people` of those who flew say from where to where, and learn the frequent pairs."""
    places = sorted({place for flight in flights for place in flight})
    opens_s = int(time.time())
    questionnaire = freeze(flights_draft(places, (opens_s, opens_s + OPEN_S), max(2, people // BATCHES)))
    [question] = questionnaire.draft.questions
    if not isinstance(question, TripQuestion):
        raise TypeError(f"the question of the example is one of trips, not {type(question).__name__}")
    values = {flight: value_of(question, flight) for flight in set(flights)}
    flown = [values[rng.choice(flights)] for _ in range(people)]
    # Time passes only where the example says so.
    clock = Clock()
    clock.advance(opens_s)
    collection = FlowCollection(root, questionnaire, clock, rng)
    try:
        refused = collection.send(flown, told)
        clock.advance(OPEN_S)
        collection.release()
        return _learned(collection, (places, flights, values, flown), refused)
    finally:
        collection.close()


class FlowCollection:
    """The collector, and those who answer it."""

    def __init__(self, root: Path, questionnaire: Questionnaire, clock: Clock, rng: Rng) -> None:
        """`root`: where its files are."""
        self._questionnaire = questionnaire
        self._rng = rng
        self.survey = CollectedSurvey(questionnaire)
        ledger = CollectorLedger(Store(SCHEMA, sqlite_url(root / "collector.sqlite3"), exclusive=True))
        ledger.add_survey(self.survey.survey_id, encode_canonical(questionnaire))
        self.columns = open_columns("", root / "released.duckdb")
        room = WaitingRoom(root / "waiting", rng=rng)
        self._collector = Collector(ledger, room, Columns(self.columns, self.columns), clock=clock)
        for running in self._collector.load_new():
            self._collector.admit(running)

    def send(self, answers: Sequence[int], told: Told) -> Counter[ReportRefusal]:
        """Send a report of each answer, and one of them twice; return why reports were refused."""
        refused: Counter[ReportRefusal] = Counter()
        for first in range(0, len(answers), AT_ONCE):
            reports = [self._report(answer) for answer in answers[first : first + AT_ONCE]]
            outcomes = self._collector.take_many([*reports, reports[0]])
            refused.update(outcome for outcome in outcomes if outcome is not None)
            self.release()
            told(first + len(reports))
        refused.update(filter(None, self._collector.take_many([self._rng.randbytes(REPORT_BYTES)])))
        return refused

    def release(self) -> None:
        """Release what is due."""
        while (batch := self._collector.draw_due()) is not None:
            self._collector.append(batch)
            self._collector.forget(batch)

    def close(self) -> None:
        """Close stores and files."""
        self._collector.close()

    def _report(self, answer: int) -> bytes:
        [question] = self._questionnaire.sheets[0].questions
        drawn = draw_sheet(self._questionnaire, 0, {question: answer}, PermanentResponses(), self._rng)
        report_id = self._rng.randbytes(REPORT_ID_BYTES)
        return encode_report(SentReport(self.survey.survey_id, 0, 0, report_id, drawn.values, b""))


_Flown = tuple[Sequence[str], Sequence[Flight], Mapping[Flight, int], Sequence[int]]


def _learned(collection: FlowCollection, truth: _Flown, refused: Counter[ReportRefusal]) -> FlowEvents:
    places, flights, values, flown = truth
    questionnaire, table = collection.survey.questionnaire, collection.survey.table(0)
    mechanism = mechanism_of(questionnaire.sheets[0].mechanisms[0])
    histogram = collection.columns.histogram(table, table.questions, CellFilter())
    supports = support_counts(mechanism, counted(histogram))
    batches = [rows for _, _, rows in collection.columns.batches(table)]
    shares = estimated_shares(supports, one_each=True, reports=sum(batches))
    goal = questionnaire.draft.privacy
    company = Company(honest_reports(min(batches), Fraction(goal.sybil_share)), float(Fraction(goal.delta)))
    return FlowEvents(
        places=places,
        everybody={values[flight]: count / len(flights) for flight, count in Counter(flights).items()},
        flown={value: count / len(flown) for value, count in Counter(flown).items()},
        reports=len(flown),
        refused=refused,
        batches=batches,
        found=frequent_values(supports, shares, most=SHOWN),
        shares=shares,
        eps0=mechanism.eps0,
        loss=amplified(mechanism.eps0, company, blanket_domain(questionnaire.sheets[0].mechanisms)),
        promised_eps=float(Fraction(goal.eps)),
    )
