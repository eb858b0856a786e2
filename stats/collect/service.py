"""The collector as a hosted service: respondents send reports, and ask for questionnaires, anonymously."""

from __future__ import annotations

from typing import Protocol

from loopixmix.errors import FormatError
from provider.api import Declaration, ServiceRefusedError
from stats.collect.collector import Collector
from stats.collect.lane import CollectorLane
from stats.collect.refusals import REFUSAL
from stats.collect.requests import ACCEPTED, SERVICE, AskedOfCollector, decode_asked


class ShareTaking(Protocol):
    """Takes shares of relays' counters (docs/protocol/stats.md, 7)."""

    async def take(self, share: bytes) -> bool:
        """Take a share, durably; the same one once. False if it does not count."""


class NoShares:
    """A collector that takes no shares of counters."""

    async def take(self, share: bytes) -> bool:  # noqa: ARG002 (whatever it is)
        """Refuse it."""
        return False


class CollectorService:
    """Answers respondents. It runs on the reactor, and waits for the collector's thread."""

    name = SERVICE
    # A report that comes again is known by itself, and all other requests change nothing.
    declaration = Declaration(
        at_once=4096, queue=8192, assemblies=8192, assembly_bytes=64 * 1024 * 1024, recognises_repetition=True
    )

    def __init__(self, collector: Collector, lane: CollectorLane, shares: ShareTaking) -> None:
        """`lane`: of `collector`. All are stopped by whoever made them."""
        self._collector = collector
        self._lane = lane
        self._shares = shares

    async def answer_again(self, repetition_key: bytes, body: bytes) -> bytes:  # noqa: ARG002 (the body tells)
        """Return the answer to a request. Every refusal is the same."""
        try:
            kind, rest = decode_asked(body)
        except FormatError:
            # Counted as a report that has not its form.
            kind, rest = AskedOfCollector.REPORT, b""
        answer = await self._answer(kind, rest)
        if answer is None:
            raise ServiceRefusedError(REFUSAL)
        return answer

    async def _answer(self, kind: AskedOfCollector, body: bytes) -> bytes | None:
        match kind:
            case AskedOfCollector.REPORT:
                return ACCEPTED if await self._lane.take(body) is None else None
            case AskedOfCollector.SHARE:
                return ACCEPTED if await self._shares.take(body) else None
            case AskedOfCollector.QUESTIONNAIRE:
                return self._collector.questionnaire(body)
