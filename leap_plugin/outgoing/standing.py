"""One message in INBOX that tells how far the mails are that take long; it is replaced, and goes when they are gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from functools import partial

from sqlalchemy import Connection

from leap_plugin.bridge.imap.session.mailboxes import INBOX
from leap_plugin.mail.reports import one_line
from leap_plugin.outgoing.author import SendingAccount
from leap_plugin.outgoing.outlook import Outlook, told_size
from leap_plugin.outgoing.overview import QueuedMail, QueueOverview
from leap_plugin.store import outgoing
from leap_plugin.store.folders import append, remove, summaries_in

SUBJECT = "Status of your mail"
REPLACED_AFTER_S = 1800.0
"""A message that only brings newer numbers replaces the one before after so long: each one is a change that mail
programs show."""


class StandingMessage:
    """The message about the states of an account's mails."""

    def __init__(self, account: SendingAccount, outlook: Outlook, overview: QueueOverview) -> None:
        """`overview`: tells what waits."""
        self._account = account
        self._outlook = outlook
        self._overview = overview
        self._shown: frozenset[str] | None = None
        self._at_s = 0.0

    async def update(self) -> None:
        """Write the message anew if there is something new in it; raises `StoreError`."""
        long = [mail for mail in await self._overview.mails() if self._takes_long(mail)]
        shown, now_s = frozenset(mail.queue_id for mail in long), self._account.now_s
        if self._shown == shown and (not shown or now_s < self._at_s + REPLACED_AFTER_S):
            return
        new = None if self._shown is None else shown - self._shown
        await self._account.store.write(partial(self._replace, long=long, new=new))
        self._shown, self._at_s = shown, now_s

    def _takes_long(self, mail: QueuedMail) -> bool:
        threshold_s = self._account.settings.standing_after_s
        waited_s = self._account.now_s - mail.taken_at_s
        return any(waited_s + (one.remaining_s or 0.0) > threshold_s for one in mail.recipients)

    def _replace(self, connection: Connection, long: Sequence[QueuedMail], new: frozenset[str] | None) -> None:
        number = self._account.number
        before = outgoing.standing_uid(connection, number)
        old = [] if before is None else summaries_in(connection, number, INBOX, [before])
        if old:
            remove(connection, number, INBOX, [one.uid for one in old])
        # After a restart it is not known which mails it told of: then it is news if there was none.
        is_news = before is None if new is None else bool(new)
        # Whoever deleted it does not want to see the same again, but for a mail that it did not tell of.
        uid = before if long else None
        if long and (old or is_news):
            flags = frozenset({"\\Seen"}) & old[0].flags if old and not is_news else frozenset()
            at = datetime.fromtimestamp(self._account.now_s, UTC)
            uid = append(connection, number, INBOX, self._written(long), flags, at)
        if uid != before:
            outgoing.note_standing_uid(connection, number, uid)

    def _written(self, mails: Sequence[QueuedMail]) -> bytes:
        account = self._account
        message = EmailMessage(policy=SMTP)
        message["From"] = f"Mail over the mix network <postmaster@{account.author.host}>"
        message["To"] = account.author.mail_address(self._outlook.domains)
        message["Subject"] = SUBJECT
        message["Date"] = formatdate(account.now_s)
        message["Message-ID"] = f"<{account.rng.randbytes(16).hex()}@{account.author.host}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(_text(mails))
        return message.as_bytes()


def _text(mails: Sequence[QueuedMail]) -> str:
    lines = ["These mails take a while. To cancel one, move it out of the folder Outbox.", ""]
    for mail in mails:
        lines.append(f"{told_size(mail.length_bytes)}, taken {formatdate(mail.taken_at_s)}:")
        lines += [f"    {one_line(one.address)}: {one_line(one.told())}" for one in mail.recipients]
        lines.append("")
    return "\n".join(lines)
