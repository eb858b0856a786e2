"""Respondents over a network in memory, with a collector that checks tokens and counts each report once."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from twisted.internet.task import Clock

from client.testing import FakeClient, FakeNetwork, wait_for
from loopixmix.errors import MisuseError
from loopixmix.store.access import inline_access
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from loopixmix.tokens import TokenKey, decode_token, decode_token_key, encode_token_key, spent_hash, verify_token
from stats.answer.answering import GivenAnswers
from stats.answer.desk import DeskSetting, RespondentDesk
from stats.answer.invitation import SurveyInvitation
from stats.answer.store import rows
from stats.answer.store.rows import KeptReport, ReportState
from stats.answer.store.schema import SCHEMA
from stats.answer.surveys import JoinedSurvey
from stats.questionnaire.questionnaire import (
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
from stats.questionnaire.questions import (
    AnyQuestion,
    CellQuestion,
    CounterQuestion,
    MultipleChoice,
    NumberQuestion,
    RouteQuestion,
    SingleChoice,
    Topic,
    TopicQuestion,
    TripQuestion,
)
from stats.report.report import SentReport, decode_report
from tests.worlds.tokens import signer_of

OPENS_S = 1_800_000_000
DAY_S = 86_400
CLOSES_S = OPENS_S + 10 * DAY_S
CODE = "K7QX-4M2P-CODE"

MOOD = SingleChoice(name="mood", text="How are you?", options=("Good", "So-so", "Bad"))
AGE = NumberQuestion(name="age", text="How old are you?", edges=(0, 18, 40, 65, 120), unit="years")
HOBBIES = MultipleChoice(name="hobbies", text="What do you do?", options=("Read", "Run", "Sing"))
HOME = CellQuestion(
    name="home",
    text="Where do you live?",
    south=52_000_000,
    west=13_000_000,
    north=53_000_000,
    east=14_000_000,
    rows=4,
    columns=4,
)
TRIP = TripQuestion(name="trip", text="Where did you go?", places=("Home", "Work", "Shop"))
ROUTE = RouteQuestion(name="route", text="Which way?", places=("Bridge", "Park", "Station"), steps=3)
WISH = TopicQuestion(
    name="wish",
    text="What should change?",
    topics=(
        Topic(label="Transport", words=("bus", "train", "road")),
        Topic(label="Rent", words=("rent", "flat", "house")),
    ),
)
VISITS = CounterQuestion(name="visits", text="How many visitors?", most=1000, buckets=5)
ALL_KINDS = (MOOD, HOBBIES, AGE, HOME, TRIP, ROUTE, WISH, VISITS)
DOMAINS = {"mood": 3, "age": 4, "hobbies": 8, "home": 17, "trip": 9, "route": 84, "wish": 3, "visits": 5}
MECHANISM = MechanismSpec(kind=MechanismKind.KRR, domain=3, true_weight=20, false_weight=1)


def moment(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)


def mechanism(question: AnyQuestion, *, mode: Mode = Mode.LOCAL) -> MechanismSpec:
    """Return a mechanism for a question: eps0 is ln 20, or there is no noise."""
    domain = DOMAINS[question.name]
    if mode is Mode.CENTRAL:
        return MechanismSpec(kind=MechanismKind.NONE, domain=domain, true_weight=1, false_weight=0)
    kind = MechanismKind.SAMPLED_BIT if isinstance(question, MultipleChoice) else MechanismKind.KRR
    return MechanismSpec(kind=kind, domain=domain, true_weight=20, false_weight=1)


def new_questionnaire(
    *questions: AnyQuestion,
    name: str = "spring",
    travel: Travel = Travel.SEPARATE,
    kind: PersonKind = PersonKind.CODES,
    periods: Periods | None = None,
    mode: Mode = Mode.LOCAL,
    eps: str = "1",
    opens_s: int = OPENS_S,
    closes_s: int = CLOSES_S,
) -> Questionnaire:
    """Return a frozen survey with weights and keys of the tests' own."""
    draft = SurveyDraft(
        name=name,
        version=1,
        title=f"The {name} survey",
        consent="We ask what people wish for. Nobody learns what you answer.",
        opens=moment(opens_s),
        closes=moment(closes_s),
        collector="provider-2",
        persons=Persons(kind=kind, issuer="provider-3"),
        privacy=PrivacyGoal(mode=mode, eps=eps),
        batching=Batching(threshold=10, longest_wait_s=3600),
        travel=travel,
        periods=periods,
        questions=questions or (MOOD, AGE),
    )
    groups = [draft.questions] if travel is Travel.TOGETHER else [(each,) for each in draft.questions]
    sheets = tuple(
        Sheet(
            purpose=f"stats-{draft.draft_id.hex()[:16]}-{number}",
            questions=tuple(each.name for each in group),
            mechanisms=tuple(mechanism(each, mode=mode) for each in group),
        )
        for number, group in enumerate(groups)
    )
    keys = () if kind is PersonKind.OPEN else tuple(_keys(draft, sheets))
    return Questionnaire(draft=draft, sheets=sheets, keys=keys)


def _keys(draft: SurveyDraft, sheets: Sequence[Sheet]) -> list[SurveyKey]:
    found = []
    for period in range(1 if draft.periods is None else draft.periods.count):
        begins_s, ends_s = draft.opens_s, draft.closes_s
        if draft.periods is not None:
            begins_s += period * draft.periods.length_s
            ends_s = min(ends_s, begins_s + draft.periods.length_s)
        for number, sheet in enumerate(sheets):
            # One private key for all: only the test's own collector tells them apart, and by purpose and period.
            key = TokenKey(purpose=sheet.purpose, begins_s=begins_s, ends_s=ends_s, public=signer_of(0).public)
            found.append(SurveyKey(sheet=number, period=period, key=encode_token_key(key)))
    return found


class CountingCollector:
    """A collector: `taken` are the reports that count, `asked` all requests. While `refuses`, it fails."""

    name = "stats"

    def __init__(self, questionnaires: Sequence[Questionnaire], clock: Clock) -> None:
        self.questionnaires = {each.survey_id: each for each in questionnaires}
        self.clock = clock
        self.asked: list[bytes] = []
        self.asked_at_s: list[float] = []
        self.taken: list[SentReport] = []
        self.refuses = False
        self._spent: dict[bytes, bytes] = {}

    def answer(self, body: bytes) -> bytes:
        self.asked.append(body)
        self.asked_at_s.append(self.clock.seconds())
        if body[0] == 2:
            return encode_canonical(self.questionnaires[body[1:]])
        if self.refuses:
            raise MisuseError("the collector does not take it")
        self._take(body[1:])
        return b"\x01"

    def _take(self, data: bytes) -> None:
        report = decode_report(data)
        questionnaire = self.questionnaires[report.survey_id]
        once = report.report_id
        if questionnaire.keys:
            token = decode_token(report.token)
            [key] = [each for each in questionnaire.keys if (each.sheet, each.period) == (report.sheet, report.period)]
            verify_token(token, decode_token_key(key.key), self.clock.seconds())
            once = spent_hash(token)
        if once not in self._spent:
            self._spent[once] = data
            self.taken.append(report)
        elif self._spent[once] != data:
            raise MisuseError("the token is spent")

    @property
    def reports_asked(self) -> list[bytes]:
        """All reports that came, also those that came again."""
        return [body[1:] for body in self.asked if body[0] == 1]


class RespondentWorld:
    """A network with a collector, an issuer, and people who answer. Nothing happens until the clock moves."""

    def __init__(self, path: Path, *questionnaires: Questionnaire) -> None:
        self.path = path
        self.clock = Clock()
        self.clock.advance(OPENS_S + 100)
        self.rng = random.Random(5)
        self.questionnaires = questionnaires or (new_questionnaire(),)
        self.network = FakeNetwork(clock=self.clock, rng=self.rng)
        self.collector = CountingCollector(self.questionnaires, self.clock)
        self.network.add_provider("provider-1")
        self.network.add_service(self.collector, provider="provider-2")
        self.network.add_provider("provider-3")
        for questionnaire in self.questionnaires:
            self._issue(questionnaire)
        self._stores: list[Store] = []

    def _issue(self, questionnaire: Questionnaire) -> None:
        for each in questionnaire.keys:
            self.network.issue_tokens("stats-issuer@provider-3", decode_token_key(each.key), signer_of(0))

    def pass_s(self, seconds: float) -> None:
        """Let time pass from call to call: Twisted's clock would make a call that follows from another one late."""
        end_s = self.clock.seconds() + seconds
        while self.clock.calls and self.clock.calls[0].getTime() <= end_s:
            self.clock.advance(max(0.0, self.clock.calls[0].getTime() - self.clock.seconds()))
        self.clock.advance(end_s - self.clock.seconds())

    def close(self) -> None:
        for store in self._stores:
            store.close()

    def invitation(self, number: int = 0, code: str = CODE) -> SurveyInvitation:
        survey = self.questionnaires[number]
        return SurveyInvitation("provider-2", survey.survey_id, "provider-3", code if survey.keys else "")

    def client(self, name: str = "guest") -> FakeClient:
        return self.network.client(f"{name}@provider-1")

    def person(self, name: str = "ada", client: FakeClient | None = None) -> Person:
        """Return somebody; of the same name and with the same client it is the same one, come back."""
        store = Store(SCHEMA, sqlite_url(self.path / f"{name}.sqlite3"), one_connection=True)
        self._stores.append(store)
        return Person(self, client or self.client(name), store)


class Person:
    """Somebody at a desk."""

    def __init__(
        self, world: RespondentWorld, client: FakeClient, store: Store, rng: random.Random | None = None
    ) -> None:
        self.world = world
        self.client = client
        self.store = store
        self.setting = DeskSetting(client, inline_access(store), world.clock, rng or world.rng, faults=lambda _: [])
        self.desk = RespondentDesk(self.setting)

    def join(self, number: int = 0, code: str = CODE) -> JoinedSurvey:
        joined = wait_for(self.desk.join(self.world.invitation(number, code)), self.world.clock)
        wait_for(self.desk.order_tokens(joined), self.world.clock)
        return joined

    def answer(self, survey: JoinedSurvey, values: Mapping[str, int], **words: str) -> list[KeptReport]:
        return wait_for(self.desk.answer(survey, GivenAnswers(values, words)), self.world.clock)

    def advance(self) -> bool:
        return wait_for(self.desk.advance(), self.world.clock)

    def pass_days(self, days: float, step_s: float = 1200.0) -> None:
        """Let time pass, in which the program looks after its reports."""
        for _ in range(int(days * DAY_S / step_s)):
            self.world.pass_s(step_s)
            self.advance()

    def reports(self, survey: JoinedSurvey) -> list[KeptReport]:
        return self.store.read(lambda connection: rows.reports_of(connection, survey.survey_id))

    def states(self, survey: JoinedSurvey) -> list[ReportState]:
        return [report.state for report in self.reports(survey)]
