"""Services on the reactor."""

from __future__ import annotations

import contextlib

import pytest
from twisted.internet.defer import CancelledError, Deferred

from loopixmix.errors import MisuseError
from provider.api import Declaration, declaration_of
from provider.hosting.asker import NotAskedError
from provider.hosting.asking.local import LocalAsker, is_async

RECOGNISING = Declaration(recognises_repetition=True)


class Async:
    name = "async"

    async def answer(self, body: bytes) -> bytes:
        if body == b"break":
            raise ValueError
        return body + b"!"


class Plain:
    name = "plain"

    def answer(self, body: bytes) -> bytes:
        if body == b"break":
            raise ValueError
        return body + b"!"


class Again:
    name = "again"
    declaration = RECOGNISING

    async def answer_again(self, repetition_key: bytes, body: bytes) -> bytes:
        return repetition_key + body


class PlainAgain:
    name = "plain-again"
    declaration = RECOGNISING

    def answer_again(self, repetition_key: bytes, body: bytes) -> bytes:
        return repetition_key + body


class Stubborn:
    """Tries again whatever happens, also when it is told to break off."""

    name = "stubborn"

    def __init__(self) -> None:
        self.tries: list[Deferred[bytes]] = []

    async def answer(self, body: bytes) -> bytes:
        while True:
            self.tries.append(Deferred())
            with contextlib.suppress(Exception):
                return await self.tries[-1]


class Closing(Async):
    closed = False

    async def close(self) -> None:
        self.closed = True


class Forgetful(Async):
    declaration = RECOGNISING


class Talkative(Async):
    declaration = "anything"


SERVICES = (Async(), Plain(), Again(), PlainAgain())


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_is_asked_by_its_own_method(service: Async | Plain | Again | PlainAgain) -> None:
    asker = LocalAsker(service, declaration_of(service))
    expected = b"key" + b"q" if "again" in service.name else b"q!"
    assert asker.ask(b"key", b"q").result == expected
    assert asker.name == service.name


def test_services_in_threads_are_told_from_those_on_the_reactor() -> None:
    assert [is_async(service) for service in SERVICES] == [True, False, True, False]


@pytest.mark.parametrize("service", [Async(), Plain()])
def test_an_error_is_a_failure(service: Async | Plain) -> None:
    kinds: list[type[BaseException]] = []
    LocalAsker(service, Declaration()).ask(b"", b"break").addErrback(lambda failure: kinds.append(type(failure.value)))
    assert kinds == [ValueError]


def test_one_that_does_not_break_off_is_not_waited_for_and_switched_off_in_the_end() -> None:
    service = Stubborn()
    asker = LocalAsker(service, Declaration(at_once=2))
    kinds: list[type[BaseException]] = []
    for _ in range(4):
        assert asker.problem is None
        asked = asker.ask(b"", b"q").addErrback(lambda failure: kinds.append(type(failure.value)))
        asked.cancel()
    assert kinds == [CancelledError] * 4
    asker.ask(b"", b"q").addErrback(lambda failure: kinds.append(type(failure.value)))
    assert kinds[4:] == [NotAskedError]
    assert "go on: 4 are under way" in (asker.problem or "")
    service.tries[-1].callback(b"late")
    assert asker.problem is None
    assert not asker.ask(b"", b"q").called


def test_a_service_is_closed_if_it_wants_that() -> None:
    for service in (closing := Closing(), Async()):
        Deferred.fromCoroutine(LocalAsker(service, Declaration()).stop())
    assert closing.closed


def test_a_declaration_that_cannot_be_is_refused() -> None:
    assert declaration_of(Async()) == Declaration()
    with pytest.raises(MisuseError, match='"async" recognises repetition, but has no answer_again'):
        declaration_of(Forgetful())
    with pytest.raises(MisuseError, match=r"is no provider\.api\.Declaration"):
        declaration_of(Talkative())
