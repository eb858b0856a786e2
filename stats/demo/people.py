"""The people: each opens a guest account, takes the invitation, orders tokens, answers, and sees the reports arrive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from twisted.internet.defer import Deferred, FirstError, gatherResults

from client.api import Client
from client.remote import RemoteClient, remote_client
from loopixmix.errors import LoopixmixError, UnavailableError
from loopixmix.seams import Clock, Rng
from loopixmix.store.access import inline_access
from loopixmix.store.transactions import Store
from stats.answer.answering import GivenAnswers
from stats.answer.desk import DeskSetting, RespondentDesk
from stats.answer.invitation import SurveyInvitation
from stats.answer.store.rows import KeptReport, ReportState
from stats.answer.store.schema import SCHEMA
from stats.answer.times import SendingRule
from stats.demo.network import DemoScale, SurveyFolders
from stats.questionnaire.checking import faults
from stats.questionnaire.questionnaire import Questionnaire

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

LOOK_S, RETRY_S, PATIENCE_S = 5.0, 0.5, 60.0
SPREAD_S = 15.0
"""The longest pause before a person takes the invitation. Days where a survey lasts weeks."""
RULE = SendingRule(ahead_s=30.0, grace_s=45.0, least_margin_s=15.0)
"""When reports leave. A request takes some ten seconds at these rates. The survey is open long enough that one which is
lost on its way can be sent again.
"""
MEMORY = "sqlite://"

T = TypeVar("T")

Told = Callable[[int], object]
"""Is told how many people are done."""


@dataclass
class Participation:
    """What came of the answering. `ends`: how many reports ended in each state. `answered`: who answered what."""

    people: int = 0
    ends: Counter[ReportState] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PeopleOutside:
    """What the people's machines have: `pause` waits for seconds."""

    reactor: ReactorBase
    clock: Clock
    rng: Rng
    pause: Callable[[float], Awaitable[None]]


class Crowd:
    """All people. Their clients run in a few processes; here are the programs that use them."""

    def __init__(self, outside: PeopleOutside, folders: SurveyFolders, scale: DemoScale) -> None:
        self.outside = outside
        self._scale = scale
        self._stores: list[Store] = []
        self._checked: dict[bytes, Sequence[str]] = {}
        self.clients: dict[int, RemoteClient] = {
            number: remote_client(folders.client(number), reactor=outside.reactor, rng=outside.rng)
            for number in range(1, scale.people + 1)
        }
        self.participation = Participation()
        self.taken: dict[int, KeptReport] = {}
        """A report of each person, once the collector has taken all that are theirs."""

    def close(self) -> None:
        """Close the connections to the clients, and the stores."""
        for client in self.clients.values():
            client.close()
        for store in self._stores:
            store.close()

    async def open_accounts(self, told: Told) -> None:
        """Open an account without a name for each person; raise the first error, if one cannot."""
        done: list[int] = []

        async def open_one(number: int) -> None:
            await self._open_account(self.clients[number], self._scale.provider_of(number))
            done.append(number)
            told(len(done))

        await all_of(open_one(number) for number in self.clients)

    async def answer(
        self, invitations: Sequence[SurveyInvitation], answers: Sequence[Mapping[str, int]], told: Told
    ) -> None:
        """Let everybody answer; `participation` has what came of it, also of those who cannot."""
        await all_of(
            self._answer_told(number, invitation, given, told)
            for number, (invitation, given) in enumerate(zip(invitations, answers, strict=True), 1)
        )

    async def _open_account(self, client: Client, provider: str) -> None:
        # The daemon writes down where it is before it has a link: until then it answers that it cannot.
        await self.patiently(lambda: client.register_guest(provider))

    async def patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Attempt something that may be done again, until the client can."""
        deadline_s = self.outside.clock.seconds() + PATIENCE_S
        while True:
            try:
                return await attempt()
            except UnavailableError:
                if self.outside.clock.seconds() > deadline_s:
                    raise
            await self.outside.pause(RETRY_S)

    async def _answer_told(
        self, number: int, invitation: SurveyInvitation, given: Mapping[str, int], told: Told
    ) -> None:
        try:
            await self._answer(number, invitation, given)
        except LoopixmixError as error:
            self.participation.problems.append(f"person {number}: {error}")
        else:
            self.participation.people += 1
        told(self.participation.people + len(self.participation.problems))

    async def _answer(self, number: int, invitation: SurveyInvitation, given: Mapping[str, int]) -> None:
        outside = self.outside
        desk = self._desk(self.clients[number])
        await outside.pause(outside.rng.uniform(0, SPREAD_S))
        survey = await self.patiently(lambda: desk.join(invitation))
        await self.patiently(lambda: desk.order_tokens(survey))
        await desk.answer(survey, GivenAnswers(given))
        while not await desk.advance():
            await outside.pause(outside.rng.uniform(0.5 * LOOK_S, 1.5 * LOOK_S))
        standing = await desk.standing(survey)
        self.participation.ends += Counter(report.state for report in standing.reports)
        if all(report.state is ReportState.ACCEPTED for report in standing.reports):
            self.taken[number] = standing.reports[0]

    def _faults(self, questionnaire: Questionnaire) -> Sequence[str]:
        # Each person's program looks. Here they are one, and hundreds of times would show nothing more than once does.
        survey_id = questionnaire.survey_id
        if survey_id not in self._checked:
            self._checked[survey_id] = faults(questionnaire)
        return self._checked[survey_id]

    def _desk(self, client: Client) -> RespondentDesk:
        # In memory: three hundred files would only show how fast the disk is.
        store = Store(SCHEMA, MEMORY, one_connection=True)
        self._stores.append(store)
        outside = self.outside
        setting = DeskSetting(
            client, inline_access(store), clock=outside.clock, rng=outside.rng, faults=self._faults, rule=RULE
        )
        return RespondentDesk(setting)


async def all_of(works: Iterable[Awaitable[None]]) -> None:
    """Do several things at one time; raise what the first one raises that fails."""
    doing = [Deferred.fromCoroutine(_awaited(work)) for work in works]
    try:
        await gatherResults(doing, consumeErrors=True)
    except FirstError as error:
        error.subFailure.raiseException()


async def _awaited(work: Awaitable[None]) -> None:
    await work
