"""A service that says what it was told, to see that requests work."""

from __future__ import annotations

from provider.api import ServiceContext


class EchoService:
    """Answers a request with its own body."""

    name = "echo"

    def __init__(self, context: ServiceContext) -> None:
        """Needs nothing."""

    async def answer(self, body: bytes) -> bytes:
        """Return `body`."""
        return body
