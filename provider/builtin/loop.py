"""The service at which loops turn round: those of clients, mixes and providers alike."""

from __future__ import annotations

from provider.api import ServiceContext


class LoopService:
    """Answers every packet with an empty payload, whatever is in it.

    A loop is known to its maker by the reply block alone. Here all of them look and are treated the same.
    """

    name = "loop"

    def __init__(self, context: ServiceContext) -> None:
        """`context`: the same for every service; this one needs nothing of it."""

    def reply(self, payload: bytes) -> bytes:  # noqa: ARG002 (nothing may depend on it)
        """Return the empty payload."""
        # An answer that depended on the payload, if only on its length, would tell one loop from another.
        return b""
