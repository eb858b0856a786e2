"""Reports to the senders of outside mail, through the network: by the way back of an order, or to an account.

A way back carries about 16 KB, and works for an epoch or two. A report that comes later reaches only a sender with an
account, which may be one made for this mail.
"""

from __future__ import annotations

from client.api import Client, LoopixmixError
from leap_plugin.mail.envelope import encode_envelope
from leap_plugin.mail.reports import Notice, Submission, notification
from loopixmix.seams import Clock, Rng

KIND = "mail"
LONGEST_HEAD = 4096


class NetworkReports:
    """Sends reports by the client of the gateway."""

    def __init__(self, client: Client, *, domain: str, clock: Clock, rng: Rng) -> None:
        """`domain`: of the gateway, which stands in the report as its author."""
        self._client = client
        self._domain = domain
        self._clock = clock
        self._rng = rng
        self.sent = 0
        self.impossible = 0

    async def report(self, to: str, message: bytes, notice: Notice, arrived_s: float, *, key: str = "") -> None:
        """Send a notification to `to`, as far as it can be sent; by one `key` only once."""
        # Only the head of the mail goes back, and not much of it: the way back is narrow, and the sender has the mail.
        head = message.partition(b"\r\n\r\n")[0][:LONGEST_HEAD] + b"\r\n\r\n"
        submission = Submission(head, f"sender@{self._domain}", arrived_s)
        try:
            report = notification(
                submission, (notice,), reporter=self._domain, now_s=self._clock.seconds(), rng=self._rng
            )
            if report is None:
                return
            await self._send(to, encode_envelope(report), key or f"report/{self._rng.randbytes(16).hex()}")
            self.sent += 1
        except LoopixmixError:
            # The way back has ended, or the account, or it was told already, before a crash. The log names no one.
            self.impossible += 1

    async def _send(self, to: str, body: bytes, key: str) -> None:
        if "@" in to:
            await self._client.add_contact(to)
        await self._client.send(to, body, kind=KIND, idempotency_key=key)
