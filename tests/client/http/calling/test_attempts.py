"""Calls are made again if that may help, and only then."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from client.api import BusyError, NotRunningError
from client.http.calling.attempts import BUSY_WAITS_S, BrokenConnectionError, answered
from tests.worlds.clients.contract import run_with


class Daemon:
    """Answers after some failures."""

    def __init__(self, failures: Iterable[Exception]) -> None:
        self.failures = [*failures]
        self.asked = 0
        self.waits_s: list[float] = []

    async def attempt(self) -> str:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return "answer"

    async def pause(self, seconds: float) -> None:
        self.waits_s.append(seconds)

    def ask(self, *, repeatable: bool) -> str:
        return run_with(answered(self.attempt, repeatable=repeatable, pause=self.pause), lambda: None)


def test_a_connection_that_broke_is_tried_once_more_if_the_call_may_be_repeated() -> None:
    daemon = Daemon([BrokenConnectionError()])
    assert (daemon.ask(repeatable=True), daemon.asked, daemon.waits_s) == ("answer", 2, [])
    for failures, repeatable, asked in ((2, True, 2), (1, False, 1)):
        daemon = Daemon([BrokenConnectionError()] * failures)
        with pytest.raises(BrokenConnectionError):
            daemon.ask(repeatable=repeatable)
        assert daemon.asked == asked


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_busy_daemon_is_asked_again_after_a_while(repeatable: bool) -> None:
    daemon = Daemon([BusyError()] * len(BUSY_WAITS_S))
    assert daemon.ask(repeatable=repeatable) == "answer"
    assert daemon.waits_s == [*BUSY_WAITS_S]
    daemon = Daemon([BusyError()] * (len(BUSY_WAITS_S) + 1))
    with pytest.raises(BusyError):
        daemon.ask(repeatable=repeatable)


def test_nothing_else_is_asked_again() -> None:
    daemon = Daemon([NotRunningError()])
    with pytest.raises(NotRunningError):
        daemon.ask(repeatable=True)
    assert daemon.asked == 1
