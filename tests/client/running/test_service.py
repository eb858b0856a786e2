from __future__ import annotations

from collections.abc import Awaitable, Iterator
from typing import TypeVar

import pytest

from loopixmix.cards import SealingKey, encode_card, make_card
from loopixmix.keys import IdentityKey
from tests.worlds.clients.callbacks import CallbackContract
from tests.worlds.clients.contract import ALICE, BOB, ClientContract
from tests.worlds.clients.refusals import RefusalContract
from tests.worlds.clients.world import World
from tests.worlds.networks.offers import mail_offer

T = TypeVar("T")


class ContractWorld:
    """Three real clients in a network in memory; one has a slow disk."""

    def __init__(self) -> None:
        self.world = World()
        self.alice = self.world.person(ALICE).client
        self.bob = self.world.person(BOB, work_s=0.03).client
        self.stranger = self.world.person().client

    def run(self, awaitable: Awaitable[T]) -> T:
        return self.world.run(awaitable)

    def pass_time(self) -> None:
        self.world.clock.run_for(8)

    def now_s(self) -> float:
        return self.world.clock.seconds()

    def change_key_of_bob(self) -> None:
        away = self.world.providers["away"]
        [mailbox] = [mailbox for mailbox in away.mailboxes.values() if mailbox.name == "bob"]
        identity_key, sealing = IdentityKey.generate(self.world.rng), SealingKey.generate(self.world.rng)
        card = make_card(identity_key, name="bob", provider=away.model.id, sealing_key=sealing.public, now_s=0)
        mailbox.card = encode_card(card)

    def name_domain(self, domain: str, provider: str, gateway: str = "") -> None:
        self.forget_domain(domain)
        self.world.offer(provider, mail_offer({domain: gateway or None}))

    def forget_domain(self, domain: str) -> None:
        for provider in ("home", "away"):
            self.world.offer(provider, mail_offer())


@pytest.fixture
def world() -> Iterator[ContractWorld]:
    contract = ContractWorld()
    yield contract
    contract.world.stop()


class TestClientService(ClientContract, RefusalContract, CallbackContract):
    """The contracts."""
