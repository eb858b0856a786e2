"""Taking a mail into the queue: planned, checked, and durable when its author is told so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from leap_plugin.bridge.imap.session.mailboxes import FullError
from leap_plugin.mail.addresses import AddressError
from leap_plugin.mail.canonical import UnsuitableMailError
from leap_plugin.mail.envelope import MailTooLongError
from leap_plugin.mail.parsing import MalformedMailError
from leap_plugin.mail.recipients import MOST_RECIPIENTS
from leap_plugin.mail.submitting import RcptTo, SubmissionRefusedError, SubmittedMail
from leap_plugin.outgoing.author import SendingAccount
from leap_plugin.outgoing.checking import MailRoute, RecipientCheck
from leap_plugin.outgoing.outlook import Outlook
from leap_plugin.outgoing.planning import (
    LeavingForms,
    MixPolicy,
    PolicyError,
    bodies_for,
    canonical_form,
    fragments_in,
    mentioned_ids,
    named_form,
    policy_of,
)
from leap_plugin.outgoing.purse import HeldToken
from leap_plugin.store import outgoing
from leap_plugin.store.accounts import ANONYMOUS_OUTBOX, OUTBOX
from leap_plugin.store.folders import append
from leap_plugin.store.held_tokens import let_go
from leap_plugin.store.outgoing import MailRow, OutgoingContent, PieceRow, RecipientRow

QUEUE_ID_BYTES = 16
MOST_WAITING, MOST_WAITING_BYTES = 10_000, 4 * 1024**3
"""As many mails of an account wait at most."""


@dataclass(frozen=True)
class PlannedRecipient:
    """A recipient with its route and the token for the gateway on it."""

    rcpt: RcptTo
    route: MailRoute
    held: HeldToken | None = None

    @property
    def token(self) -> bytes:
        """What stands in the envelope; empty if nothing is to be paid."""
        return b"" if self.held is None else self.held.token


@dataclass(frozen=True)
class PlannedMail:
    """A mail that may be taken: what leaves, to whom, and how many bytes each message has."""

    queue_id: str
    policy: MixPolicy
    forms: LeavingForms = field(repr=False)
    recipients: Sequence[PlannedRecipient]
    lengths: Mapping[int, Sequence[int]]

    @property
    def held(self) -> list[HeldToken]:
        """The tokens that are taken for it."""
        return [one.held for one in self.recipients if one.held is not None]


class MailTaking:
    """Takes mails of one account."""

    def __init__(self, account: SendingAccount, outlook: Outlook, check: RecipientCheck) -> None:
        """`outlook`: what is known of the network; `check`: says who may be written to."""
        self._account = account
        self._outlook = outlook
        self._check = check

    async def submit(self, submitted: SubmittedMail) -> str:
        """Take a mail, with a copy in the folder Outbox; see `leap_plugin.mail.submitting.Submissions`."""
        planned = await self.plan(submitted)
        folder = ANONYMOUS_OUTBOX if planned.policy is MixPolicy.ANONYMOUS else OUTBOX
        now_s = self._account.now_s

        def keep(connection: Connection) -> None:
            at = datetime.fromtimestamp(now_s, UTC)
            uid = append(connection, self._account.number, folder, submitted.mail, {"\\Seen"}, at)
            self.keep(connection, submitted, planned, folder=folder, uid=uid, now_s=now_s)

        try:
            await self._account.store.write(keep)
        except FullError as error:
            self.give_back(planned)
            raise SubmissionRefusedError(452, "4.2.2", str(error)) from error
        except BaseException:  # also the end of the program
            self.give_back(planned)
            raise
        self.taken(planned)
        return planned.queue_id

    def taken(self, planned: PlannedMail) -> None:
        """Note that a mail is in the queue, and its tokens with it."""
        self._check.purse.spent(planned.held)

    def give_back(self, planned: PlannedMail) -> None:
        """Leave the tokens of a mail that is not in the queue to the next one."""
        self._check.purse.give_back(planned.held)

    async def plan(self, submitted: SubmittedMail, *, folder: MixPolicy | None = None) -> PlannedMail:
        """Return how a mail would be sent; raises `SubmissionRefusedError`. `folder`: the policy of its folder."""
        if self._outlook.network is None:
            await self._outlook.refresh()
        self._check.check_size(len(submitted.mail))
        if not 1 <= len(submitted.recipients) <= MOST_RECIPIENTS:
            raise SubmissionRefusedError(452, "4.5.3", f"a mail goes to 1 to {MOST_RECIPIENTS} recipients")
        try:
            policy = policy_of(submitted.mail, folder=folder)
        except PolicyError as error:
            raise SubmissionRefusedError(554, "5.6.0", str(error)) from error
        # Two ways of writing one address are one recipient (RFC 5321, 3.3 lets us choose).
        routes: dict[tuple[str, str], tuple[RcptTo, MailRoute]] = {}
        for rcpt in submitted.recipients:
            route = await self._check.route(rcpt.address)
            routes.setdefault((route.reached_at, route.enclosed_to), (rcpt, route))
        forms = await self._forms(submitted.mail, policy, [route for _, route in routes.values()])
        queue_id = self._account.rng.randbytes(QUEUE_ID_BYTES).hex()
        recipients = [PlannedRecipient(rcpt, route) for rcpt, route in routes.values()]
        lengths = await self._lengths_of(forms, policy, recipients, queue_id)
        for position, one in enumerate(recipients):
            self._check.check_quota(one.route, sum(lengths[position]))
        if any(one.route.is_outside for one in recipients):
            # Only now: a mail that is refused must not cost a token.
            recipients = await self._with_tokens(recipients)
        planned = PlannedMail(queue_id, policy, forms, recipients, lengths)
        if not planned.held:
            return planned
        try:
            return replace(planned, lengths=await self._lengths_of(forms, policy, recipients, queue_id))
        except BaseException:  # also the end of the connection that the mail comes by
            self.give_back(planned)
            raise

    def keep(
        self,
        connection: Connection,
        submitted: SubmittedMail,
        planned: PlannedMail,
        *,
        folder: str,
        uid: int,
        now_s: float,
        from_outbox: bool = False,
    ) -> int:
        """Put a mail into the queue, whose copy is in a folder already; return its number. Part of a transaction.

        Raises `SubmissionRefusedError` if the queue is full.
        """
        count, length_bytes = outgoing.waiting_size(connection, self._account.number)
        if count >= MOST_WAITING or length_bytes >= MOST_WAITING_BYTES:
            raise SubmissionRefusedError(452, "4.3.1", f"{count:,} mails wait to be sent: wait until some have left")
        mail = MailRow(
            account=self._account.number,
            queue_id=planned.queue_id,
            sender=submitted.sender,
            envelope_id=submitted.envelope_id,
            returns_all=submitted.returns_all,
            anonymous=planned.policy is MixPolicy.ANONYMOUS,
            from_outbox=from_outbox,
            folder=folder,
            uid=uid,
            length_bytes=len(submitted.mail),
            taken_at_s=now_s,
        )
        # From here on the tokens are the mail's: there is no moment at which they are nobody's, or two mails'.
        let_go(connection, self._account.number, [one.key for one in planned.held])
        outgoing.keep_ids(connection, self._account.number, planned.forms.ids, now_s)
        content = OutgoingContent(submitted.mail, planned.forms.canonical)
        return outgoing.insert_mail(connection, mail, content, self._rows(planned, now_s))

    def _rows(self, planned: PlannedMail, now_s: float) -> list[tuple[RecipientRow, list[PieceRow]]]:
        rows = []
        for position, one in enumerate(planned.recipients):
            recipient = RecipientRow(
                position=position,
                address=one.rcpt.address,
                reached_at=one.route.reached_at,
                kind=one.route.kind,
                enclosed_to=one.route.enclosed_to,
                token=one.token,
                notify=one.rcpt.notify,
                original=one.rcpt.original,
                next_at_s=now_s,
            )
            pieces = [
                PieceRow(position=number, fragments=fragments_in(length, self._outlook.fragment_bytes))
                for number, length in enumerate(planned.lengths[position])
            ]
            rows.append((recipient, pieces))
        return rows

    async def _forms(self, mail: bytes, policy: MixPolicy, routes: Sequence[MailRoute]) -> LeavingForms:
        if policy is MixPolicy.NAMED and not any(route.is_outside for route in routes):
            return LeavingForms(named_form(mail))
        account, now_s = self._account.number, self._account.now_s
        mentioned = mentioned_ids(mail)
        ids = await self._account.store.read(lambda connection: outgoing.ids_for(connection, account, mentioned))
        author = self._account.author.mail_address(self._outlook.domains)
        try:
            canonical, new_ids = await self._account.store.compute(
                lambda: canonical_form(mail, policy, author=author, ids=ids, now_s=now_s, rng=self._account.rng)
            )
        except MailTooLongError as error:
            raise SubmissionRefusedError(552, "5.3.4", str(error)) from error
        except (MalformedMailError, UnsuitableMailError, AddressError) as error:
            raise SubmissionRefusedError(554, "5.6.0", f"the mail cannot leave in this form: {error}") from error
        return LeavingForms(named_form(mail), canonical, new_ids)

    async def _lengths_of(
        self, forms: LeavingForms, policy: MixPolicy, recipients: Sequence[PlannedRecipient], queue_id: str
    ) -> dict[int, list[int]]:
        return await self._account.store.compute(lambda: _lengths(forms, policy, recipients, queue_id))

    async def _with_tokens(self, recipients: Sequence[PlannedRecipient]) -> list[PlannedRecipient]:
        purse = self._check.purse
        await purse.check(sum(one.route.is_outside for one in recipients))
        taken: list[PlannedRecipient] = []
        try:
            for one in recipients:
                taken.append(replace(one, held=await purse.take()) if one.route.is_outside else one)
        except BaseException:  # also the end of the connection that the mail comes by
            purse.give_back(one.held for one in taken if one.held is not None)
            raise
        return taken


def _lengths(
    forms: LeavingForms, policy: MixPolicy, recipients: Sequence[PlannedRecipient], queue_id: str
) -> dict[int, list[int]]:
    """Return the lengths of the bodies for each recipient, by its position."""
    found: dict[int, list[int]] = {}
    # A mail to a hundred people is compressed once, not a hundred times.
    same: dict[bytes, list[int]] = {}
    for position, one in enumerate(recipients):
        to_gateway = bool(one.route.enclosed_to or one.token)
        mail = forms.leaving(anonymous=policy is MixPolicy.ANONYMOUS, is_outside=one.route.is_outside)
        lengths = None if to_gateway else same.get(mail)
        if lengths is None:
            bodies = bodies_for(mail, queue_id=queue_id, position=position, to=one.route.enclosed_to, token=one.token)
            lengths = [len(body) for body in bodies]
        if not to_gateway:
            same[mail] = lengths
        found[position] = lengths
    return found
