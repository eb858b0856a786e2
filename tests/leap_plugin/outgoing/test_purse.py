"""Tokens between the client and the queue: none twice, none lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar, cast

import pytest
from sqlalchemy import Connection
from twisted.internet.defer import Deferred

from leap_plugin.directory.sending import SendingSettings
from leap_plugin.mail.submitting import SubmissionRefusedError
from leap_plugin.outgoing.author import QueueStore, SendingAccount
from leap_plugin.outgoing.purse import HELD_S, HeldToken, TokenPurse
from leap_plugin.store.held_tokens import held_keys, let_go
from tests.worlds.sending_accounts import CAROL, SendingWorld
from tests.worlds.tokens import signer_of, token_key

T = TypeVar("T")


class SlowReads:
    """A store whose reads see what was there when they began, and end when a test says so."""

    def __init__(self, store: QueueStore) -> None:
        self._store = store
        self.is_slow = False
        self.waiting: list[Callable[[], None]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def read(self, work: Callable[[Connection], T]) -> T:
        found = await self._store.read(work)
        if self.is_slow:
            done: Deferred[None] = Deferred()
            self.waiting.append(lambda: done.callback(None))
            await done
        return found


@pytest.fixture
def world() -> Iterator[SendingWorld]:
    made = SendingWorld(settings=SendingSettings(exit_gateway=CAROL, exit_purpose="exit"))
    now_s = int(made.clock.seconds())
    key = token_key(purpose="exit", begins_s=now_s - 1000, ends_s=now_s + 1_000_000)
    made.network.issue_tokens("two", key, signer_of(0))
    made.run(made.alice.fetch_tokens("two", "exit", 3))
    made.pass_time(3000)
    yield made
    made.close()


def held(world: SendingWorld) -> list[str]:
    return world.store.read(lambda c: held_keys(c, world.number, "exit", since_s=0.0))


def put_into_queue(world: SendingWorld, purse: TokenPurse, token: HeldToken) -> None:
    """Do what the transaction of a mail does, and what follows it."""
    world.store.write(lambda c: let_go(c, world.number, [token.key]))
    purse.spent([token])


def test_a_token_that_was_given_back_is_the_next_one_also_after_a_restart(world: SendingWorld) -> None:
    purse = TokenPurse(world.account)
    first = world.run(purse.take())
    second = world.run(purse.take())
    assert first.token != second.token
    purse.give_back([first])
    assert world.run(purse.take()) == first
    put_into_queue(world, purse, first)
    assert world.run(TokenPurse(world.account).take()) == second
    assert "token" not in repr(first).replace("HeldToken", "").replace("mail-token", "")


def test_two_that_ask_at_a_time_get_two_tokens(world: SendingWorld) -> None:
    purse = TokenPurse(world.account)
    purse.give_back([world.run(purse.take())])
    store = SlowReads(world.account.store)
    store.is_slow = True
    purse = TokenPurse(replaced(world, store))
    taking = [Deferred.fromCoroutine(purse.take()) for _ in range(2)]
    for read in store.waiting[:2]:
        read()
    one, other = (world.run(each) for each in taking)
    assert one.token != other.token


def test_a_read_from_before_a_mail_was_taken_frees_none_of_its_tokens(world: SendingWorld) -> None:
    store = SlowReads(world.account.store)
    purse = TokenPurse(replaced(world, store))
    first = world.run(purse.take())
    store.is_slow = True
    taking = Deferred.fromCoroutine(purse.take())
    put_into_queue(world, purse, first)
    store.waiting[0]()
    assert world.run(taking).token != first.token


def test_a_key_without_a_token_is_forgotten_and_an_old_one_too(world: SendingWorld) -> None:
    purse = TokenPurse(world.account)
    for _ in range(3):
        world.run(purse.take())
    with pytest.raises(SubmissionRefusedError, match="for the gateway to the outside"):
        world.run(purse.take())
    assert len(held(world)) == 3
    with pytest.raises(SubmissionRefusedError, match="no token"):
        world.run(purse.check())
    world.run(TokenPurse(world.account).check(3))
    world.pass_time(HELD_S + 10)
    world.run(purse.tidy())
    assert held(world) == []


def replaced(world: SendingWorld, store: SlowReads) -> SendingAccount:
    """Return Alice's account with that store."""
    return replace(world.account, store=cast(QueueStore, store))
