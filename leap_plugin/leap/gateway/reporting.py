"""Telling senders that their mail was not delivered: a notification (RFC 3464), through the network.

It goes to the address that the sender signed with, or by the reply blocks of an anonymous one while they are fresh.
Nothing of a mail is returned but its Message-ID: the rest is not kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from twisted.logger import Logger

from client.api import Client
from leap_plugin.mail.addresses import AddressError, mail_address_of
from leap_plugin.mail.reports import Notice, Submission, notification
from leap_plugin.mail.splitting import bodies_of
from leap_plugin.mail.states import DsnAction
from loopixmix.bounds import BucketsByKey
from loopixmix.errors import LoopixmixError
from loopixmix.seams import Clock, Rng

MAIL_KIND = "mail"
RATE_PER_S, BURST, MAX_SENDERS = 1 / 600, 5, 10_000
"""Somebody who signs with an address that is not theirs has its owner told at most so often."""

_log = Logger()


@dataclass(frozen=True, kw_only=True)
class FailedMail:
    """A mail that is not delivered. `sender`: an address of the network, or a way to reply; empty for nobody."""

    blob_id: str
    sender: str = field(repr=False)
    recipient: str = field(repr=False)
    message_id: str = field(repr=False)
    arrived_at_s: float


class FailureReports:
    """Sends notifications from the null sender; what cannot be sent is left."""

    def __init__(self, client: Client, *, domains: frozenset[str], clock: Clock, rng: Rng) -> None:
        """`domains`: those of the gateway; the first one names it."""
        self._client = client
        self._domains = domains
        self._clock = clock
        self._rng = rng
        self._buckets: BucketsByKey[str] = BucketsByKey(RATE_PER_S, BURST, capacity=MAX_SENDERS)

    async def report(self, failed: FailedMail, *, status: str, reason: str) -> None:
        """Tell the sender, once for each mail, if it may and can be told. `status`: of RFC 3463, such as `5.2.2`."""
        if not failed.sender or not self._buckets.take(failed.sender, self._clock.seconds()):
            return
        try:
            await self._send(failed, status, reason)
        except LoopixmixError as error:
            # The sender's client may be gone, or its reply blocks too old. There is no other way to it.
            _log.debug("a sender could not be told: {kind}", kind=type(error).__name__)

    async def _send(self, failed: FailedMail, status: str, reason: str) -> None:
        now_s, reply_by_blocks = self._clock.seconds(), failed.sender.startswith("reply:")
        try:
            network = frozenset(
                domain.domain for provider in (await self._client.network()).providers for domain in provider.domains
            )
            author = "anonymous@mix.invalid" if reply_by_blocks else mail_address_of(failed.sender, network)
        except AddressError:
            return
        original = f"Message-ID: {failed.message_id}\r\n\r\n".encode() if failed.message_id else b"\r\n"
        report = notification(
            Submission(original, author, failed.arrived_at_s),
            (Notice(failed.recipient, DsnAction.FAILED, status, reason),),
            reporter=min(self._domains),
            now_s=now_s,
            rng=self._rng,
        )
        if report is None:
            return
        known = reply_by_blocks or any(one.address == failed.sender for one in await self._client.contacts())
        if not known:
            await self._client.add_contact(failed.sender)
        try:
            for number, body in enumerate(bodies_of(report, self._rng)):
                key = f"leap-report/{failed.blob_id}/{number}"
                await self._client.send(failed.sender, body, kind=MAIL_KIND, idempotency_key=key)
        finally:
            if not known:
                # The message is sealed by now. A gateway that kept everybody who ever wrote would grow without end.
                await self._client.remove_contact(failed.sender)
