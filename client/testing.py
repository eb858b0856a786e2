"""A whole network of clients in memory, for the tests of applications.

`FakeNetwork` carries messages and requests between `FakeClient`s on a clock that the test moves, and loses, delays or
refuses them on demand. A fake client does what the daemon's client does, as far as `client.api` tells; the same
contract tests run on both. `FakeKeyDirectory` stands for the cards of a provider that hosts a service.
`docs/first-service.md` shows a test that uses them.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from client._fake.client import FakeClient
from client._fake.keys import FakeKeyDirectory
from client._fake.post import PostOffice
from client._fake.services import FakeService
from client.core.arguments import check_address

__all__ = ["FakeClient", "FakeKeyDirectory", "FakeNetwork", "FakeService", "wait_for"]

T = TypeVar("T")


class FakeNetwork(PostOffice):
    """Several clients that reach each other in memory; nothing happens but by the clock."""

    def client(self, address: str = "", *, max_queued: int = 1000) -> FakeClient:
        """Add a client: with `name@provider` one that has this account, otherwise one that has still to register.

        Raises `BadRequestError` if it is no address, `RegistrationRefusedError` if the name is taken there.
        """
        names = check_address(address) if address else None
        client = FakeClient(self, max_queued=max_queued)
        if names is not None:
            name, provider = names
            self.add_provider(provider)
            self.open_account(client, name, provider, "")
        self._clients.append(client)
        return client


def wait_for(awaitable: Awaitable[T], clock: Clock, *, within_s: float = 120.0, step_s: float = 0.25) -> T:
    """Move a test's clock on until `awaitable` is done; return its result or raise its error.

    Raises `TimeoutError` if that takes longer than `within_s` of the clock's seconds.
    """

    async def wait() -> T:
        return await awaitable

    results: list[T | Failure] = []
    Deferred.fromCoroutine(wait()).addBoth(results.append)
    deadline_s = clock.seconds() + within_s
    while not results and clock.seconds() < deadline_s:
        clock.advance(step_s)
    match results:
        case [Failure() as failure]:
            failure.raiseException()
        case [result]:
            return cast(T, result)
    raise TimeoutError(f"it is not done after {within_s:g} s of the clock")
