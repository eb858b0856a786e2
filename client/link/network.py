"""The network as its documents describe it."""

from __future__ import annotations

from client.core.retry import RetryPolicy, round_trip_policy
from loopixmix.directory import Document
from loopixmix.params import NetworkParams
from loopixmix.routing.packets import PacketFormat
from loopixmix.sphinx import Arithmetic


class KnownNetwork:
    """The newest network document, and what follows from its figures.

    The figures stay known while there is no document, so that messages can be stored in the right lengths.
    """

    def __init__(self, *, arithmetic: Arithmetic, longest_retry_s: float) -> None:
        """Know nothing yet.

        `arithmetic`: what packets are computed with; `longest_retry_s`: after what time without an answer a packet is
        sent again at the latest.
        """
        self.document: Document | None = None
        self.params: NetworkParams | None = None
        self.packet_format: PacketFormat | None = None
        self.policy = RetryPolicy(first_s=60.0, longest_s=3600.0)
        self.problem: str | None = None
        """One line about a document that is not used, None if the last one is."""
        self._arithmetic = arithmetic
        self._longest_retry_s = longest_retry_s
        self._newest_epoch = -1

    def restore(self, params: NetworkParams | None, newest_epoch: int) -> None:
        """Take up what was known in the last run, unless a document came first."""
        if self.params is None and params is not None:
            self._take_params(params)
        self._newest_epoch = max(self._newest_epoch, newest_epoch)

    def accepts(self, document: Document) -> bool:
        """Tell whether a document may be used: one that is older than the newest seen may not."""
        if document.epoch < self._newest_epoch:
            self.problem = "the network document is older than one seen before: it is not used"
            return False
        self.problem = None
        return True

    def is_news(self, document: Document) -> bool:
        """Tell whether a document that is accepted says what the next run must know."""
        return document.epoch > self._newest_epoch or document.params != self.params

    def take(self, document: Document) -> PacketFormat:
        """Go on with a document that is accepted; return the packets it asks for."""
        self.document, self._newest_epoch = document, document.epoch
        self.policy = round_trip_policy(document.params, longest_s=self._longest_retry_s)
        return self._take_params(document.params)

    def _take_params(self, params: NetworkParams) -> PacketFormat:
        self.params = params
        self.packet_format = PacketFormat.for_network(params, arithmetic=self._arithmetic)
        return self.packet_format
