"""What the bridge's connections use of Twisted's transports."""

from __future__ import annotations

from typing import Protocol


class Wire(Protocol):
    """The part of Twisted's transports that is used: TCP, or TLS over it."""

    def write(self, data: bytes, /) -> None:
        """Send."""

    def loseConnection(self) -> None:  # noqa: N802 (Twisted's name)
        """Close, once all is sent."""

    def abortConnection(self) -> None:  # noqa: N802
        """Close at once."""

    def pauseProducing(self) -> None:  # noqa: N802
        """Read no more for now."""

    def resumeProducing(self) -> None:  # noqa: N802
        """Read on."""

    def registerProducer(self, producer: object, streaming: bool) -> None:  # noqa: N802
        """Tell `producer` when to write no more for now, and when to go on."""

    def unregisterProducer(self) -> None:  # noqa: N802
        """Tell it nothing any more."""

    def startTLS(self, context: object, /) -> None:  # noqa: N802
        """Begin TLS."""
