"""What an analyst learns: the estimates as the dashboard gives them to programs, and truth beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from treq.client import HTTPClient
from twisted.internet.error import ConnectError
from twisted.web.client import ResponseFailed, ResponseNeverReceived
from twisted.web.http_headers import Headers

from loopixmix.errors import PeerError, UnavailableError
from loopixmix.testnet.story import BAR_WIDTH, bar
from stats.demo.data import People

T = TypeVar("T")


class ShownValue(msgspec.Struct, frozen=True):
    """The estimate of one value. What stands in for it is hidden if it is of too few people."""

    value: int
    label: str
    hidden: bool
    raw_share: float | None
    raw_low: float | None
    raw_high: float | None


class ShownQuestion(msgspec.Struct, frozen=True):
    """A question with its estimates."""

    question: str
    text: str
    reports: int
    values: Sequence[ShownValue]


class ShownSheet(msgspec.Struct, frozen=True):
    """The reports of one sheet."""

    questions: Sequence[str]
    released: int
    discarded: int
    batches: int
    smallest_batch: int


class ShownPrivacy(msgspec.Struct, frozen=True):
    """What one who answers gives away. `eps0`: if all mixes work together; `eps`: if one does not."""

    eps0: float | None
    eps: float | None
    delta: float
    promised_eps: float


class ShownSurveyState(msgspec.Struct, frozen=True):
    """A survey, as far as it is."""

    sheets: Sequence[ShownSheet]
    privacy: ShownPrivacy


class _Refusal(msgspec.Struct, frozen=True):
    reason: str
    reports: int


class _Refusals(msgspec.Struct, frozen=True):
    refusals: Sequence[_Refusal]


@dataclass(frozen=True)
class AnalystProgram:
    """Asks the dashboard. `url`: of its interface, with `/v1`. `survey`: its short id."""

    http: HTTPClient
    url: str
    token: str
    survey: str

    async def question(self, name: str) -> ShownQuestion:
        """Return the estimates of a question."""
        return await self._get(f"/surveys/{self.survey}/questions/{name}", ShownQuestion)

    async def state(self) -> ShownSurveyState:
        """Return how far the survey is, and what it gives away."""
        return await self._get(f"/surveys/{self.survey}", ShownSurveyState)

    async def refusals(self) -> Mapping[str, int]:
        """Return how many reports were refused, by reason."""
        found = await self._get("/refusals", _Refusals)
        return {each.reason: each.reports for each in found.refusals}

    async def _get(self, path: str, kind: type[T]) -> T:
        headers = Headers({"Authorization": [f"Bearer {self.token}"]})
        try:
            response = await self.http.get(self.url + path, headers=headers)
            body = await response.content()
        except (ConnectError, ResponseNeverReceived, ResponseFailed) as error:
            raise UnavailableError("the dashboard cannot be reached") from error
        if response.code != 200:
            raise PeerError(f"the dashboard answers {path} with {response.code}: {body[:200]!r}")
        return msgspec.json.decode(body, type=kind)


def result_lines(question: ShownQuestion, people: People) -> Iterator[str]:
    """Yield the lines of a question: for each value the estimate with its interval, and the truth."""
    everybody, drawn = people.everybody[question.question], people.shares(question.question)
    width = max(len(value.label) for value in question.values)
    yield ""
    yield f"{question.text}  ({question.reports} reports)"
    yield f"{'':{width}}  {'':{BAR_WIDTH}}  estimate, 95 % interval     truth of them  of everybody"
    for value in question.values:
        truths = f"{drawn[value.value]:13.1%}  {everybody[value.value]:11.1%}"
        if value.hidden or value.raw_share is None or value.raw_low is None or value.raw_high is None:
            yield f"{value.label:{width}}  {'':{BAR_WIDTH}}  hidden: fewer than 5 people  {truths}"
            continue
        interval = f"{value.raw_share:6.1%}  [{value.raw_low:6.1%} to {value.raw_high:6.1%}]"
        thousandths = max(0, round(1000 * value.raw_share))
        yield f"{value.label:{width}}  {bar(thousandths, 1000):{BAR_WIDTH}}  {interval}  {truths}"
