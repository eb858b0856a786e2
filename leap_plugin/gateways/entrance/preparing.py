"""The work on a mail from outside that takes long, beside the reactor: authentication, our lines, packing."""

from __future__ import annotations

from email.utils import formatdate

from leap_plugin.gateways.entrance.authentication import (
    DnsRecords,
    SmtpOrigin,
    authentication_results,
    without_forged_results,
)
from leap_plugin.gateways.threads import BesideReactor
from leap_plugin.mail.splitting import bodies_of
from loopixmix.seams import Clock, Rng


class Preparing:
    """Makes of a mail what is sent to its recipients."""

    def __init__(self, domain: str, records: DnsRecords, in_thread: BesideReactor, *, clock: Clock, rng: Rng) -> None:
        """`domain`: ours, which says what was found. `records`: of the DNS."""
        self._domain = domain
        self._records = records
        self._in_thread = in_thread
        self._clock = clock
        self._rng = rng

    async def marked(self, mail: bytes, origin: SmtpOrigin) -> bytes:
        """Return the mail with our lines before it, and without those that claim to be ours."""
        now_s = self._clock.seconds()

        def mark() -> bytes:
            results = authentication_results(mail, origin, self._domain, self._records)
            lines = (
                f"Return-Path: <{origin.mail_from}>",
                results,
                f"Received: from {origin.told_helo} ([{origin.peer}])",
                f" by {self._domain} with ESMTP; {formatdate(now_s)}",
            )
            return "".join(f"{line}\r\n" for line in lines).encode() + without_forged_results(mail, self._domain)

        return await self._in_thread(mark)

    async def bodies(self, mail: bytes, for_address: str) -> tuple[bytes, ...]:
        """Return the bodies of messages that bring a mail to its recipient."""
        return await self._in_thread(lambda: bodies_of(mail, self._rng, to=for_address))
