"""Senders who claim to be a contact, while another key than the contact's signed their message."""

from __future__ import annotations

from loopixmix.bounds import BoundedMap

MAX_IMPOSTORS = 100


class Impostors:
    """The contacts whose address somebody with another key has used; each until its user has looked at the key."""

    def __init__(self) -> None:
        """Begin without any."""
        self._addresses: BoundedMap[str, None] = BoundedMap(MAX_IMPOSTORS)

    @property
    def problem(self) -> str | None:
        """One line for the user about the newest one, None while there is none."""
        if not self._addresses:
            return None
        return (
            f"a message claims to be from {next(reversed(self._addresses))}, but another key signed it: compare keys "
            "with them, and accept theirs"
        )

    def note(self, address: str) -> None:
        """Note that somebody claims to be the contact `address`."""
        self._addresses[address] = None
        self._addresses.move_to_end(address)

    def settled(self, address: str) -> None:
        """Note that the user has accepted a key of the contact `address`, or has forgotten the contact."""
        self._addresses.pop(address, None)
