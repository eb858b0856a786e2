"""Whatever a service does when it is closed, its provider goes on to stop."""

from __future__ import annotations

import contextlib
from collections.abc import Coroutine
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from provider.hosting.asking.ending import CLOSE_S, put_away


async def ends() -> None: ...


async def fails() -> None:
    raise ValueError("hushed")


def is_plain() -> None: ...


async def waits() -> None:
    await Deferred()


async def insists() -> None:
    while True:
        with contextlib.suppress(Exception):
            await Deferred()


@pytest.mark.parametrize(("close", "lines"), [(ends, 0), (fails, 1), (is_plain, 1)])
def test_what_fails_is_logged_and_over(close: Any, lines: int, logged: list[LogEvent]) -> None:
    clock = Clock()
    ended: list[None] = []
    Deferred.fromCoroutine(put_away("poll", close, clock=clock)).addCallback(ended.append)
    assert ended == [None]
    assert clock.getDelayedCalls() == []
    assert len(logged) == lines
    assert "hushed" not in repr(logged)


@pytest.mark.parametrize("close", [waits, insists])
def test_one_that_does_not_end_is_left_after_a_while(close: Any, logged: list[LogEvent]) -> None:
    clock = Clock()
    ending: Coroutine[Deferred[object], object, None] = put_away("poll", close, clock=clock)
    ended = Deferred.fromCoroutine(ending)
    clock.advance(CLOSE_S - 0.1)
    assert not ended.called
    clock.advance(0.2)
    assert ended.called
    assert "did not close within" in str(logged[0]["log_format"])
