from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from client.api import BadRequestError
from client.link.registration import ASK_AGAIN_S, DOCUMENT_PATIENCE_S, LINK_WAIT_S, Registration
from loopixmix.errors import UnavailableError
from loopixmix.wire import Register, Registered, RegisterRefusal, RegisterRefused
from tests.worlds.clients.parts import Parts, outcome

REGISTER = Register("alice", "", bytes(1400))
NOT_REGISTERED = RegisterRefused(RegisterRefusal.NOT_REGISTERED)
PATIENCE_S = 30.0


@pytest.fixture
def parts() -> Iterator[Parts]:
    made = Parts()
    made.session.adopt(made.document)
    yield made
    made.close()


@pytest.fixture
def registration(parts: Parts) -> Registration:
    return new_registration(parts, lambda: None)


def new_registration(parts: Parts, document_problem: Callable[[], str | None]) -> Registration:
    return Registration(parts.session, clock=parts.clock, patience_s=PATIENCE_S, document_problem=document_problem)


def ask(parts: Parts, registration: Registration) -> Deferred[Registered | RegisterRefused]:
    entry = parts.document.provider_named("provider1")
    assert entry is not None
    return Deferred.fromCoroutine(registration.ask(entry, REGISTER))


def provider_of(parts: Parts) -> bytes:
    return parts.model.node("provider1").id


def asked(parts: Parts) -> int:
    return len([frame for frame in parts.sent_frames() if isinstance(frame, Register)])


def error_of(deferred: Deferred[object]) -> BaseException:
    failure = outcome(deferred)
    assert isinstance(failure, Failure)
    return failure.value


def test_a_provider_is_asked_and_answers(parts: Parts, registration: Registration) -> None:
    asking = ask(parts, registration)
    assert registration.provider == parts.model.node("provider1").id
    assert parts.link.connected == ["provider1"]
    registration.on_answer(provider_of(parts), Registered())
    assert outcome(asking) == Registered()
    assert registration.provider is None


def test_it_asks_soon_again_without_a_link_and_later_without_an_answer(
    parts: Parts, registration: Registration
) -> None:
    parts.link.open = False
    asking = ask(parts, registration)
    parts.clock.advance(LINK_WAIT_S)
    assert asked(parts) == 0
    parts.link.open = True
    parts.clock.advance(LINK_WAIT_S)
    assert asked(parts) == 1
    parts.clock.advance(LINK_WAIT_S)
    assert asked(parts) == 1
    parts.clock.advance(ASK_AGAIN_S)
    assert asked(parts) == 2
    registration.on_answer(provider_of(parts), Registered())
    assert outcome(asking) == Registered()


def test_a_provider_that_says_nothing_is_given_up(parts: Parts, registration: Registration) -> None:
    asking = ask(parts, registration)
    parts.clock.pump([1.0] * int(PATIENCE_S))
    error = error_of(asking)
    assert isinstance(error, UnavailableError)
    assert "the provider provider1 at 127.0.0.1:" in str(error)


def test_stopping_ends_it(parts: Parts, registration: Registration) -> None:
    asking = ask(parts, registration)
    registration.stop()
    assert "stopping" in str(error_of(asking))


def test_a_provider_that_forgot_us_is_believed_until_it_knows_us(parts: Parts, registration: Registration) -> None:
    parts.go_online()
    registration.on_answer(provider_of(parts), Registered())
    assert not registration.forgotten
    registration.on_answer(provider_of(parts), NOT_REGISTERED)
    assert registration.forgotten
    registration.on_known()
    assert not registration.forgotten


def test_while_it_asks_the_answer_to_a_pull_is_no_refusal(parts: Parts, registration: Registration) -> None:
    # A guest whose account has ended goes on to pull while it asks for another one.
    parts.go_online()
    asking = ask(parts, registration)
    registration.on_answer(provider_of(parts), NOT_REGISTERED)
    assert not asking.called
    assert registration.forgotten
    registration.on_answer(provider_of(parts), Registered())
    assert outcome(asking) == Registered()


def test_that_an_asking_is_one_too_many_is_no_refusal_of_the_one_before(
    parts: Parts, registration: Registration
) -> None:
    limited = RegisterRefused(RegisterRefusal.RATE_LIMITED)
    asking = ask(parts, registration)
    parts.clock.advance(ASK_AGAIN_S)
    assert asked(parts) == 2
    registration.on_answer(provider_of(parts), limited)
    assert not asking.called
    registration.on_answer(provider_of(parts), Registered())
    assert outcome(asking) == Registered()
    # If all are refused, that is the answer.
    asking = ask(parts, registration)
    parts.clock.advance(ASK_AGAIN_S)
    registration.on_answer(provider_of(parts), limited)
    registration.on_answer(provider_of(parts), limited)
    assert outcome(asking) == limited


def test_a_provider_that_was_given_up_answers_for_no_other(parts: Parts, registration: Registration) -> None:
    asking = ask(parts, registration)
    other = parts.model.node("provider2").id
    registration.on_answer(other, RegisterRefused(RegisterRefusal.FULL))
    registration.on_answer(other, Registered())
    assert not asking.called
    registration.on_answer(provider_of(parts), Registered())
    assert outcome(asking) == Registered()


def test_what_another_provider_does_not_know_is_not_forgotten(parts: Parts, registration: Registration) -> None:
    parts.go_online()
    registration.on_answer(parts.model.node("provider2").id, NOT_REGISTERED)
    assert not registration.forgotten


def test_a_provider_is_found_by_its_name(parts: Parts, registration: Registration) -> None:
    found = outcome(Deferred.fromCoroutine(registration.find("provider2")))
    assert found == parts.document.provider_named("provider2")
    assert isinstance(error_of(Deferred.fromCoroutine(registration.find("nowhere"))), BadRequestError)


@pytest.fixture
def offline() -> Iterator[Parts]:
    """A client that has no network document."""
    made = Parts()
    yield made
    made.close()


def test_an_authority_that_is_known_to_be_away_is_named_soon(offline: Parts) -> None:
    problem = "no network document yet: http://127.0.0.1:9: connection refused"
    finding = Deferred.fromCoroutine(new_registration(offline, lambda: problem).find("provider1"))
    offline.clock.pump([1.0] * int(DOCUMENT_PATIENCE_S))
    error = error_of(finding)
    assert (type(error), str(error)) == (UnavailableError, problem)


def test_without_a_reason_the_document_is_waited_for(offline: Parts) -> None:
    finding = Deferred.fromCoroutine(new_registration(offline, lambda: None).find("provider1"))
    offline.clock.pump([1.0] * int(PATIENCE_S - 1))
    offline.session.adopt(offline.document)
    assert outcome(finding) == offline.document.provider_named("provider1")
