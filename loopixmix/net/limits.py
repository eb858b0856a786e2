"""How much links may take: queues, times and numbers; and what counts as one address."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from loopixmix.errors import MisuseError


@dataclass(frozen=True, kw_only=True)
class LinkLimits:
    """Bounds on every link of one node; each must be positive."""

    queue_frames: int = 2048
    """Frames that wait for one peer of ours while its transport is busy; more are dropped as QUEUE_FULL."""
    incoming_queue_frames: int = 512
    """The same for a peer that dialled us and is a node of the network, or was vouched for with more frames."""
    stranger_queue_frames: int = 16
    """The same for a peer that dialled us while nobody has vouched for it: what it needs to register."""
    send_buffer_bytes: int = 32 * 1024
    """The kernel's buffer for what is sent on an incoming link; Linux takes up to twice as much for it.

    Left to itself, it grows to megabytes for a peer that reads slowly.
    """
    send_buffer_bytes_per_frame: int = 1024
    """It has so much for each frame that may wait, if that is more: a node far away could not be kept busy else."""
    waiting_frames: int = 256
    """Frames that wait for one peer while there is no link to it; more are dropped as NO_LINK."""
    waiting_s: float = 10.0
    """How long a link may be missing until the frames that wait for it are dropped as NO_LINK.

    A frame that waits for so long for a busy peer is dropped as TOO_LATE.
    """
    connect_timeout_s: float = 10.0
    handshake_timeout_s: float = 10.0
    hello_timeout_s: float = 5.0
    backoff_first_s: float = 0.25
    backoff_longest_s: float = 30.0
    stable_s: float = 10.0
    """A link open for this long was a success: the next backoff begins at its first bound."""
    goodbye_s: float = 1.0
    """How long a closing link may take to deliver the bytes that were written."""
    stuck_s: float = 30.0
    """An incoming link that cannot take more for so long is ended: its peer does not read."""
    vouch_s: float = 30.0
    """A link of a peer that is no node is ended after this time, unless somebody vouches for it."""
    grace_s: float = 1.0
    """No connection is ended for another before it had so long to prove itself.

    When many come at once, as after a restart, the oldest are those that will be links first.
    """
    silent_s: float = 60.0
    """A link on which nothing came for so long may be ended to make room for another."""
    max_links: int = 4096
    """Incoming links of peers that were vouched for; those of the network's nodes are not counted."""
    max_links_per_address: int = 512
    """The same from one IPv4 address or one IPv6 /64 network."""
    max_strangers: int = 1024
    """Incoming links of peers for which nobody has vouched yet."""
    max_strangers_per_address: int = 64
    max_opening_links: int = 512
    """Incoming connections that are not authenticated yet."""
    max_opening_links_per_address: int = 64
    """The same from one address, so that one cannot take all of them."""
    max_opening_nodes: int = 256
    """The same from addresses of the network's nodes, which have these places of their own."""
    handshakes_per_address_per_s: float = 5.0
    """So many connections a second may come from one address, on average; a handshake costs about 2 ms."""
    handshakes_per_address_burst: int = 128
    """And so many at once: many clients may share an address, and all come again after a restart."""

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
