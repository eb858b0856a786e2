"""The places of connections on which nobody has logged in yet: few, and only some of them for one device."""

from __future__ import annotations

from ipaddress import ip_address

from twisted.internet.interfaces import IAddress

SHARE = 4
"""One device takes a quarter of the places at most: otherwise one that is lost or broken would keep out all others."""


class WaitingPlaces:
    """Who waits to log in, and from where."""

    def __init__(self, most: int) -> None:
        """`most`: places in all."""
        self._most = most
        self._taken: dict[object, str] = {}

    def has_one_for(self, host: str) -> bool:
        """Tell whether one more may come from there. All programs of this machine come from one address."""
        if len(self._taken) >= self._most:
            return False
        return is_here(host) or list(self._taken.values()).count(host) < self._most // SHARE

    def take(self, connection: object, host: str) -> None:
        """Note that a connection waits."""
        self._taken[connection] = host

    def leave(self, connection: object) -> None:
        """Note that it waits no more; a second time changes nothing."""
        self._taken.pop(connection, None)


def host_of(address: IAddress | None) -> str:
    """Return where a connection comes from; empty if that is not known."""
    return str(getattr(address, "host", ""))


def is_here(host: str) -> bool:
    """Tell whether an address is this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return not host
