"""How much links may take: queues, times and numbers, and the count of incoming links that is held against them."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass

from loopixmix.errors import MisuseError


@dataclass(frozen=True, kw_only=True)
class LinkLimits:
    """Bounds on every link of one node; each must be positive."""

    queue_frames: int = 2048
    """Frames that wait for one peer of ours while its transport is busy; more are dropped as QUEUE_FULL."""
    incoming_queue_frames: int = 512
    """The same for a peer that dialled us, as clients do: many more may come, so that each gets less."""
    waiting_frames: int = 256
    """Frames that wait for one peer while there is no link to it; more are dropped as NO_LINK."""
    waiting_s: float = 10.0
    """How long a link may be missing until the frames that wait for it are dropped as NO_LINK."""
    connect_timeout_s: float = 10.0
    handshake_timeout_s: float = 10.0
    hello_timeout_s: float = 5.0
    backoff_first_s: float = 0.25
    backoff_longest_s: float = 30.0
    stable_s: float = 10.0
    """A link open for this long was a success: the next backoff begins at its first bound."""
    goodbye_s: float = 1.0
    """How long a closing link may take to deliver the bytes that were written."""
    max_links: int = 4096
    """Incoming links that are open at one time."""
    max_opening_links: int = 512
    """Incoming connections that are not authenticated yet."""
    max_opening_links_per_address: int = 64
    """The same from one address, so that one cannot take all of them."""
    max_links_per_address: int = 512
    """Incoming connections, opening or open, from one IPv4 address or one IPv6 /64 network."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise MisuseError(f"{name} must be positive, not {value}")


def address_group(host: str) -> str:
    """Return the name under which an address is counted: an IPv4 address, an IPv6 /64 network, or the name itself."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    # A listener for both families sees IPv4 callers like this; each would otherwise share one /64 with all others.
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    # One customer gets a whole /64 at least: counted one by one, its addresses would never reach a bound.
    return str(ipaddress.ip_network((address, 64), strict=False))


class Census:
    """Counts incoming links, opening and open, in all and from each address."""

    def __init__(self, limits: LinkLimits) -> None:
        """`limits`: the bounds that counts are held against."""
        self._limits = limits
        self._opening: Counter[str] = Counter()
        self._open: Counter[str] = Counter()

    @property
    def opening(self) -> int:
        """Connections that are not links yet."""
        return self._opening.total()

    @property
    def open(self) -> int:
        """Links."""
        return self._open.total()

    def enter(self, host: str) -> bool:
        """Count a new connection in, unless there are too many; only a connection that entered may open or leave."""
        group = address_group(host)
        limits = self._limits
        if (
            self.open >= limits.max_links
            or self.opening >= limits.max_opening_links
            or self._opening[group] >= limits.max_opening_links_per_address
            or self._opening[group] + self._open[group] >= limits.max_links_per_address
        ):
            return False
        self._opening[group] += 1
        return True

    def opened(self, host: str) -> None:
        """Count one connection as an open link."""
        group = address_group(host)
        _take_one(self._opening, group)
        self._open[group] += 1

    def leave(self, host: str, *, was_open: bool) -> None:
        """Count one connection out."""
        _take_one(self._open if was_open else self._opening, address_group(host))


def _take_one(counter: Counter[str], group: str) -> None:
    counter[group] -= 1
    if not counter[group]:
        del counter[group]
