"""A fake network with three clients, for the contract tests and those of the HTTP interface."""

from __future__ import annotations

import random
from collections.abc import Awaitable
from typing import TypeVar

from twisted.internet.task import Clock

from client.testing import FakeNetwork
from tests.worlds.clients.contract import ALICE, BOB, run_with

T = TypeVar("T")


class Echo:
    """Answers what it was asked."""

    name = "echo"

    async def answer(self, body: bytes) -> bytes:
        return body


class FakeWorld:
    """Three fake clients on a clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.network = FakeNetwork(clock=self.clock, rng=random.Random(1))
        self.alice, self.bob = self.network.client(ALICE), self.network.client(BOB)
        self.stranger = self.network.client()
        self.network.add_service(Echo(), provider="home")
        self.network.add_service(Echo(), provider="away")

    def run(self, awaitable: Awaitable[T]) -> T:
        return run_with(awaitable, lambda: self.clock.advance(0.5))

    def pass_time(self) -> None:
        self.clock.pump([0.25] * 20)

    def now_s(self) -> float:
        return self.clock.seconds()

    def change_key_of_bob(self) -> None:
        self.network.change_key(BOB)

    def name_domain(self, domain: str, provider: str, gateway: str = "") -> None:
        self.network.add_domain(domain, provider, gateway)

    def forget_domain(self, domain: str) -> None:
        self.network.remove_domain(domain)
