"""A service that repeats each request, to see that requests work."""

from __future__ import annotations

from provider.api import ServiceContext


class EchoService:
    """Answers a request with its own body."""

    name = "echo"

    def __init__(self, context: ServiceContext) -> None:
        """Take the context of every service, of which this one needs nothing."""

    async def answer(self, body: bytes) -> bytes:
        """Return `body`."""
        return body
