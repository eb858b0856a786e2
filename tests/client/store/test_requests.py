from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from client.api import RequestState
from client.store import ClientStore, requests
from client.store.requests import Attempt, RequestToKeep

NEW = RequestToKeep(
    request_id="a" * 32,
    idempotency_key="1",
    digest=bytes(32),
    service="echo",
    body=b"body",
    created_at_s=1.0,
    leaves_at_s=2.0,
    deadline_s=3.0,
)


@pytest.fixture
def store() -> Iterator[ClientStore]:
    made = ClientStore(None)
    yield made
    made.close()


def add(store: ClientStore, number: int) -> int:
    new = msgspec.structs.replace(NEW, request_id=f"{number:032x}", idempotency_key=str(number))
    return store.write(lambda c: requests.add(c, new))


def end(store: ClientStore, number: int, state: RequestState, answer: bytes | None = None, at_s: float = 9.0) -> bool:
    return store.write(lambda c: requests.end(c, number, state, answer=answer, problem="p", now_s=at_s))


def test_a_request_is_kept_and_found(store: ClientStore) -> None:
    number = store.write(lambda c: requests.add(c, NEW))
    found = store.write(lambda c: requests.find(c, NEW.request_id))
    assert found is not None
    assert found == store.write(lambda c: requests.load(c, number))
    assert (found.service, found.body, found.length_bytes, found.state) == ("echo", b"body", 4, RequestState.QUEUED)
    assert (found.created_at_s, found.leaves_at_s, found.deadline_s) == (1.0, 2.0, 3.0)
    assert (found.attempt, found.answer, found.problem, found.ended) == (None, None, "", 0)
    assert store.write(lambda c: requests.find_by_key(c, "1")) == (NEW.request_id, NEW.digest)
    assert store.write(lambda c: requests.find_by_key(c, "2")) is None
    assert store.write(lambda c: requests.find(c, "b" * 32)) is None
    assert store.write(lambda c: requests.load(c, number + 1)) is None


def test_an_attempt_is_kept_until_it_counts_no_more(store: ClientStore) -> None:
    number, attempt = add(store, 1), Attempt(b"r" * 16, b"h" * 32, 7)
    store.write(lambda c: requests.save_attempt(c, number, attempt))
    found = store.write(lambda c: requests.load(c, number))
    assert found is not None
    assert (found.state, found.attempt) == (RequestState.ASKING, attempt)
    store.write(lambda c: requests.forget_attempt(c, number))
    found = store.write(lambda c: requests.load(c, number))
    assert found is not None
    assert found.attempt is None


def test_a_request_ends_once_and_its_body_goes(store: ClientStore) -> None:
    number = add(store, 1)
    assert end(store, number, RequestState.ANSWERED, b"answer")
    assert not end(store, number, RequestState.EXPIRED)
    found = store.write(lambda c: requests.load(c, number))
    assert found is not None
    assert (found.state, found.answer, found.problem, found.ended) == (RequestState.ANSWERED, b"answer", "p", 1)
    assert (found.body, found.length_bytes) == (b"", 4)
    # What comes after its end changes nothing.
    store.write(lambda c: requests.save_attempt(c, number, Attempt(b"r" * 16, b"h" * 32, 7)))
    assert store.write(lambda c: requests.load(c, number)) == found


def test_ends_are_numbered_in_their_order_and_no_number_comes_twice(store: ClientStore) -> None:
    first, second, third = (add(store, number) for number in (1, 2, 3))
    end(store, second, RequestState.FAILED)
    end(store, first, RequestState.ANSWERED, b"x")
    ended = store.write(lambda c: requests.ended_after(c, after=0, limit=10))
    assert [(each.number, each.ended) for each in ended] == [(second, 1), (first, 2)]
    assert store.write(lambda c: requests.ended_after(c, after=1, limit=10)) == ended[1:]
    assert store.write(lambda c: requests.ended_after(c, after=0, limit=1)) == ended[:1]
    assert store.write(lambda c: requests.forget_ended(c, ended[1].request_id))
    end(store, third, RequestState.CANCELLED)
    assert [each.ended for each in store.write(lambda c: requests.ended_after(c, after=0, limit=10))] == [1, 3]


def test_the_newest_end_keeps_its_number_when_its_request_is_forgotten(store: ClientStore) -> None:
    assert store.write(requests.newest_end) == 0
    for number in (1, 2):
        end(store, add(store, number), RequestState.EXPIRED)
    assert store.write(requests.newest_end) == 2
    assert store.write(lambda c: requests.forget_ended(c, f"{2:032x}"))
    assert store.write(requests.newest_end) == 2


def test_only_what_has_ended_is_forgotten(store: ClientStore) -> None:
    number = add(store, 1)
    assert not store.write(lambda c: requests.forget_ended(c, f"{1:032x}"))
    end(store, number, RequestState.ANSWERED, b"x", at_s=100.0)
    store.write(lambda c: requests.prune(c, 100.0))
    assert store.write(lambda c: requests.size(c)) == (1, 1)
    store.write(lambda c: requests.prune(c, 100.1))
    assert store.write(lambda c: requests.size(c)) == (0, 0)


def test_open_requests_are_those_that_have_not_ended(store: ClientStore) -> None:
    first, second = add(store, 1), add(store, 2)
    end(store, first, RequestState.EXPIRED)
    [left] = store.write(requests.every_open)
    assert (left.number, left.request_id, left.leaves_at_s, left.deadline_s) == (second, f"{2:032x}", 2.0, 3.0)


def test_the_size_counts_bodies_and_answers(store: ClientStore) -> None:
    assert store.write(requests.size) == (0, 0)
    add(store, 1)
    number = add(store, 2)
    end(store, number, RequestState.ANSWERED, bytes(100))
    assert store.write(requests.size) == (2, 104)
