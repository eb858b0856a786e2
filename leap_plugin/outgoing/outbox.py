"""The folders Outbox and Outbox/Anonymous: what is put in is sent, what is taken out is cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from sqlalchemy import Connection
from twisted.logger import Logger

from leap_plugin.mail.addresses import AddressError
from leap_plugin.mail.parsing import MalformedMailError
from leap_plugin.mail.recipients import MOST_RECIPIENTS, named_recipients
from leap_plugin.mail.submitting import RcptTo, SubmissionRefusedError, SubmittedMail
from leap_plugin.outgoing.author import SendingAccount
from leap_plugin.outgoing.checking import RecipientCheck
from leap_plugin.outgoing.notices import AuthorNotices
from leap_plugin.outgoing.outlook import Outlook
from leap_plugin.outgoing.planning import MixPolicy
from leap_plugin.outgoing.taking import MailTaking
from leap_plugin.store import outgoing
from leap_plugin.store.accounts import ANONYMOUS_OUTBOX, OUTBOX, last_moment
from leap_plugin.store.folders import DELETED, message_in, summaries_in, uids_in
from leap_plugin.store.outgoing import Reached
from loopixmix.errors import LoopixmixError

log = Logger()

LOOK_ANYWAY_S = 25.0
"""After so long it is compared again although nothing in the folders has changed: what could not be sent may be now."""

POLICIES: Mapping[str, MixPolicy | None] = {OUTBOX: None, ANONYMOUS_OUTBOX: MixPolicy.ANONYMOUS}
"""What each folder says of how its mails are sent."""


@dataclass(frozen=True)
class _Seen:
    """What a look at the folders found: mails to send, and the numbers of those that were taken out."""

    new: list[tuple[str, int]] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)


class OutboxFolders:
    """Compares the folders with the queue."""

    def __init__(
        self,
        account: SendingAccount,
        outlook: Outlook,
        check: RecipientCheck,
        taking: MailTaking,
        notices: AuthorNotices,
    ) -> None:
        """`taking`: takes what was put in; `notices`: tells the author of what cannot be sent."""
        self._account = account
        self._outlook = outlook
        self._check = check
        self._taking = taking
        self._notices = notices
        self._defective: set[tuple[str, int]] = set()
        self._compared: tuple[int, float] | None = None

    async def look(self) -> bool:
        """Cancel what was taken out and send what was put in; tell whether there was any of it."""
        seen = await self._account.store.read(self._compare)
        for mail in seen.gone:
            await self._account.store.write(partial(self._cancel, mail=mail))
        for folder, uid in seen.new:
            try:
                await self._send(folder, uid)
            except LoopixmixError:
                raise
            except Exception as error:  # whatever one mail of all does to us must not hold up the others
                self._defective.add((folder, uid))
                log.error("a mail in the Outbox cannot be dealt with: {kind}", kind=type(error).__name__)
        return bool(seen.gone or seen.new)

    def _compare(self, connection: Connection) -> _Seen:
        number, seen, now_s = self._account.number, _Seen(), self._account.now_s
        moment = last_moment(connection, number)
        if self._compared is not None and self._compared[0] == moment and now_s < self._compared[1] + LOOK_ANYWAY_S:
            # Rung for something else: with ten thousand mails there it would take as long as all the rest.
            return seen
        self._compared = moment, now_s
        waiting = {(mail.folder, mail.uid): mail.number for mail in outgoing.waiting_mails(connection, number)}
        handled = waiting.keys() | self._defective
        present: set[tuple[str, int | None]] = set()
        for folder in POLICIES:
            uids = uids_in(connection, number, folder)
            # What bears this flag is gone for its owner, and is not to be sent the moment before it is expunged.
            for one in summaries_in(connection, number, folder, uids):
                present.add((folder, one.uid))
                if (folder, one.uid) not in handled and DELETED not in one.flags:
                    seen.new.append((folder, one.uid))
        seen.gone.extend(mail for place, mail in waiting.items() if place[1] is not None and place not in present)
        return seen

    def _cancel(self, connection: Connection, mail: int) -> None:
        for recipient in outgoing.recipients_of(connection, mail):
            if recipient.state is Reached.WAITING:
                outgoing.change_recipient(connection, replace(recipient, state=Reached.CANCELLING))
        self._notices.settle(connection, mail)

    async def _send(self, folder: str, uid: int) -> None:
        number = self._account.number
        mail = await self._account.store.read(lambda connection: message_in(connection, number, folder, uid))
        if mail is None:
            return
        if self._outlook.network is None:
            await self._outlook.refresh()
        sender = self._account.author.mail_address(self._outlook.domains)
        refusals: list[tuple[str, SubmissionRefusedError]] = []
        recipients: list[RcptTo] = []
        try:
            addresses = await self._account.store.compute(partial(named_recipients, mail))
            if len(addresses) > MOST_RECIPIENTS:
                raise AddressError(f"a mail goes to {MOST_RECIPIENTS} recipients at most, not to {len(addresses)}")
            for address in addresses:
                if (refusal := await self._refusal(address)) is None:
                    recipients.append(RcptTo(address=address))
                else:
                    refusals.append((address, refusal))
            if not recipients and not refusals:
                raise AddressError("To, Cc and Bcc name nobody")
            submitted = SubmittedMail(sender=sender, recipients=tuple(recipients), mail=mail)
            planned = await self._taking.plan(submitted, folder=POLICIES[folder]) if recipients else None
        except SubmissionRefusedError as error:
            if error.code < 500:
                return  # it stays there, and is looked at again
            refusals = [(one.address, error) for one in recipients] + refusals
            planned = None
        except (AddressError, MalformedMailError) as error:
            refusals, planned = [(sender, SubmissionRefusedError(553, "5.1.3", str(error)))], None

        def keep(connection: Connection) -> bool:
            if message_in(connection, number, folder, uid) is None:
                return False  # taken out again in this moment
            if planned is not None:
                now_s = self._account.now_s
                self._taking.keep(connection, submitted, planned, folder=folder, uid=uid, now_s=now_s, from_outbox=True)
            self._notices.refuse(
                connection,
                mail=mail,
                place=None if planned is not None else (folder, uid),
                sender=sender,
                refusals=refusals,
            )
            return True

        is_kept = False
        try:
            is_kept = await self._account.store.write(keep)
        except SubmissionRefusedError:
            return  # the queue is full: it stays there, and the others leave
        finally:
            if planned is not None:
                (self._taking.taken if is_kept else self._taking.give_back)(planned)

    async def _refusal(self, address: str) -> SubmissionRefusedError | None:
        """Return why a mail to this address is never sent; raises `SubmissionRefusedError` for what may change."""
        try:
            if (await self._check.route(address)).is_outside:
                await self._check.purse.check()
        except SubmissionRefusedError as refusal:
            if refusal.code < 500:
                raise
            return refusal
        return None
