"""Who we are, where our account is, and the network as it is now."""

from __future__ import annotations

from typing import Protocol

import msgspec
from twisted.internet.defer import CancelledError, Deferred

from client.core.packets import PacketMaker
from loopixmix.directory import Document, NodeEntry
from loopixmix.errors import UnavailableError
from loopixmix.routing.packets import PacketFormat
from loopixmix.seams import Clock, Network, NodeId, Rng
from loopixmix.wire import Frame, FrameFormat


class Account(msgspec.Struct, frozen=True):
    """Our account at a provider."""

    name: str
    provider: NodeId
    provider_name: str

    @property
    def address(self) -> str:
        """Where others write to."""
        return f"{self.name}@{self.provider_name}"


class ProviderLink(Protocol):
    """The client's one link, as far as the network seam does not tell of it."""

    def adopt(self, frames: FrameFormat) -> None:
        """Carry these frames from now on; called before anything is sent in them."""

    def connect(self, provider: NodeEntry) -> None:
        """Keep a link to this provider from now on, and to no other."""

    def is_open(self, provider: NodeId) -> bool:
        """Tell whether a frame for the provider would go out now."""

    def problem(self, provider: NodeId) -> str:
        """Say in one line why there is no link, empty where there is nothing to say."""


class Session:
    """What all parts of a client need to know: the account and the network document, both replaced as time goes."""

    def __init__(self, *, identity: NodeId, network: Network, link: ProviderLink, clock: Clock, rng: Rng) -> None:
        """Begin without account and document."""
        self.identity = identity
        self.account: Account | None = None
        self.document: Document | None = None
        self.packet_format: PacketFormat | None = None
        """The packets of this network, once there is a document."""
        self._clock = clock
        self._network = network
        self._link = link
        self._rng = rng
        self._maker: PacketMaker | None = None
        self._waiting: list[Deferred[Document]] = []

    def adopt(self, document: Document, packet_format: PacketFormat) -> None:
        """Go on with a new network document and the packets it asks for."""
        self.document = document
        self.packet_format = packet_format
        self._link.adopt(packet_format.frames)
        self._refresh()
        for each in tuple(self._waiting):
            each.callback(document)

    def open_account(self, account: Account) -> None:
        """Go on with an account."""
        self.account = account
        self._refresh()

    async def arrival(self, patience_s: float) -> Document:
        """Return the network document, as soon as there is one; raise `UnavailableError` after `patience_s`."""
        if self.document is not None:
            return self.document
        waiting: Deferred[Document] = Deferred()
        limit = self._clock.callLater(patience_s, waiting.cancel)
        self._waiting.append(waiting)
        try:
            return await waiting
        except CancelledError:
            raise UnavailableError("there is no network document: the authorities cannot be reached") from None
        finally:
            self._waiting.remove(waiting)
            if limit.active():
                limit.cancel()

    def stop(self) -> None:
        """Let nobody wait any more."""
        for each in tuple(self._waiting):
            each.cancel()

    def maker(self, now_s: float) -> PacketMaker | None:
        """Return what makes packets now; None without an account, a valid document, or our provider in it."""
        if self._maker is None or now_s >= self._maker.document.valid_until_s:
            return None
        return self._maker

    def connect(self, provider: NodeEntry) -> None:
        """Keep a link to this provider."""
        self._link.connect(provider)

    def is_linked(self) -> bool:
        """Tell whether there is a link to the provider of our account."""
        return self.account is not None and self._link.is_open(self.account.provider)

    def send(self, frame: Frame, *, to: NodeId | None = None) -> bool:
        """Send a frame to our provider, or to one where we have no account yet; false without a link."""
        provider = to or (self.account.provider if self.account else None)
        if provider is None or self.packet_format is None or not self._link.is_open(provider):
            return False
        return self._network.send(provider, self.packet_format.frames.encode(frame))

    def problem(self, now_s: float) -> str:
        """Say in one line what keeps us from sending, empty where nothing does."""
        if self.document is None:
            return "there is no network document yet"
        if now_s >= self.document.valid_until_s:
            return "the network document has expired: the authorities cannot be reached, or the clock is wrong"
        if self.account is None:
            return "there is no account yet: register first"
        if self.document.node(self.account.provider) is None:
            return f"the provider {self.account.provider_name} is not part of the network now"
        if not self.is_linked():
            reason = self._link.problem(self.account.provider)
            because = f" ({reason})" if reason else ""
            return f"there is no link to the provider {self.account.provider_name}{because}; messages wait"
        return ""

    def _refresh(self) -> None:
        self._maker = None
        if self.document is None or self.packet_format is None or self.account is None:
            return
        entry = self.document.node(self.account.provider)
        if entry is not None:
            self.connect(entry)
            self._maker = PacketMaker(
                self.document, self.packet_format.sphinx, self.identity, self.account.provider, self._rng
            )
