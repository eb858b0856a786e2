"""What an analyst's program makes of the dashboard's answers."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.web.client import ResponseNeverReceived

from client.testing import wait_for
from loopixmix.errors import PeerError, UnavailableError
from stats.demo.results import AnalystProgram


@dataclass
class Answer:
    """An answer of the dashboard."""

    code: int
    body: bytes

    def content(self) -> Deferred[bytes]:
        return succeed(self.body)


class Dashboard:
    """Stands in place of connections: answers as a test says."""

    def __init__(self, answer: Answer | Exception) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def get(self, url: str, *, headers: object) -> Deferred[Answer]:
        self.asked.append(url)
        return fail(self.answer) if isinstance(self.answer, Exception) else succeed(self.answer)


def program(answer: Answer | Exception) -> AnalystProgram:
    return AnalystProgram(Dashboard(answer), "http://127.0.0.1:1/v1", "token", "survey")  # type: ignore[arg-type]


def test_refusals_are_read_by_reason() -> None:
    told = program(Answer(200, b'{"refusals": [{"reason": "token", "reports": 3}]}'))
    assert wait_for(told.refusals(), Clock()) == {"token": 3}


def test_a_dashboard_that_is_away_and_one_that_refuses_are_told_apart() -> None:
    with pytest.raises(UnavailableError):
        wait_for(program(ResponseNeverReceived([])).refusals(), Clock())  # type: ignore[no-untyped-call]
    with pytest.raises(PeerError, match="403"):
        wait_for(program(Answer(403, b"no")).refusals(), Clock())
