"""The wallet: tokens come at random times, survive restarts, and are given out once, after a rest."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from client.api import (
    BadRequestError,
    ConflictError,
    NoTokenError,
    RequestTimeoutError,
    ServiceFailedError,
    TokenStock,
    UnknownServiceError,
)
from client.core.settings import TokenWaits
from client.store.schema import taken_tokens
from loopixmix.tokens import encode_token_key, verify_token
from loopixmix.tokens.exchange import decode_issue_request
from tests.worlds.clients.parts import outcome
from tests.worlds.clients.wallets import DAY_S, KEY, MINUTE_S, WAITS, WalletWorld
from tests.worlds.networks.models import NOW_S
from tests.worlds.tokens import token_key


@pytest.fixture
def world() -> Iterator[WalletWorld]:
    made = WalletWorld()
    yield made
    made.close()


def test_tokens_are_fetched_and_given_out_once_each(world: WalletWorld) -> None:
    world.fetch(5)
    world.run(DAY_S)
    taken = [world.take() for _ in range(5)]
    for token in taken:
        verify_token(token, KEY, NOW_S)
    assert len({token.prefix for token in taken}) == 5
    with pytest.raises(NoTokenError):
        world.take()
    assert {service for service, _ in world.issuer.asked} == {"issuer@provider2"}
    assert {decode_issue_request(body).credential for _, body in world.issuer.asked} == {b"code"}


def test_a_token_taken_by_a_key_comes_again_by_it_for_a_day_also_after_a_restart(world: WalletWorld) -> None:
    world.fetch(3)
    world.run(DAY_S)
    first, other = world.take(key="1"), world.take(key="2")
    world.wallet = world.new_wallet()
    assert world.take(key="1") == first != other
    assert world.stock() == [TokenStock(purpose="guest", usable=1, resting=0, ordered=0)]
    with pytest.raises(ConflictError):
        world.take("answer", key="1")
    with pytest.raises(BadRequestError):
        world.take(key="k" * 129)
    world.run(DAY_S)
    assert world.store.write(lambda c: list(c.execute(select(taken_tokens)))) == []
    assert world.take(key="1") not in (first, other)


def test_nothing_is_asked_when_tokens_are_ordered_or_taken(world: WalletWorld) -> None:
    world.fetch(3)
    assert world.issuer.asked == []
    with pytest.raises(NoTokenError):
        world.take()
    assert world.issuer.asked == []
    world.run(DAY_S)
    count = len(world.issuer.asked)
    world.take()
    world.run(DAY_S)
    assert len(world.issuer.asked) == count == 1


def test_the_times_of_fetching_and_resting_are_exponential() -> None:
    # Null hypothesis: exponential times with the means of the module. The mean of 100 such times is within 39 % of it
    # in all but 1 of 10,000 runs; a round, once a minute, adds half a minute.
    first_s, rests_s = [], []
    for seed in range(100):
        world = WalletWorld(seed=seed)
        world.fetch(1)
        while not world.issuer.at_s:
            world.run(MINUTE_S)
        first_s.append(world.issuer.at_s[0] - NOW_S)
        rests_s.append(world.wait_for_token_s())
        world.close()
    assert 0.61 * WAITS.fetch_mean_s < sum(first_s) / 100 < 1.39 * WAITS.fetch_mean_s
    assert 0.61 * WAITS.rest_mean_s < sum(rests_s) / 100 < 1.39 * WAITS.rest_mean_s
    assert max(first_s) > WAITS.fetch_mean_s
    assert min(first_s) < WAITS.fetch_mean_s / 2


def test_short_waits_are_kept_to_the_second_and_not_to_the_round() -> None:
    world = WalletWorld(waits=TokenWaits(fetch_mean_s=1.0, rest_mean_s=2.0))
    world.fetch(9)
    world.wallet.work()
    world.clock.pump([0.1] * 300)
    assert len(world.issuer.asked) == 3
    assert len({world.take().prefix for _ in range(9)}) == 9
    world.close()


def test_a_wallet_that_was_stopped_leaves_no_call() -> None:
    world = WalletWorld(waits=TokenWaits(fetch_mean_s=1.0, rest_mean_s=2.0))
    world.fetch(3)
    world.wallet.stop()
    before = len(world.issuer.asked)
    world.clock.pump([0.1] * 300)
    assert len(world.issuer.asked) == before
    world.close()


def test_nor_does_one_that_was_stopped_while_it_asked() -> None:
    world = WalletWorld(waits=TokenWaits(fetch_mean_s=1.0, rest_mean_s=2.0))
    world.issuer.be_silent()
    world.fetch(1)
    world.clock.pump([0.1] * 100)
    assert len(world.issuer.asked) == 1
    world.wallet.stop()
    assert [call for call in world.clock.getDelayedCalls() if call.func == world.wallet.work] == []
    world.close()


def test_a_lost_answer_is_asked_for_again_with_the_same_messages_also_after_a_restart(world: WalletWorld) -> None:
    world.fetch(2)
    world.issuer.fail(RequestTimeoutError("no answer"))
    world.run(DAY_S)
    assert len(world.issuer.asked) > 2
    world.wallet = world.new_wallet()
    world.issuer.work()
    world.run(DAY_S)
    assert len({body for _, body in world.issuer.asked}) == 1
    assert {world.take().key_id for _ in range(2)} == {KEY.key_id}


def test_what_is_under_way_when_the_client_stops_goes_on_at_the_next_start(world: WalletWorld) -> None:
    world.fetch(1)
    world.issuer.be_silent()
    world.run(DAY_S)
    assert len(world.issuer.asked) == 1
    world.wallet.stop()
    world.wallet = world.new_wallet()
    world.issuer.work()
    world.run(DAY_S)
    assert world.take().key_id == KEY.key_id
    assert len({body for _, body in world.issuer.asked}) == 1


def test_an_order_that_the_issuer_refuses_is_given_up(world: WalletWorld) -> None:
    world.fetch(1)
    world.issuer.fail(ServiceFailedError("issuer@provider2 could not carry out the request"))
    world.run(DAY_S)
    assert len(world.issuer.asked) == 1
    assert "could not carry out" in str(world.wallet.problem)
    world.fetch(1)
    assert world.wallet.problem is None


def test_an_issuer_that_signs_wrongly_gives_no_token(world: WalletWorld) -> None:
    answers: list[Callable[[bytes], bytes]] = [
        lambda body: b"",
        lambda body: world.issuer.sign(body)[:-1],
        lambda body: world.issuer.sign(body)[:256],
        lambda body: world.issuer.sign(body)[:-1] + b"\0",
        lambda body: world.issuer.sign(body)[256:] + world.issuer.sign(body)[:256],
    ]
    for number, answer in enumerate(answers):
        world.fetch(2)
        world.issuer.answer = lambda body, answer=answer: succeed(answer(body))
        world.run(DAY_S)
        assert len(world.issuer.asked) == number + 1
        assert "tokens were not given" in str(world.wallet.problem)
    with pytest.raises(NoTokenError):
        world.take()


def test_an_issuer_that_changes_its_key_within_a_period_is_not_asked(world: WalletWorld) -> None:
    world.fetch(1)
    world.run(DAY_S)
    assert len(world.issuer.asked) == 1
    world.publish(token_key(1, begins_s=KEY.begins_s, ends_s=KEY.ends_s))
    world.fetch(1)
    world.run(DAY_S)
    assert len(world.issuer.asked) == 1
    assert "another key" in str(world.wallet.problem)


def test_without_a_key_in_the_document_nothing_is_asked_until_there_is_one(world: WalletWorld) -> None:
    world.fetch(1)
    world.publish()
    world.run(DAY_S)
    assert world.issuer.asked == []
    assert world.wallet.problem == ("tokens for guest are waited for: provider2 issues no tokens for guest at present")
    world.publish(KEY)
    world.run(DAY_S)
    assert len(world.issuer.asked) == 1


def test_what_is_there_and_what_is_to_come_is_counted_by_purpose(world: WalletWorld) -> None:
    assert world.stock() == []
    world.fetch(5)
    assert world.stock() == [TokenStock(purpose="guest", usable=0, resting=0, ordered=5)]
    while world.stock()[0].ordered:
        world.run(MINUTE_S)
    [stock] = world.stock()
    assert stock.usable + stock.resting == 5
    assert stock.resting > 0
    world.run(DAY_S)
    world.take()
    assert world.stock() == [TokenStock(purpose="guest", usable=4, resting=0, ordered=0)]
    world.clock.advance(KEY.ends_s - world.now_s)
    assert world.stock() == []


def test_an_order_that_could_never_be_met_is_refused_at_once(world: WalletWorld) -> None:
    with pytest.raises(UnknownServiceError, match="provider2 issues no tokens for drinks, only for guest"):
        world.fetch(1, "drinks")
    with pytest.raises(UnknownServiceError, match="this network has no provider nowhere"):
        world.fetch(1, issuer="nowhere")
    world.publish()
    with pytest.raises(UnknownServiceError, match="provider2 issues no tokens for guest, and none for anything else"):
        world.fetch(1)
    world.run(DAY_S)
    assert world.issuer.asked == []


def test_without_an_issuer_in_the_network_the_order_waits(world: WalletWorld) -> None:
    world.fetch(1)
    world.issuer.fail(UnknownServiceError("no provider offers it"))
    world.run(DAY_S)
    world.issuer.work()
    world.run(DAY_S)
    assert world.take().key_id == KEY.key_id


def test_a_key_whose_period_ends_soon_makes_way_for_the_next(world: WalletWorld) -> None:
    ending = token_key(1, begins_s=KEY.begins_s, ends_s=int(NOW_S) + 3600)
    following = token_key(0, begins_s=ending.ends_s, ends_s=KEY.ends_s)
    world.publish(ending, following)
    world.issuer.key = following
    world.fetch(1)
    world.run(6 * 3600)
    assert world.take().key_id == following.key_id


def test_an_application_may_pin_another_key_than_that_of_the_document(world: WalletWorld) -> None:
    pinned = token_key(1, purpose="answer", begins_s=KEY.begins_s, ends_s=KEY.ends_s)
    world.issuer.key, world.issuer.number = pinned, 1
    world.fetch(1, "answer", key=encode_token_key(pinned))
    world.run(DAY_S)
    assert world.take("answer").key_id == pinned.key_id
    with pytest.raises(BadRequestError):
        world.fetch(1, "guest", key=encode_token_key(pinned))


def test_another_service_than_the_issuer_is_asked_by_its_name_under_a_pinned_key(world: WalletWorld) -> None:
    pinned = token_key(1, purpose="answer", begins_s=KEY.begins_s, ends_s=KEY.ends_s)
    world.issuer.key, world.issuer.number = pinned, 1
    with pytest.raises(BadRequestError, match="pin one"):
        world.fetch(1, "answer", issuer="echo@provider2")
    with pytest.raises(UnknownServiceError, match="provider2 offers no service other"):
        world.fetch(1, "answer", issuer="other@provider2", key=encode_token_key(pinned))
    world.fetch(1, "answer", issuer="echo@provider2", key=encode_token_key(pinned))
    world.run(DAY_S)
    assert world.take("answer").key_id == pinned.key_id
    assert {service for service, _ in world.issuer.asked} == {"echo@provider2"}


def test_tokens_of_a_period_that_is_over_are_forgotten(world: WalletWorld) -> None:
    world.fetch(1)
    world.run(DAY_S)
    world.clock.advance(30 * DAY_S)
    with pytest.raises(NoTokenError):
        world.take()


@pytest.mark.parametrize(
    ("issuer", "purpose", "count", "credential", "key"),
    [
        ("Provider", "guest", 1, "", b""),
        ("provider2", "Guest", 1, "", b""),
        ("provider2", "guest", 0, "", b""),
        ("provider2", "guest", 1001, "", b""),
        ("provider2", "guest", 1, "c" * 129, b""),
        ("provider2", "guest", 1, "", b"key"),
    ],
)
def test_an_order_out_of_bounds_is_refused(
    world: WalletWorld, issuer: str, purpose: str, count: int, credential: str, key: bytes
) -> None:
    ordering = Deferred.fromCoroutine(world.wallet.fetch(issuer, purpose, count, credential=credential, key=key))
    failure = outcome(ordering)
    assert isinstance(failure, Failure)
    assert failure.check(BadRequestError)


def test_a_client_without_orders_does_not_read_its_disk_every_minute(world: WalletWorld) -> None:
    world.run(5 * MINUTE_S)
    reads = itertools.count()
    read = world.access.read
    world.access.read = lambda work: (next(reads), read(work))[1]  # type: ignore[assignment, method-assign]
    world.run(DAY_S)
    assert next(reads) == 0
