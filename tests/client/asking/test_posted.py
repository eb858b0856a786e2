"""Posted requests through restarts, losses and epochs, in a world of one client and scripted providers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from client.api import PostedRequest, QueueFullError, RequestState, UnknownRequestError
from client.asking import posted
from client.asking.posted import ABSENT_S, AT_ONCE, DEADLINE_S, KEEP_ENDED_S, REPETITIONS_FACT
from client.store import contacts, requests
from loopixmix.errors import StoreError
from loopixmix.params import NetworkParams
from tests.worlds.clients.world import QUICK, Person, World

SHORT_EPOCHS = NetworkParams(
    delay_mean_s=0.1,
    payload_rate_per_s=4.0,
    loop_rate_per_s=0.5,
    drop_rate_per_s=0.5,
    node_loop_rate_per_s=20.0,
    pull_rate_per_s=2.0,
    pull_batch=8,
    epoch_length_s=60,
    grace_s=5,
)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.stop()


@pytest.fixture
def alice(world: World) -> Person:
    person = world.person("alice@home")
    world.clock.run_for(20)
    for provider in world.providers.values():
        provider.host.asked.clear()
        provider.host.repetition_keys.clear()
    return person


def post(
    world: World,
    person: Person,
    body: bytes = b"x",
    *,
    service: str = "echo@away",
    key: str = "1",
    not_before_s: float | None = None,
    deadline_s: float | None = None,
) -> str:
    posting = person.client.post_request(
        service, body, idempotency_key=key, not_before_s=not_before_s, deadline_s=deadline_s
    )
    return world.run(posting)


def answer(world: World, person: Person, request_id: str) -> PostedRequest:
    return world.run(person.client.answer(request_id))


def error_type(result: Deferred[PostedRequest]) -> type[BaseException] | None:
    failures: list[Failure] = []
    result.addErrback(failures.append)
    return failures[0].type if failures else None


def test_it_goes_on_after_a_restart_and_is_carried_out_once(world: World, alice: Person) -> None:
    body = world.rng.randbytes(30_000)
    request_id = post(world, alice, body)
    host = world.providers["away"].host
    assert world.wait_for(lambda: host.asked, 60)
    world.clock.run_for(1)
    alice.restart()
    assert answer(world, alice, request_id).state is RequestState.ASKING
    assert world.wait_for(lambda: answer(world, alice, request_id).state is RequestState.ANSWERED, 60)
    assert answer(world, alice, request_id).answer == body
    assert [asked for _, asked in host.asked] == [body]
    assert len({part.head.request_id for part in host.parts if part.head.content_bytes == len(body) + 16}) == 1


@pytest.mark.parametrize("after_s", [0.3, 1.0, 2.0, 4.0, 8.0])
def test_a_restart_at_any_time_leaves_one_execution(world: World, alice: Person, after_s: float) -> None:
    request_id = post(world, alice, bytes(5000))
    world.clock.run_for(after_s)
    alice.restart()
    assert world.wait_for(lambda: answer(world, alice, request_id).answer == bytes(5000), 120)
    assert len(world.providers["away"].host.asked) == 1


def test_the_id_is_the_client_s_own(world: World, alice: Person) -> None:
    request_id = post(world, alice)
    world.clock.run_for(20)
    host = world.providers["away"].host
    assert bytes.fromhex(request_id) not in {part.head.request_id for part in host.parts}


def test_it_says_how_far_it_is(world: World, alice: Person) -> None:
    request_id = post(world, alice, bytes(60_000))
    world.clock.run_for(6)
    asking = answer(world, alice, request_id)
    assert asking.state is RequestState.ASKING
    assert 0 < asking.parts_sent < asking.parts == 31
    assert world.wait_for(lambda: answer(world, alice, request_id).parts_received, 30)
    answering = answer(world, alice, request_id)
    assert 0 < answering.parts_received < answering.answer_parts == 30


def test_it_is_asked_at_a_moment_that_is_drawn_once(world: World, alice: Person) -> None:
    now_s = world.clock.seconds()
    ids = [post(world, alice, key=str(n), not_before_s=now_s + 100, deadline_s=now_s + 300) for n in range(8)]
    moments = [answer(world, alice, each).leaves_at_s for each in ids]
    assert len(set(moments)) == 8
    assert all(now_s + 100 <= moment < now_s + 300 for moment in moments)
    assert max(moments) - min(moments) > 50
    alice.restart()
    assert [answer(world, alice, each).leaves_at_s for each in ids] == moments
    world.clock.run_for(90)
    assert world.providers["away"].host.asked == []
    assert world.wait_for(lambda: answer(world, alice, ids[0]).ended, 300)
    assert world.clock.seconds() >= moments[0]


def test_without_a_time_it_leaves_at_once_and_is_tried_for_days(world: World, alice: Person) -> None:
    now_s = world.clock.seconds()
    request = answer(world, alice, post(world, alice))
    assert request.leaves_at_s is None
    assert request.deadline_s == pytest.approx(now_s + DEADLINE_S)


def test_one_that_is_not_answered_expires(world: World, alice: Person) -> None:
    world.providers["away"].host.deaf = True
    ended: list[PostedRequest] = []
    alice.client.on_answer(ended.append)
    request_id = post(world, alice, bytes(3000), deadline_s=world.clock.seconds() + 50)
    world.clock.run_for(52)
    assert ended == [answer(world, alice, request_id)]
    assert (ended[0].state, ended[0].problem) == (RequestState.EXPIRED, "expired: no answer")
    parts = len(world.providers["away"].host.parts)
    world.clock.run_for(60)
    assert len(world.providers["away"].host.parts) == parts


def test_one_that_expires_while_the_client_is_stopped_is_told_so(world: World, alice: Person) -> None:
    alice.link.cut = True
    request_id = post(world, alice, deadline_s=world.clock.seconds() + 50)
    alice.stop()
    world.clock.run_for(100)
    alice.start()
    world.clock.run_for(3)
    request = answer(world, alice, request_id)
    assert request.state is RequestState.EXPIRED


def test_a_service_that_fails_ends_it(world: World, alice: Person) -> None:
    request_id = post(world, alice, service="broken")
    assert world.wait_for(lambda: answer(world, alice, request_id).ended, 60)
    request = answer(world, alice, request_id)
    assert (request.state, request.answer) == (RequestState.FAILED, None)
    assert "could not carry out" in request.problem


class FullDisk:
    """Lets no end of a request be written while it is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = True
        self.tries = 0
        self._end = requests.end
        monkeypatch.setattr(requests, "end", self.end)

    def end(self, *args: Any, **kwargs: Any) -> bool:
        self.tries += 1
        if self.full:
            raise StoreError("disk is full")
        return self._end(*args, **kwargs)


def test_an_answer_that_cannot_be_written_is_written_later(
    world: World, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch)
    told: list[PostedRequest] = []
    alice.client.on_answer(told.append)
    # Over its deadline, too: it is answered.
    request_id = post(world, alice, b"vote", deadline_s=world.clock.seconds() + 60)
    world.clock.run_for(20)
    assert (disk.tries, answer(world, alice, request_id).ended) == (1, 0)
    parts = len(world.providers["away"].host.parts)
    world.clock.run_for(3 * ABSENT_S)
    assert disk.tries == 4
    cancelling = Deferred.fromCoroutine(alice.client.cancel_request(request_id))
    assert error_type(cancelling) is StoreError
    disk.full = False
    assert told == []
    world.clock.run_for(ABSENT_S + 2)
    request = answer(world, alice, request_id)
    assert (request.state, request.answer) == (RequestState.ANSWERED, b"vote")
    assert told == [request]
    # The host was asked nothing more for it.
    assert len(world.providers["away"].host.parts) == parts
    assert len(world.providers["away"].host.asked) == 1


def test_a_cancel_that_cannot_be_written_stays_cancelled(
    world: World, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = post(world, alice, bytes(60_000))
    world.clock.run_for(4)
    disk = FullDisk(monkeypatch)
    cancelling = Deferred.fromCoroutine(alice.client.cancel_request(request_id))
    assert error_type(cancelling) is StoreError
    world.clock.run_for(10)
    parts = len(world.providers["away"].host.parts)
    disk.full = False
    world.clock.run_for(ABSENT_S)
    cancelled = answer(world, alice, request_id)
    assert cancelled.state is RequestState.CANCELLED
    assert "of 31 parts of the request were sent" in cancelled.problem
    alice.restart()
    world.clock.run_for(30)
    assert len(world.providers["away"].host.parts) == parts
    again = answer(world, alice, request_id)
    assert (again.state, again.problem) == (cancelled.state, cancelled.problem)


def test_what_is_cancelled_is_sent_no_more(world: World, alice: Person) -> None:
    request_id = post(world, alice, bytes(60_000))
    world.clock.run_for(4)
    cancelled = world.run(alice.client.cancel_request(request_id))
    assert cancelled.state is RequestState.CANCELLED
    assert "of 31 parts of the request were sent" in cancelled.problem
    parts = len(world.providers["away"].host.parts)
    world.clock.run_for(60)
    assert len(world.providers["away"].host.parts) <= parts + 4  # those that were under way
    again = answer(world, alice, request_id)
    assert (again.state, again.problem) == (cancelled.state, cancelled.problem)


def test_a_longer_deadline_leads_to_new_attempts_with_the_same_repetition_key() -> None:
    world = World(params=SHORT_EPOCHS)
    alice = world.person("alice@home")
    world.clock.run_for(20)
    away = world.providers["away"]
    away.host.repetition_keys.clear()
    away.host.asked.clear()
    # Asked, but none of the answers comes back.
    home = world.providers["home"]
    home.full = True
    request_id = post(world, alice, b"vote", deadline_s=world.clock.seconds() + 600)
    for epochs in (1, 2):
        world.clock.run_until((world.model.epoch + epochs) * 60.0)
        alice.client.adopt(world.make_document(epochs_later=epochs))
    assert world.wait_for(lambda: len(away.host.asked) == 2, 50)
    home.full = False
    assert world.wait_for(lambda: answer(world, alice, request_id).answer == b"vote", 40)
    ids = [attempt for attempt, _ in away.host.asked]
    assert len(set(ids)) == len(ids) == 2
    assert len(set(away.host.repetition_keys)) == 1
    secret = alice.store.write(lambda c: contacts.fact(c, REPETITIONS_FACT))
    assert secret is not None
    assert away.host.repetition_keys[0] == hashlib.sha256(secret + b"1").digest()[:16]
    world.stop()


def test_a_host_that_says_it_is_over_is_asked_anew_after_a_rest(world: World, alice: Person) -> None:
    away = world.providers["away"]
    shift_s = 5 * QUICK.epoch_length_s
    clock = away.host.clock

    class Ahead:
        def seconds(self) -> float:
            return clock.seconds() + shift_s

        def callLater(self, *args: object) -> object:
            return clock.callLater(*args)  # type: ignore[arg-type]

    away.host.clock = Ahead()  # type: ignore[assignment]
    request_id = post(world, alice)
    world.clock.run_for(ABSENT_S - 5)
    assert len({part.head.request_id for part in away.host.parts if part.head.content_bytes == 17}) == 1
    away.host.clock = clock
    assert world.wait_for(lambda: answer(world, alice, request_id).ended, 60)
    assert answer(world, alice, request_id).state is RequestState.ANSWERED


def test_it_waits_for_a_service_that_nobody_hosts_just_now(world: World, alice: Person) -> None:
    document, world.document = world.document, None
    alice.restart()
    request_id = post(world, alice, service="later")
    assert document is not None
    alice.client.adopt(document)
    world.clock.run_for(20)
    assert answer(world, alice, request_id).state is RequestState.QUEUED


def test_more_than_are_asked_at_once_wait_for_their_turn(world: World, alice: Person) -> None:
    ids = [post(world, alice, b"%d" % n, key=str(n)) for n in range(AT_ONCE + 10)]
    world.clock.run_for(1)
    states = [answer(world, alice, each).state for each in ids]
    assert states.count(RequestState.ASKING) <= AT_ONCE
    assert states.count(RequestState.QUEUED) >= 10
    assert world.wait_for(lambda: answer(world, alice, ids[-1]).ended, 300)
    world.clock.run_for(30)
    assert [answer(world, alice, each).answer for each in ids] == [b"%d" % n for n in range(AT_ONCE + 10)]
    assert len(world.providers["away"].host.asked) == AT_ONCE + 10


def test_all_are_answered_through_loss_and_restarts(world: World, alice: Person) -> None:
    world.loss = 0.01  # on each of nine wires there and back
    ids = [post(world, alice, bytes([n]) * 4000, key=str(n)) for n in range(12)]
    for _ in range(4):
        world.clock.run_for(9)
        alice.restart()
    assert world.wait_for(lambda: all(answer(world, alice, each).ended for each in ids), 900)
    assert [answer(world, alice, each).answer for each in ids] == [bytes([n]) * 4000 for n in range(12)]
    assert len(world.providers["away"].host.asked) == 12


def test_only_so_many_are_kept(world: World, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posted, "MAX_KEPT", 2)
    first = post(world, alice, key="1")
    post(world, alice, key="2")
    with pytest.raises(QueueFullError, match="2 requests"):
        post(world, alice, key="3")
    assert post(world, alice, key="1") == first
    world.clock.run_for(20)
    world.run(alice.client.forget_request(first))
    post(world, alice, key="3")


def test_only_so_many_bytes_are_kept(world: World, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posted, "MAX_KEPT_BYTES", 1000)
    post(world, alice, bytes(600), key="1")
    with pytest.raises(QueueFullError, match="600 bytes"):
        post(world, alice, bytes(401), key="2")
    post(world, alice, bytes(400), key="3")


def test_what_ended_long_ago_is_forgotten(world: World, alice: Person) -> None:
    request_id = post(world, alice)
    world.clock.run_for(20)
    assert answer(world, alice, request_id).ended == 1
    alice.stop()
    world.clock.run_until(world.clock.seconds() + KEEP_ENDED_S)
    alice.start()
    world.clock.run_for(70)
    # By a clock of which the network says nothing, nothing is forgotten.
    assert answer(world, alice, request_id).ended == 1
    passed = int(KEEP_ENDED_S) // world.params.epoch_length_s
    later = world.make_document(epochs_later=passed)
    # Without her provider: nothing is to be sent, for which the nodes of this world would have no keys.
    others = tuple(node for node in later.nodes if node.name != "home")
    alice.client.adopt(msgspec.structs.replace(later, nodes=others))
    world.clock.run_for(70)
    world.clock.run_for(70)
    with pytest.raises(UnknownRequestError):
        answer(world, alice, request_id)


def test_stopping_ends_what_is_told_and_asked(world: World, alice: Person) -> None:
    told: list[PostedRequest] = []
    alice.client.on_answer(told.append)
    request_id = post(world, alice)
    alice.stop()
    world.clock.run_for(30)
    assert told == []
    alice.start()
    world.clock.run_for(30)
    assert answer(world, alice, request_id).state is RequestState.ANSWERED
    assert told == []


def test_a_caller_that_goes_away_has_posted_all_the_same(world: World) -> None:
    alice = world.person("alice@home", work_s=0.5)
    posting = Deferred.fromCoroutine(alice.client.post_request("echo@away", b"x", idempotency_key="1"))
    posting.addErrback(lambda _: None)
    world.clock.run_for(0.2)
    posting.cancel()
    world.clock.run_for(30)
    assert b"x" in [body for _, body in world.providers["away"].host.asked]
