"""How to stop, and to know that it has begun."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from client.api import BadRequestError, Following
from client.feeds.followed import Followed


def awaited(following: Following) -> list[object]:
    async def wait() -> object:
        return await following

    results: list[object] = []
    Deferred.fromCoroutine(wait()).addBoth(results.append)  # type: ignore[arg-type]
    return results


@pytest.fixture
def stops() -> list[int]:
    return []


@pytest.fixture
def beginning(stops: list[int]) -> Followed:
    return Followed(lambda: stops.append(1))


def test_all_that_wait_go_on_when_it_has_begun(beginning: Followed, stops: list[int]) -> None:
    first, second = awaited(beginning), awaited(beginning)
    assert (first, second) == ([], [])
    beginning.begun()
    assert first == second == awaited(beginning) == [beginning]
    assert stops == []


def test_all_that_wait_learn_why_it_does_not_begin(beginning: Followed) -> None:
    waiting = awaited(beginning)
    beginning.refused(BadRequestError("no"))
    for [failure] in (waiting, awaited(beginning)):
        assert isinstance(failure, Failure)
        assert failure.check(BadRequestError)


def test_what_is_refused_later_had_begun(beginning: Followed) -> None:
    beginning.begun()
    beginning.refused(BadRequestError("no"))
    assert awaited(beginning) == [beginning]


def test_stopping_lets_those_go_that_wait(beginning: Followed, stops: list[int]) -> None:
    waiting = awaited(beginning)
    beginning()
    assert (waiting, stops) == ([beginning], [1])


def test_a_wait_that_is_given_up_harms_nobody(beginning: Followed) -> None:
    async def wait() -> None:
        await beginning

    given_up = Deferred.fromCoroutine(wait())
    given_up.addErrback(lambda failure: None)
    waiting = awaited(beginning)
    given_up.cancel()
    beginning.begun()
    assert waiting == [beginning]
