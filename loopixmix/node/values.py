"""What a node is made from: its role, its files, and what its process gives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loopixmix.directory import Role, TrustRoot
from loopixmix.errors import LoopixmixError
from loopixmix.following.fetcher import DocumentFetcher
from loopixmix.keys import IdentityKey
from loopixmix.net.sockets import Sockets
from loopixmix.node.config import NodeConfig
from loopixmix.node.running import MakeService
from loopixmix.seams import Clock, Rng
from loopixmix.wire import LinkRole


@dataclass(frozen=True, kw_only=True)
class NodeKind:
    """What one role of node differs in from another.

    `link_role`: what it is on its links, which says who may connect. `services`: names for the network document.
    """

    role: Role
    link_role: LinkRole
    make_service: MakeService
    services: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NodeWorld:
    """What a node process gets from outside: clock, randomness, sockets, a way to the authorities.

    `call_from_thread` is the reactor's. `fail` ends the process and tells why.
    """

    clock: Clock
    rng: Rng
    sockets: Sockets
    fetcher: DocumentFetcher
    call_from_thread: Callable[..., object]
    fail: Callable[[LoopixmixError], None]


@dataclass(frozen=True, kw_only=True)
class NodeFiles:
    """What was read from a node's directory."""

    directory: Path
    config: NodeConfig
    trust_root: TrustRoot
    identity_key: IdentityKey
