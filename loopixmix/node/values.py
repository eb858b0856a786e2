"""The values that a node is made from: its role, its files, and the seams that its process gives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loopixmix.directory import MailOffer, Role, TrustRoot
from loopixmix.errors import LoopixmixError
from loopixmix.following.fetcher import DocumentFetcher
from loopixmix.keys import IdentityKey
from loopixmix.net.sockets import Sockets
from loopixmix.node.config import NodeConfig
from loopixmix.node.running_node import MakeService
from loopixmix.process.wallclock import ClockWatch
from loopixmix.seams import Clock, Rng
from loopixmix.tokens import TokenKey
from loopixmix.wire import LinkRole


@dataclass(frozen=True, kw_only=True)
class NodeKind:
    """The differences of one role of node from another.

    `link_role`: its role on links, which decides which peers may connect. `services`: names for the network document.
    `token_keys`: gives, for a directory and time, the keys of the tokens that a node there issues, for the document.
    `mail`: what it offers to mail, if it is a provider.
    """

    role: Role
    link_role: LinkRole
    make_service: MakeService
    services: tuple[str, ...] = ()
    token_keys: Callable[[Path, float], Sequence[TokenKey]] = lambda _directory, _now_s: ()
    mail: MailOffer | None = None


@dataclass(frozen=True, kw_only=True)
class NodeWorld:
    """The outside of a node: clock, randomness, sockets, a way to the authorities.

    `clock_watch` tells whoever listens that the clock was set. `call_from_thread` is the reactor's. `fail` ends the
    process and tells why.
    """

    clock: Clock
    clock_watch: ClockWatch
    rng: Rng
    sockets: Sockets
    fetcher: DocumentFetcher
    call_from_thread: Callable[..., object]
    fail: Callable[[LoopixmixError], None]


@dataclass(frozen=True, kw_only=True)
class NodeFiles:
    """The files of a node's directory, as they were read at the start."""

    directory: Path
    config: NodeConfig
    trust_root: TrustRoot
    identity_key: IdentityKey
