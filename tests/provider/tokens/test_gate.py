from __future__ import annotations

import random

import pytest
from sqlalchemy import text
from twisted.internet.task import Clock

from loopixmix.tokens import encode_token
from loopixmix.tokens.redeeming import FixedKeys, Redeeming
from provider.mailbox import MailboxRules
from provider.store import MailStore
from provider.store.access import clocked_access
from provider.store.schema import SPENT
from provider.tokens.gate import StoredGate
from tests.worlds.tokens import BEGINS_S, ENDS_S, new_token, token_key

KEY = token_key()
WRITE_S = 0.004


class GateWorld:
    """The gate of a provider, for guests."""

    def __init__(self, store: MailStore) -> None:
        self.store = store
        self.clock = Clock()
        self.clock.advance(BEGINS_S)
        self.access = clocked_access(store, MailboxRules(), clock=self.clock, write_s=WRITE_S, read_s=0.001)
        self.gate = StoredGate(Redeeming(FixedKeys([KEY]), SPENT), access=self.access, clock=self.clock)

    def spend(self, *tokens: bytes) -> list[bool]:
        results: list[bool] = []
        for token in tokens:
            self.access.write(self.gate.payment(token)).addCallback(results.append)
        assert results == []
        self.clock.advance(WRITE_S)
        return results

    @property
    def kept(self) -> int:
        return self.store.read(lambda c: int(c.execute(text("SELECT count(*) FROM spent_tokens")).scalar_one()))


@pytest.fixture
def world(store: MailStore) -> GateWorld:
    return GateWorld(store)


def test_a_token_is_spent_once_and_the_answer_waits_for_the_disk(world: GateWorld) -> None:
    one, other = (encode_token(new_token(KEY, random.Random(number))) for number in (1, 2))
    assert world.spend(one, one, other, b"forged") == [True, False, True, False]
    assert world.spend(one) == [False]
    assert world.kept == 2


def test_what_was_spent_is_forgotten_with_its_period(world: GateWorld) -> None:
    world.spend(encode_token(new_token(KEY, random.Random(1))))
    world.gate.erase_ended()
    world.clock.advance(WRITE_S)
    assert world.kept == 1
    world.clock.advance(ENDS_S - BEGINS_S)
    world.gate.erase_ended()
    world.clock.advance(WRITE_S)
    assert world.kept == 0
