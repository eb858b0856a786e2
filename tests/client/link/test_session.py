from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from client.api import NotRegisteredError
from client.receiving.arrivals import surroundings
from loopixmix.directory import Document
from loopixmix.errors import UnavailableError
from loopixmix.wire import Pull
from tests.worlds.clients.parts import Parts, outcome


@pytest.fixture
def parts() -> Iterator[Parts]:
    made = Parts()
    yield made
    made.close()


def error_of(deferred: Deferred[Document]) -> BaseException:
    failure = outcome(deferred)
    assert isinstance(failure, Failure)
    return failure.value


def test_packets_are_made_once_there_is_a_document_and_an_account(parts: Parts) -> None:
    session = parts.session
    assert session.maker() is None
    session.adopt(parts.document)
    assert session.maker() is None
    with pytest.raises(NotRegisteredError):
        session.registered()
    session.open_account(parts.account)
    maker = session.maker()
    assert maker is not None
    assert maker.provider == parts.account.provider
    assert session.registered().account == parts.account
    assert parts.link.connected == ["provider1"]
    assert parts.link.frames == maker_frames(parts)


def maker_frames(parts: Parts) -> object:
    assert parts.known.packet_format is not None
    return parts.known.packet_format.frames


def test_no_packets_are_made_by_an_expired_document(parts: Parts) -> None:
    parts.go_online()
    parts.clock.advance(parts.document.valid_until_s - parts.now_s)
    assert parts.session.maker() is None
    assert "has expired" in (parts.session.problem or "")


def test_no_packets_are_made_while_our_provider_is_not_in_the_network(parts: Parts) -> None:
    parts.go_online()
    others = tuple(node for node in parts.document.nodes if node.name != "provider1")
    parts.session.adopt(msgspec.structs.replace(parts.document, nodes=others))
    assert parts.session.maker() is None
    assert parts.session.problem == "the provider provider1 is not part of the network now"


def test_who_waits_for_a_document_gets_it(parts: Parts) -> None:
    waiting = Deferred.fromCoroutine(parts.session.arrival(5.0))
    parts.clock.advance(4.0)
    parts.session.adopt(parts.document)
    assert outcome(waiting) == parts.document
    assert outcome(Deferred.fromCoroutine(parts.session.arrival(5.0))) == parts.document


def test_who_waits_too_long_for_a_document_is_told(parts: Parts) -> None:
    waiting = Deferred.fromCoroutine(parts.session.arrival(5.0))
    parts.clock.advance(5.0)
    assert isinstance(error_of(waiting), UnavailableError)


def test_stopping_ends_all_waiting(parts: Parts) -> None:
    waiting = [Deferred.fromCoroutine(parts.session.arrival(5.0)) for _ in range(2)]
    parts.session.stop()
    assert all(isinstance(error_of(each), UnavailableError) for each in waiting)


def test_frames_go_to_our_provider_while_there_is_a_link(parts: Parts) -> None:
    assert not parts.session.send(Pull(1, ()))
    parts.go_online()
    assert parts.session.send(Pull(1, ()))
    assert parts.sent_frames() == [Pull(1, ())]
    assert parts.link.sent[0][0] == parts.account.provider
    parts.link.open = False
    assert not parts.session.is_linked()
    assert not parts.session.send(Pull(2, ()))
    assert "no link to the provider provider1 (connection refused); messages wait" in (parts.session.problem or "")


def test_a_frame_may_go_to_a_provider_without_an_account(parts: Parts) -> None:
    parts.session.adopt(parts.document)
    other = parts.model.node("provider2").id
    assert parts.session.send(Pull(1, ()), to=other)
    assert parts.link.sent[0][0] == other


def test_the_wait_for_an_answer_grows_and_is_random(parts: Parts) -> None:
    parts.go_online()
    first_s = parts.known.policy.first_s
    waits_s = [parts.session.retry_in_s(1) for _ in range(20)]
    assert len(set(waits_s)) == 20
    assert all(first_s <= wait_s <= 1.5 * first_s for wait_s in waits_s)
    assert parts.session.retry_in_s(3) >= 4 * first_s


def test_what_is_stored_while_the_clock_is_behind_gets_the_earliest_date_that_it_can_have(parts: Parts) -> None:
    assert parts.session.dated_s == parts.now_s
    parts.go_online()
    assert parts.session.dated_s == parts.now_s
    begins_s = float(parts.document.valid_from_s - parts.document.params.grace_s)
    parts.clock.rightNow = begins_s - 400 * 86_400.0
    assert parts.session.dated_s == begins_s
    around = surroundings(parts.session)
    assert around is not None
    assert (around.now_s, around.stands_still) == (begins_s, True)
