"""A service that repeats each request, to see that requests work."""

from __future__ import annotations

from provider.api import ServiceContext


class EchoService:
    """Answers a request with its own body."""

    name = "echo"

    def __init__(self, context: ServiceContext) -> None:
        """`context`: the same for every service; this one needs nothing of it."""

    async def answer(self, body: bytes) -> bytes:
        """Return `body`."""
        return body
