"""Who we are, where our account is, and the one link to the provider that keeps it."""

from __future__ import annotations

from typing import Protocol, cast

import msgspec
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime

from client.api import NotRegisteredError
from client.core.arguments import NO_ACCOUNT
from client.core.packets import PacketMaker
from client.core.retry import RetryPolicy
from client.link.network import KnownNetwork
from loopixmix.directory import Document, NodeEntry
from loopixmix.errors import UnavailableError
from loopixmix.net.network import FramesReceived, ReceivingNetwork
from loopixmix.params import NetworkParams
from loopixmix.seams import Clock, Identity, Rng
from loopixmix.sphinx import Sphinx
from loopixmix.wire import Frame, FrameFormat


class Account(msgspec.Struct, frozen=True):
    """Our account at a provider. A guest's has no name.

    `anywhere`: whether a guest's provider was chosen at random, so that the next one may be another.
    """

    name: str
    provider: Identity
    provider_name: str
    anywhere: bool = False

    @property
    def is_guest(self) -> bool:
        """Whether it has no name."""
        return not self.name

    @property
    def address(self) -> str:
        """The address that others write to; empty for a guest."""
        return f"{self.name}@{self.provider_name}" if self.name else ""


def _begins_s(document: Document) -> float:
    """Return from when on a clock agrees with a document: it may be slow by as much as keys count earlier."""
    return float(document.valid_from_s - document.params.grace_s)


class ProviderLink(Protocol):
    """The client's one link, as far as the network seam does not tell of it."""

    def adopt(self, frames: FrameFormat) -> None:
        """Carry these frames from now on; called before anything is sent in them."""

    def connect(self, provider: NodeEntry) -> None:
        """Keep a link to this provider from now on, and to no other."""

    def is_open(self, provider: Identity) -> bool:
        """Tell whether a frame for the provider would go out now."""

    def problem(self, provider: Identity) -> str | None:
        """Say in one line why there is no link; None if there is nothing to say."""

    def let_read(self, provider: Identity, reads: bool) -> None:
        """Read what comes from the provider, or let it wait there; a new link is read."""


class Membership(msgspec.Struct, frozen=True):
    """The facts needed to store a message: the account; the figures, packets and answers' times of the network.

    `document`: its newest one, None if none came since the start.
    """

    account: Account
    params: NetworkParams
    sphinx: Sphinx
    policy: RetryPolicy
    document: Document | None = None


class Session:
    """The account and the network, which all parts of a client need; both are replaced as time goes."""

    def __init__(
        self,
        *,
        identity: Identity,
        known: KnownNetwork,
        network: ReceivingNetwork,
        link: ProviderLink,
        clock: Clock,
        rng: Rng,
    ) -> None:
        """Begin without an account.

        `identity`: our identity key; `known`: the network as its documents describe it; `network`: carries frames;
        `link`: tells of the one link that they go by; `rng`: draws the paths and delays of packets.
        """
        self.identity = identity
        self.known = known
        self.account: Account | None = None
        self._clock = clock
        self._network = network
        self._link = link
        self._rng = rng
        self._maker: PacketMaker | None = None
        self._waiting: list[Deferred[Document]] = []

    @property
    def now_s(self) -> float:
        """The time, for parts that need no clock otherwise."""
        return self._clock.seconds()

    @property
    def dated_s(self) -> float:
        """The time by which what is stored gets its date: while the clock is behind the network, the earliest possible.

        By a clock that lost its battery a message would be fifty years old as soon as it is set right, and too old.
        """
        document = self.known.document
        return self.now_s if document is None else max(self.now_s, _begins_s(document))

    def start(self, received: FramesReceived) -> None:
        """Give what arrives over the link to `received`."""
        self._network.start(received)

    def adopt(self, document: Document) -> None:
        """Go on with a new network document, which was accepted."""
        packet_format = self.known.take(document)
        self._link.adopt(packet_format.frames)
        self._refresh()
        for each in tuple(self._waiting):
            each.callback(document)

    def open_account(self, account: Account) -> None:
        """Go on with an account."""
        self.account = account
        self.known.reside(account.provider)
        self._refresh()

    def registered(self) -> Membership:
        """Return what it takes to take a message; raise `NotRegisteredError` if there is no account yet."""
        known = self.known
        if self.account is None or known.params is None or known.packet_format is None:
            raise NotRegisteredError(NO_ACCOUNT)
        return Membership(self.account, known.params, known.packet_format.sphinx, known.policy, known.document)

    async def arrival(self, patience_s: float) -> Document:
        """Return the network document, as soon as there is one; raise `UnavailableError` after `patience_s`."""
        if self.known.document is not None:
            return self.known.document
        waiting: Deferred[Document] = Deferred()
        self._waiting.append(waiting)
        try:
            return await waiting.addTimeout(patience_s, cast("IReactorTime", self._clock))
        except (CancelledError, TimeoutError):
            raise UnavailableError("there is no network document: the authorities cannot be reached") from None
        finally:
            self._waiting.remove(waiting)

    def stop(self) -> None:
        """End every wait for a document."""
        for each in tuple(self._waiting):
            each.cancel()

    @property
    def is_time_agreed(self) -> bool:
        """Whether the network agrees about the time, so that what has expired by the clock has expired indeed."""
        # A clock set ten days ahead would otherwise give up all messages at once.
        document, now_s = self.known.document, self.now_s
        return document is not None and document.agrees_with(now_s)

    def maker(self) -> PacketMaker | None:
        """Return what makes packets now; None without an account, a valid document, or our provider in it."""
        if self._maker is None or self.now_s >= self._maker.document.valid_until_s:
            return None
        return self._maker

    def retry_in_s(self, attempt: int) -> float:
        """Return how long to wait for the answer to the attempt 1, 2, ...; a part of that is random."""
        return self.known.policy.timeout_s(attempt, self._rng.random())

    def connect(self, provider: NodeEntry) -> None:
        """Keep a link to this provider."""
        self._link.connect(provider)

    def is_linked(self) -> bool:
        """Tell whether there is a link to the provider of our account."""
        return self.account is not None and self._link.is_open(self.account.provider)

    def let_read(self, reads: bool) -> None:
        """Let the link to our provider be read, or rest."""
        if self.account is not None:
            self._link.let_read(self.account.provider, reads)

    def send(self, frame: Frame, *, to: Identity | None = None) -> bool:
        """Send a frame to our provider, or to one where we have no account yet; false without a link."""
        provider = to or (self.account.provider if self.account else None)
        packet_format = self.known.packet_format
        if provider is None or packet_format is None or not self._link.is_open(provider):
            return False
        return self._network.send(provider, packet_format.frames.encode(frame))

    @property
    def problem(self) -> str | None:
        """One line about what keeps us from sending, None if nothing does."""
        document = self.known.document
        if document is None:
            return "there is no network document yet"
        if self.now_s >= document.valid_until_s:
            return (
                f"the network document has expired, {self.now_s - document.valid_until_s:.0f} s ago by this machine's "
                "clock: the clock is ahead, or the authorities cannot be reached"
            )
        if self.account is None:
            return NO_ACCOUNT
        if document.node(self.account.provider) is None:
            return f"the provider {self.account.provider_name} is not part of the network now"
        if not self.is_linked():
            reason = self._link.problem(self.account.provider)
            because = f" ({reason})" if reason is not None else ""
            return f"there is no link to the provider {self.account.provider_name}{because}; messages wait"
        if self.now_s < _begins_s(document):
            return (
                f"this machine's clock is at least {document.valid_from_s - self.now_s:.0f} s behind the network: set "
                "it right"
            )
        return None

    def _refresh(self) -> None:
        self._maker = None
        document, packet_format = self.known.document, self.known.packet_format
        if document is None or packet_format is None or self.account is None:
            return
        entry = document.node(self.account.provider)
        if entry is not None:
            self.connect(entry)
            self._maker = PacketMaker(document, packet_format.sphinx, self.identity, self.account.provider, self._rng)
