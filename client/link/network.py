"""The network as its documents describe it."""

from __future__ import annotations

from client.core.retry import RetryPolicy, round_trip_policy
from client.link.floors import Acceptance, faults, unfit
from loopixmix.directory import Document
from loopixmix.params import NetworkParams
from loopixmix.routing.packets import PacketFormat
from loopixmix.seams import Identity
from loopixmix.sphinx import Arithmetic


class KnownNetwork:
    """The newest network document, and what follows from its figures.

    The figures stay known while there is no document, so that messages can be stored in the right lengths.
    """

    def __init__(
        self,
        *,
        identity: Identity,
        is_gateway: bool,
        acceptance: Acceptance,
        arithmetic: Arithmetic,
        longest_retry_s: float,
    ) -> None:
        """Know nothing yet.

        `identity`: our key; `is_gateway`: whether our user wants the rates of a gateway, if our provider lists them for
        us; `acceptance`: which networks we take part in; `arithmetic`: what packets are computed with;
        `longest_retry_s`: after what time without an answer a packet is sent again at the latest.
        """
        self.document: Document | None = None
        self.params: NetworkParams | None = None
        """The network's figures, as they are for us."""
        self.network_params: NetworkParams | None = None
        """The network's figures, as they are for most clients."""
        self.packet_format: PacketFormat | None = None
        self.policy = RetryPolicy(first_s=60.0, longest_s=3600.0)
        self._identity = identity
        self._is_gateway = is_gateway
        self._provider: Identity | None = None
        self.acceptance = acceptance
        self.refusal: str | None = None
        """Why the newest document is not used, None if it is."""
        self._shortcomings: list[str] = []
        self._is_listed = False
        self._arithmetic = arithmetic
        self._longest_retry_s = longest_retry_s
        self._newest_epoch = -1

    @property
    def problem(self) -> str | None:
        """One line about what is wrong with the document that is used; None if nothing is."""
        if self._shortcomings:
            return (
                f"this network does not protect you: {'; '.join(self._shortcomings)} would be needed, and floors = "
                '"warn" in client.toml lets it pass'
            )
        if self._is_listed and not self._is_gateway:
            return (
                "the provider lists this client as a gateway, with rates of its own: they would show who it is, and "
                "are used only with gateway = true in client.toml"
            )
        return None

    def reside(self, provider: Identity) -> None:
        """Hear at which provider our account is: what that one says of us counts."""
        self._provider = provider
        if self.document is not None:
            self._take_figures(self.document)

    def restore(self, params: NetworkParams | None, newest_epoch: int) -> None:
        """Take up what was known in the last run, unless a document came first."""
        if self.params is None and params is not None:
            self.network_params = params
            self._take_params(params)
        self._newest_epoch = max(self._newest_epoch, newest_epoch)

    def accepts(self, document: Document) -> bool:
        """Tell whether a document may be used.

        One that is older than the newest seen may not, and neither may one of a network that we take no part in.
        """
        reason = self._refusal_of(document)
        self.refusal = (
            None if reason is None else f"the network document of epoch {document.epoch} is not used: {reason}"
        )
        return reason is None

    def is_news(self, document: Document) -> bool:
        """Tell whether a document that is accepted says what the next run must know."""
        return document.epoch > self._newest_epoch or document.params != self.network_params

    def take(self, document: Document) -> PacketFormat:
        """Go on with a document that is accepted; return the packets it asks for."""
        self.document, self._newest_epoch = document, document.epoch
        self.network_params = document.params
        self._shortcomings = faults(document) if self.acceptance is Acceptance.WARN else []
        return self._take_figures(document)

    def _refusal_of(self, document: Document) -> str | None:
        if document.epoch < self._newest_epoch:
            return "it is older than one seen before"
        if self.acceptance is Acceptance.ANY:
            return None
        own = self._listed_figures(document) if self._is_gateway else document.params
        reason = unfit(own)
        if reason is None and self.acceptance is Acceptance.REFUSE and (shortcomings := faults(document)):
            reason = f"this network would not protect you: {'; '.join(shortcomings)} would be needed"
        return reason

    def _listed_figures(self, document: Document) -> NetworkParams:
        # Another provider might list us as well: only our own one answers our pulls, and knows us anyway.
        return document.params if self._provider is None else document.figures_of(self._provider, self._identity)

    def _take_figures(self, document: Document) -> PacketFormat:
        figures = self._listed_figures(document)
        self._is_listed = figures is not document.params
        own = figures if self._is_gateway else document.params
        self.policy = round_trip_policy(own, longest_s=self._longest_retry_s)
        return self._take_params(own)

    def _take_params(self, params: NetworkParams) -> PacketFormat:
        self.params = params
        self.packet_format = PacketFormat.for_network(params, arithmetic=self._arithmetic)
        return self.packet_format
