"""A member of the network, as the post office and the fake clients know each other."""

from __future__ import annotations

from typing import Protocol

from client.api import MessageId
from loopixmix.seams import Identity


class Member(Protocol):
    """A client as the post office and its correspondents see it."""

    address: str
    """Empty before it has an account."""
    identity: Identity
    """Its public key, which a test may change."""

    def tell(self) -> None:
        """Tell the listeners that there is news."""

    def leave_all(self) -> None:
        """Send what is still queued."""

    def stop(self) -> None:
        """Call no callback any more."""

    def receive(self, message_id: MessageId, body: bytes, *, kind: str, sender: Member, anonymous: bool) -> None:
        """Put a message into the inbox, once."""
