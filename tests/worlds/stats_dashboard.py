"""A collector in memory with surveys of all kinds, and analysts who look at them."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np
from nacl.pwhash import argon2id
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from loopixmix.store.transactions import Store
from loopixmix.web.forms.bodies import FormBody
from loopixmix.web.showing.frame import Frame
from loopixmix.web.showing.markup import element, render
from loopixmix.web.visiting.answers import PageAnswer, Shown
from loopixmix.web.visiting.visit import Visit
from stats.analysts.book import AnalystBook
from stats.analysts.door import holder_of
from stats.analysts.passwords import HashingCost
from stats.analysts.rights import AnalystRight
from stats.analysts.schema import SCHEMA
from stats.central.budget import PrivacyBudgets
from stats.central.datasets import DataSets
from stats.central.schema import SCHEMA as BUDGETS
from stats.columns.duckdb_engine import DuckDbColumns
from stats.columns.seams import Column, ColumnStore, SheetTable
from stats.dashboard.central import DataSetPages
from stats.dashboard.pages import DashboardPages
from stats.dashboard.queries import ResultQueries
from stats.dashboard.results import SurveyResults
from stats.dashboard.seams import ShownSurvey
from stats.dashboard.turns import WaitingTurns
from stats.questionnaire.domains import domain_of
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
    Travel,
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
from stats.randomise.specified import mechanism_of
from stats.running.data_sets import CollectorDataSets, SurveySheets
from tests.worlds.stats.data_sets import ShiftingNoise

T = TypeVar("T")

NOW_S = 1_800_000_000
CHEAP = HashingCost(passes=argon2id.OPSLIMIT_MIN, memory_bytes=argon2id.MEMLIMIT_MIN)
"""As little as libsodium allows: a test is not to wait for a hash."""
WEEK_S = 7 * 86_400
ALL_RIGHTS = tuple(AnalystRight)

HOME = SingleChoice(
    name="home",
    text="How do you live?",
    options=("Rented flat", "Own flat", "House", "Shared flat or student hall with a kitchen for all", "Elsewhere"),
)
TRANSPORT = MultipleChoice(
    name="transport", text="What do you use in a week?", options=("Bicycle", "Bus or tram", "Train", "Car", "None")
)
AGE = NumberQuestion(name="age", text="How old are you?", edges=(18, 25, 35, 45, 55, 65, 80, 110), unit="years")
TOPIC = TopicQuestion(
    name="wish",
    text="What should the town do next?",
    topics=(Topic(label="Traffic", words=("cars",)), Topic(label="Parks", words=("trees",))),
)
PLACE = CellQuestion(
    name="place",
    text="Where do you work?",
    south=52_300_000,
    west=13_000_000,
    north=52_700_000,
    east=13_800_000,
    rows=8,
    columns=12,
)
TRIP = TripQuestion(
    name="trip", text="From where to where did you go?", places=("Harbour", "Market", "Station", "Hill")
)
ROUTE = RouteQuestion(name="route", text="Which way did you take?", places=("North", "South", "West"), steps=2)
LOAD = CounterQuestion(name="load", text="How many packets did the relay carry?", most=99, buckets=10)


WEEKLY = (
    ("home", MechanismKind.KRR, 5),
    ("transport", MechanismKind.SAMPLED_BIT, 32),
    ("age", MechanismKind.KRR, 7),
    ("wish", MechanismKind.KRR, 3),
)


def spec(kind: MechanismKind, domain: int, true_weight: int) -> MechanismSpec:
    """Return a mechanism of these weights: the true one to 1."""
    return MechanismSpec(kind=kind, domain=domain, true_weight=true_weight, false_weight=1)


def drafted(name: str, questions: Sequence[AnyQuestion], **changed: object) -> SurveyDraft:
    """Return a draft with ordinary settings."""
    opens = datetime.fromtimestamp(NOW_S, UTC) - timedelta(days=30)
    given: dict[str, object] = {
        "name": name,
        "version": 1,
        "title": name.replace("_", " ").capitalize(),
        "consent": "Your answer is changed by chance before it leaves.",
        "opens": opens,
        "closes": opens + timedelta(days=40),
        "collector": "provider-1",
        "persons": Persons(kind=PersonKind.CODES, issuer="provider-2"),
        "privacy": PrivacyGoal(eps="1", delta="0.000001"),
        "batching": Batching(threshold=500, longest_wait_s=3600),
        "travel": Travel.TOGETHER,
        "questions": tuple(questions),
    }
    return SurveyDraft(**{**given, **changed})  # type: ignore[arg-type]


def frozen(draft: SurveyDraft, specs: Mapping[str, MechanismSpec] | None = None) -> Questionnaire:
    """Return a questionnaire without keys. `specs`: mechanisms that are not the ordinary ones."""
    chosen = {question.name: _ordinary(question, draft.privacy.mode) for question in draft.questions} | dict(
        specs or {}
    )
    names = tuple(question.name for question in draft.questions)
    groups = (names,) if draft.travel is Travel.TOGETHER else tuple((name,) for name in names)
    sheets = tuple(
        Sheet(purpose=f"stats-{'0' * 16}-{n}", questions=group, mechanisms=tuple(chosen[name] for name in group))
        for n, group in enumerate(groups)
    )
    return Questionnaire(draft=draft, sheets=sheets, keys=())


def _ordinary(question: AnyQuestion, mode: Mode) -> MechanismSpec:
    domain = domain_of(question)
    if mode is Mode.CENTRAL:
        return MechanismSpec(kind=MechanismKind.NONE, domain=domain, true_weight=1, false_weight=0)
    kind = MechanismKind.SAMPLED_BIT if isinstance(question, MultipleChoice) else MechanismKind.KRR
    kind = MechanismKind.HADAMARD if domain > 64 and kind is MechanismKind.KRR else kind
    return MechanismSpec(kind=kind, domain=domain, true_weight=20, false_weight=1)


def shown(questionnaire: Questionnaire) -> ShownSurvey:
    """Return a survey with its tables."""
    identity = questionnaire.survey_id
    tables = tuple(
        SheetTable(f"r_{identity.hex()[:16]}_{number}", sheet.questions)
        for number, sheet in enumerate(questionnaire.sheets)
    )
    return ShownSurvey(identity, questionnaire, tables)


class MemoryView:
    """A collector that knows what the test says."""

    def __init__(self) -> None:
        self.known: list[ShownSurvey] = []
        self.refused: dict[str, int] = {}
        self.lost: dict[bytes, dict[tuple[int, int], int]] = {}

    def surveys(self) -> Sequence[ShownSurvey]:
        return self.known

    def refusals(self) -> Mapping[str, int]:
        return self.refused

    def discarded(self, survey: ShownSurvey) -> Mapping[tuple[int, int], int]:
        return self.lost.get(survey.survey_id, {})


class Town:
    """People who answer. `weights`: how often each value of a question is true, by question; evenly otherwise."""

    def __init__(self, columns: ColumnStore, weights: dict[str, Sequence[float]] | None = None) -> None:
        self.columns = columns
        self.weights = {} if weights is None else weights

    def answer(self, survey: ShownSurvey, people: int, *, period: int = 0, batch: int = 0) -> None:
        """Let people answer, in one batch of each sheet."""
        for number, sheet in enumerate(survey.questionnaire.sheets):
            table = survey.tables[number]
            self.columns.ensure(table)
            columns: list[Column] = []
            for name, spec in zip(sheet.questions, sheet.mechanisms, strict=True):
                weights = self.weights.get(name)
                columns.append(reports_of(spec, people, None if weights is None else tuple(weights), f"{name}-{batch}"))
            self.columns.append(table, batch, period, columns)


@functools.lru_cache(maxsize=1000)
def reports_of(spec: MechanismSpec, people: int, weights: tuple[float, ...] | None, seed: str) -> Column:
    """Return the reports of people to one question. They are drawn once for all tests: that takes most of the time."""
    mechanism, rng = mechanism_of(spec), random.Random(seed)
    values = rng.choices(range(spec.domain), weights, k=people)
    return np.array([mechanism.randomise(value, rng) for value in values], np.uint64)


def at_once(work: Callable[[], T]) -> Awaitable[T]:
    """Do work as a thread would, but at once."""
    done: Deferred[T] = Deferred()
    try:
        done.callback(work())
    except Exception as error:
        done.errback(error)
    return done


class DashboardWorld:
    """The dashboard of one collector, in memory, and analysts."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW_S)
        self.columns = DuckDbColumns(None)
        self.view, self.town = MemoryView(), Town(self.columns)
        self.queries = ResultQueries(self.columns)
        self.results = SurveyResults(self.view, self.queries)
        self.book = AnalystBook(Store(SCHEMA, "sqlite://"), rng=random.Random(1), now_s=self.clock.seconds, cost=CHEAP)
        self.turns = WaitingTurns(at_once)
        self.raw = DuckDbColumns(None)
        budgets = PrivacyBudgets(Store(BUDGETS, "sqlite://"), self.clock.seconds)
        sheets = SurveySheets(self.view, self.raw)
        asked = DataSets(budgets, [sheets], ShiftingNoise(3), self.clock.seconds)
        self.data_sets = CollectorDataSets(asked, sheets)
        self.look_at(self.results)

    def look_at(self, results: SurveyResults) -> None:
        """Have the pages show these results."""
        data = DataSetPages(self.data_sets, random.Random(4))
        self.pages = DashboardPages(results, data, self.book, self.turns, clock=self.clock)

    def add(self, questionnaire: Questionnaire, people: int = 0) -> ShownSurvey:
        """Begin to collect a survey, with one batch of so many answers."""
        survey = shown(questionnaire)
        self.view.known.insert(0, survey)
        columns = self.raw if survey.is_central else self.columns
        for table in survey.tables:
            columns.ensure(table)
        if people:
            Town(columns, self.town.weights).answer(survey, people)
        return survey

    def holder(self, name: str = "ada", rights: Sequence[AnalystRight] = ALL_RIGHTS) -> str:
        """Return the holder of a session of an analyst, who is added if need be."""
        if not any(each.name == name for each in self.book.all()):
            self.book.add(name, rights)
        return next(holder_of(each) for each in self.book.all() if each.name == name)

    def visit(
        self,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        *,
        holder: str | None = None,
    ) -> Visit:
        """Return a visit to a page."""
        return Visit(
            frame=Frame(application="Private statistics", prefix=""),
            query=FormBody({name: (value,) for name, value in (query or {}).items()}),
            form=None if form is None else FormBody({name: (value,) for name, value in form.items()}),
            form_token="token",
            holder=self.holder() if holder is None else holder,
        )

    def close(self) -> None:
        self.columns.close()
        self.raw.close()
        self.data_sets.close()
        self.book.close()


def everybody() -> Persons:
    """Return that anybody may answer."""
    return Persons(kind=PersonKind.OPEN, issuer="provider-2")


def fill(world: DashboardWorld) -> tuple[ShownSurvey, ShownSurvey, ShownSurvey]:
    """Give the collector surveys of all kinds: one over weeks, one with maps and ways, one that is open to anybody."""
    rng = random.Random(2)
    weekly = drafted("neighbourhood", [HOME, TRANSPORT, AGE, TOPIC], periods=Periods(length_s=WEEK_S, count=6))
    specs = {name: spec(kind, domain, 6) for name, kind, domain in WEEKLY}
    town, survey = world.town, world.add(frozen(weekly, specs))
    for period in range(5):
        town.weights["home"] = [50, 20 + 8 * period, 20, 9, 0.05]
        town.weights["age"] = [1, 3, 4, 4, 3, 3, 1]
        town.answer(survey, 1500, period=period, batch=period)
    town.weights["place"] = [math.exp(-((n // 12 - 3) ** 2 + (n % 12 - 5) ** 2) / 4) for n in range(96)] + [0.3]
    town.weights["trip"] = [rng.random() ** 3 for _ in range(16)]
    ways = world.add(frozen(drafted("ways", [PLACE, TRIP, ROUTE, LOAD], travel=Travel.SEPARATE)), 4000)
    goal = PrivacyGoal(eps="2", mode=Mode.CENTRAL)
    world.add(frozen(drafted("clinic", [AGE, HOME], privacy=goal)), 700)
    festival = world.add(frozen(drafted("festival", [TOPIC], persons=everybody())), 900)
    world.view.refused = {"malformed": 3, "token": 41, "closed": 7}
    world.view.lost[survey.survey_id] = {(0, 0): 112}
    return survey, ways, festival


def answered(answer: Awaitable[PageAnswer]) -> PageAnswer:
    """Return what a page answers; raise what it raises."""
    found: list[PageAnswer] = []
    failed: list[BaseException] = []
    Deferred.fromCoroutine(answer).addCallbacks(found.append, lambda failure: failed.append(failure.value))  # type: ignore[arg-type]
    if failed:
        raise failed[0]
    return found[0]


def html(answer: PageAnswer) -> str:
    """Return a page that is shown as HTML."""
    assert isinstance(answer, Shown), answer
    return render(element("main", element("h1", answer.title), answer.content)).decode()


def show(world: DashboardWorld, method: str, /, *parts: str, **query: str) -> str:
    """Return a page as HTML: the method of the pages, the parts of the path, the fields of the address."""
    return html(answered(getattr(world.pages, method)(world.visit(query), *parts)))


def dashboard_world() -> Iterator[DashboardWorld]:
    """Make a world for a fixture."""
    world = DashboardWorld()
    yield world
    world.close()
