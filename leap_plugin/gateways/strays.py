"""Mail of the network to the gateway itself, which nobody reads: its sender is told, and it is forgotten.

It comes if a domain is bound to the gateway's account, so that the network document names it as a gateway, and
somebody in the network writes to a name of that domain.
"""

from __future__ import annotations

from client.api import ReceivedMessage
from leap_plugin.gateways.abuse.limits import HourlyLimits
from leap_plugin.gateways.exit.relaying import Reports
from leap_plugin.gateways.store.received import note_taken
from leap_plugin.mail.reports import Notice, Submission, may_be_reported, one_line
from leap_plugin.mail.splitting import Piece, decode_body
from leap_plugin.mail.states import DsnAction
from loopixmix.errors import FormatError
from loopixmix.seams import Clock
from loopixmix.store.access import StoreAccess

KIND = "mail"
TOLD_PER_HOUR = 600
REPORTED_WITHIN_S = 60.0


class StrayMail:
    """Takes messages of the kind `mail`."""

    def __init__(self, access: StoreAccess, reports: Reports, *, domain: str, clock: Clock) -> None:
        """`access`: to the store of the gateway. `domain`: its first one."""
        self._access = access
        self._reports = reports
        self._domain = domain
        self._clock = clock
        self._limit = HourlyLimits(TOLD_PER_HOUR, now_s=clock.seconds())

    async def take(self, message: ReceivedMessage) -> None:
        """Tell the sender, and let the message be forgotten."""
        now_s = self._clock.seconds()
        is_new = await self._access.write(lambda c: note_taken(c, message.number, now_s + REPORTED_WITHIN_S))
        to = message.reply_to or message.sender or ""
        if not is_new or not to or to.startswith("key:"):
            return
        try:
            stray = decode_body(message.body)
        except FormatError:
            return
        # A report, of another gateway perhaps, is never answered: both would go on for ever.
        if isinstance(stray, Piece) or not may_be_reported(Submission(stray.mail, to, now_s)):
            return
        if self._limit.take(now_s=now_s):
            reason = "nobody reads mail at the gateway: write to an account of the network"
            # An envelope to a gateway names its recipient; one to an account with a single address does not.
            recipient = one_line(stray.to or f"gateway@{self._domain}")
            notice = Notice(recipient, DsnAction.FAILED, "5.1.1", reason)
            await self._reports.report(to, stray.mail, notice, message.received_at_s)
