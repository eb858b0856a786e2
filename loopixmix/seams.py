"""The four seams between a node and its world: clock, randomness, network and observer.

Production puts the reactor, `random.SystemRandom` and TLS links here; simulations put a virtual clock, seeded
generators and an in-memory network. A service takes them as keyword arguments without defaults.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol, TypeAlias

import msgspec

from loopixmix.drops import DropReason, RefusalReason

Rng: TypeAlias = random.Random
"""`random.SystemRandom()` in production, `random.Random(seed)` in tests and simulations."""

Identity: TypeAlias = bytes
"""The public half of the Ed25519 key of a node, client or authority, 32 bytes.

A variable of this type is called `identity`, or by its role in the sentence (`peer`, `sender`, `recipient`,
`next_hop`, `provider`, `author`, `owner`); the private half is an `IdentityKey`, in a variable called `identity_key`.
"""


class DelayedCall(Protocol):
    """A call that has not happened yet."""

    def cancel(self) -> None:
        """Forget the call; an error if it already happened or was cancelled."""

    def active(self) -> bool:
        """Tell whether the call is still to come."""


class Clock(Protocol):
    """Time as the node sees it: Unix seconds and calls to come (a part of Twisted's `IReactorTime`)."""

    def seconds(self) -> float:
        """Return the present time in seconds since the Unix epoch."""

    def callLater(  # noqa: N802 (Twisted's name)
        self, delay: float, callable: Callable[..., object], *args: object, **kw: object
    ) -> DelayedCall:
        """Call `callable` after `delay` seconds.

        Its arguments have names, although nobody uses them: with a `/`, Twisted's own clocks would not fit.
        """


class Network(Protocol):
    """Carries fixed-size frames from this node to its peers; for what comes in, see `loopixmix.net.network`.

    Delivery is in order for each peer and may lose frames; it never blocks and never raises for a peer's fault.
    """

    def send(self, peer: Identity, frame: bytes) -> bool:
        """Queue one frame for `peer`; false (and an observed drop) if there is no link or its queue is full."""


class PacketIn(msgspec.Struct, frozen=True, gc=False):
    """A packet was unwrapped and believed; `replay_tag` names it inside this node only."""

    at_s: float
    peer: Identity
    replay_tag: bytes


class PacketOut(msgspec.Struct, frozen=True, gc=False):
    """A packet left for its next hop after its delay, `late_s` after it was due."""

    at_s: float
    next_hop: Identity
    replay_tag: bytes
    late_s: float = 0.0


class PacketDelivered(msgspec.Struct, frozen=True, gc=False):
    """A packet ended here: in a mailbox, a service, or as discarded cover."""

    at_s: float
    replay_tag: bytes


class PacketDropped(msgspec.Struct, frozen=True, gc=False):
    """A packet went no further."""

    at_s: float
    reason: DropReason


class PacketsHeld(msgspec.Struct, frozen=True, gc=False):
    """The packets that wait in this node, told anew after some that waited were lost."""

    at_s: float
    count: int


class LoopSent(msgspec.Struct, frozen=True, gc=False):
    """A loop packet of our own left."""

    at_s: float


class LoopReturned(msgspec.Struct, frozen=True, gc=False):
    """A loop of our own came back after `round_trip_s`, of which `delays_s` was drawn by us on `delay_count` hops."""

    at_s: float
    round_trip_s: float
    delays_s: float
    delay_count: int


class LoopLost(msgspec.Struct, frozen=True, gc=False):
    """A loop of our own did not come back in time; `excused`: no attack is needed to explain it."""

    at_s: float
    excused: bool = False


class LinkOpened(msgspec.Struct, frozen=True, gc=False):
    """A link to `peer` was authenticated and is ready."""

    at_s: float
    peer: Identity


class LinkClosed(msgspec.Struct, frozen=True, gc=False):
    """A link that was ready is gone."""

    at_s: float
    peer: Identity


class LinkRefused(msgspec.Struct, frozen=True, gc=False):
    """A connection never became a link, or was ended for breaking the protocol."""

    at_s: float
    reason: RefusalReason


Fact: TypeAlias = (
    PacketIn
    | PacketOut
    | PacketDelivered
    | PacketDropped
    | PacketsHeld
    | LoopSent
    | LoopReturned
    | LoopLost
    | LinkOpened
    | LinkClosed
    | LinkRefused
)


class Observer(Protocol):
    """Receives every fact; metrics, the live anonymity estimate and simulations are observers."""

    def observe(self, fact: Fact, /) -> None:
        """Take note of one fact; called on the reactor thread, must be quick and must not raise."""
