"""What the author is told of a mail, and how a mail ends: in the transaction that learns of it, so that it is once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from leap_plugin.bridge.imap.session.mailboxes import INBOX, NoFolderError
from leap_plugin.mail.reports import Notice, Submission, is_wanted, notification, one_line
from leap_plugin.mail.states import DsnAction
from leap_plugin.mail.submitting import SubmissionRefusedError
from leap_plugin.outgoing.author import SendingAccount
from leap_plugin.outgoing.folding import action_told, fragments_left, has_ended, reached
from leap_plugin.store import outgoing
from leap_plugin.store.folders import append, remove
from leap_plugin.store.outgoing import MailRow, PieceRow, Reached, RecipientRow

DRAFTS = "Drafts"

_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3}) (.*)", re.ASCII | re.DOTALL)
_USUAL_STATUS = {
    DsnAction.FAILED: "5.4.7",
    DsnAction.DELAYED: "4.4.7",
    DsnAction.RELAYED: "2.0.0",
    DsnAction.DELIVERED: "2.0.0",
}


class AuthorNotices:
    """Writes reports into the author's INBOX. None is ever sent over the network, so that none can be answered."""

    def __init__(self, account: SendingAccount) -> None:
        """`account`: whose INBOX it is."""
        self._account = account

    def settle(self, connection: Connection, mail: int) -> None:
        """Bring a mail up to date after what its messages came to: its states, reports, and its end."""
        row = outgoing.find_mail(connection, mail)
        if row is None:
            return
        recipients, notices = [], []
        for before in outgoing.recipients_of(connection, mail):
            pieces = outgoing.pieces_of(connection, before.number)
            now = replace(before, state=reached(before.state, pieces))
            action = action_told(now, pieces)
            if action is not None and _is_told(now, action):
                notices.append(_notice(now, action, _reason(now, pieces)))
                now = replace(now, told=now.told | {action})
            if now != before:
                outgoing.change_recipient(connection, now)
            recipients.append(now)
        self._report(connection, row, notices)
        if row.ended_at_s is None and has_ended([one.state for one in recipients]):
            self._end(connection, row, has_failed=any(one.state is Reached.FAILED for one in recipients))

    def tell_delays(self, connection: Connection, mail: int, late: Sequence[RecipientRow]) -> None:
        """Tell the author that a mail is late at some of its recipients, unless he does not want to be told."""
        row = outgoing.find_mail(connection, mail)
        if row is None:
            return
        until_s = row.taken_at_s + self._account.settings.give_up_s
        for one in late:
            # Also of those whose delay is not told: it is not looked at again.
            outgoing.change_recipient(connection, replace(one, told=one.told | {DsnAction.DELAYED}))
        wanted = [one for one in late if _is_told(one, DsnAction.DELAYED)]
        notices = [replace(_notice(one, DsnAction.DELAYED, one.problem), until_s=until_s) for one in wanted]
        self._report(connection, row, notices)

    def fail(self, connection: Connection, recipient: RecipientRow, refusal: SubmissionRefusedError) -> None:
        """Give a mail up at one recipient."""
        problem = f"{refusal.status} {refusal}"
        outgoing.change_recipient(connection, replace(recipient, state=Reached.FAILED, problem=problem))
        self.settle(connection, recipient.mail)

    def give_up(self, connection: Connection, recipient: RecipientRow) -> None:
        """Give a mail up at one recipient for whom it was tried too long; the last problem is the reason."""
        problem = recipient.problem or "5.4.7 it could not be delivered in time"
        outgoing.change_recipient(connection, replace(recipient, state=Reached.FAILED, problem=problem))
        self.settle(connection, recipient.mail)

    def refuse(
        self,
        connection: Connection,
        *,
        mail: bytes,
        place: tuple[str, int] | None,
        sender: str,
        refusals: Sequence[tuple[str, SubmissionRefusedError]],
    ) -> None:
        """Report to whom a mail that was put into a folder cannot be sent.

        `place`: the folder and UID of a mail that cannot be sent to anybody; it is put among the drafts.
        """
        if refusals:
            notices = tuple(
                Notice(one_line(address), DsnAction.FAILED, _permanent(refusal.status), one_line(str(refusal)))
                for address, refusal in refusals
            )
            self._deliver(connection, Submission(mail, sender, self._account.now_s), notices)
        if place is not None:
            remove(connection, self._account.number, place[0], [place[1]])
            self._keep_draft(connection, mail)

    def _report(self, connection: Connection, row: MailRow, notices: Sequence[Notice]) -> None:
        if not notices:
            return
        original = outgoing.content_of(connection, row.number).original
        # What came back from the Outbox is among the drafts: it need not be in the report, too.
        returns_all = row.returns_all and not row.from_outbox
        submission = Submission(
            original, one_line(row.sender), row.taken_at_s, one_line(row.envelope_id), returns_all=returns_all
        )
        self._deliver(connection, submission, tuple(notices))

    def _deliver(self, connection: Connection, submission: Submission, notices: tuple[Notice, ...]) -> None:
        account, now_s = self._account, self._account.now_s
        made = notification(submission, notices, reporter=account.author.host, now_s=now_s, rng=account.rng)
        if made is not None:
            append(connection, account.number, INBOX, made, (), datetime.fromtimestamp(now_s, UTC))

    def _end(self, connection: Connection, row: MailRow, *, has_failed: bool) -> None:
        if row.uid is not None:
            remove(connection, self._account.number, row.folder, [row.uid])
        if has_failed and row.from_outbox:
            # Of a mail that came by SMTP the mail program has a copy. Of this one it was the only one.
            self._keep_draft(connection, outgoing.content_of(connection, row.number).original)
        outgoing.end_mail(connection, row.number, self._account.now_s)

    def _keep_draft(self, connection: Connection, mail: bytes) -> None:
        at = datetime.fromtimestamp(self._account.now_s, UTC)
        try:
            append(connection, self._account.number, DRAFTS, mail, ("\\Draft", "\\Seen"), at)
        except NoFolderError:
            append(connection, self._account.number, INBOX, mail, ("\\Draft",), at)


def _is_told(recipient: RecipientRow, action: DsnAction) -> bool:
    # It arrived after all: whoever was told of a failure is told that, too.
    corrects = DsnAction.FAILED in recipient.told and action in (DsnAction.RELAYED, DsnAction.DELIVERED)
    return is_wanted(action, recipient.notify) or (corrects and "NEVER" not in recipient.notify)


def _notice(recipient: RecipientRow, action: DsnAction, problem: str) -> Notice:
    found = _STATUS.fullmatch(problem)
    status, reason = (found[1], found[2]) if found else ("", problem)
    usual = _USUAL_STATUS[action]
    if action is DsnAction.FAILED and status:
        usual = _permanent(status)
    elif status[:1] == usual[0]:
        usual = status
    return Notice(
        one_line(recipient.address), action, usual, one_line(reason), original_recipient=one_line(recipient.original)
    )


def _permanent(status: str) -> str:
    return f"5{status[1:]}"


def _reason(recipient: RecipientRow, pieces: Sequence[PieceRow]) -> str:
    match recipient.state:
        case Reached.FAILED:
            details = [piece.detail for piece in pieces if piece.detail and not piece.is_alive]
            return recipient.problem if recipient.problem or not details else details[0]
        case Reached.CANCELLED:
            total = sum(piece.fragments for piece in pieces)
            left = f"{fragments_left(pieces)} of {total} packets had left and cannot be recalled"
            return f"5.0.0 you cancelled it; {left}"
        case _:
            return ""
