"""A whole network of clients in memory, for the tests of applications.

`FakeNetwork` carries messages and requests between `FakeClient`s on a clock that the test moves, and loses, delays or
refuses them on demand. A fake client does what the daemon's client does, as far as `client.api` tells; the same
contract tests run on both. `docs/first-service.md` shows a test that uses it.
"""

from __future__ import annotations

from client._fake.client import FakeClient
from client._fake.post import FakeService, PostOffice

__all__ = ["FakeClient", "FakeNetwork", "FakeService"]


class FakeNetwork(PostOffice):
    """Several clients that reach each other in memory; nothing happens but by the clock."""

    def client(self, address: str = "", *, max_queued: int = 1000) -> FakeClient:
        """Add a client: with `name@provider` one that has this account, else one still to be registered."""
        client = FakeClient(self, max_queued=max_queued)
        self._clients.append(client)
        if address:
            name, _, provider = address.partition("@")
            self.add_provider(provider)
            self.open_account(client, name, provider, "")
        return client
