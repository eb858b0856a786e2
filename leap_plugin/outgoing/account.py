"""The sending of one mail account: all its parts together, and what keeps them going."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection
from twisted.logger import Logger

from client.api import LoopixmixError, UnknownMessageError, WrongStateError
from leap_plugin.mail.states import DsnAction
from leap_plugin.mail.submitting import Announcement, SubmissionRefusedError, SubmittedMail
from leap_plugin.outgoing.author import SendingAccount
from leap_plugin.outgoing.checking import RecipientCheck
from leap_plugin.outgoing.following import ProgressFollowing
from leap_plugin.outgoing.handing import HandingOver
from leap_plugin.outgoing.notices import AuthorNotices
from leap_plugin.outgoing.outbox import OutboxFolders
from leap_plugin.outgoing.outlook import Outlook
from leap_plugin.outgoing.overview import QueuedMail, QueueOverview
from leap_plugin.outgoing.standing import StandingMessage
from leap_plugin.outgoing.taking import MailTaking
from leap_plugin.store import outgoing
from leap_plugin.store.outgoing import Reached, RecipientRow
from loopixmix.errors import StoreError
from loopixmix.process.pause import Pause
from loopixmix.process.task import Task

log = Logger()

LOOK_AGAIN_S = 30.0
"""How often the client is asked how it is, and what is late is looked for."""
CLEAR_S = 3600.0
MOST_ENDED = 10_000
GRACE_S = 3600.0
"""How long after its time a mail fails here of which the client does not tell that it failed."""


class OutgoingMail:
    """The queue of one mail account, see `leap_plugin.mail.submitting.Submissions`."""

    def __init__(self, account: SendingAccount, *, call_on_reactor: Callable[..., object]) -> None:
        """`account`: whose mails these are. `call_on_reactor`: the reactor's `callFromThread`; folders ring there."""
        self._account = account
        self._call_on_reactor = call_on_reactor
        self._outlook = Outlook(account.client)
        self._check = RecipientCheck(account, self._outlook)
        self._notices = AuthorNotices(account)
        self._taking = MailTaking(account, self._outlook, self._check)
        self._handing = HandingOver(account, self._outlook, self._check, self._notices)
        self._following = ProgressFollowing(account, self._notices, turn=self._handing.turn, changed=self._wake)
        self._overview = QueueOverview(account, self._following.counts)
        self._standing = StandingMessage(account, self._outlook, self._overview)
        self._outbox = OutboxFolders(account, self._outlook, self._check, self._taking, self._notices)
        self._pause = Pause(account.clock)
        self._sleep = Pause(account.clock)
        self._news = False
        self._stop_listening: Callable[[], None] = lambda: None
        names = ("sending mail", "following mail", "watching the mix network for mail")
        self._tasks = tuple(Task(name, clock=account.clock, rng=account.rng) for name in names)

    def announcement(self) -> Announcement:
        """Return what is told before a mail comes."""
        return self._outlook.announcement()

    async def check_recipient(self, address: str, size_bytes: int | None) -> None:
        """Return if a mail to `address` would be taken; raise `SubmissionRefusedError`."""
        await self._check.check(address, size_bytes)

    async def submit(self, submitted: SubmittedMail) -> str:
        """Return the id of the mail in the queue once it is durably there; raise `SubmissionRefusedError`."""
        try:
            queue_id = await self._taking.submit(submitted)
        except StoreError as error:
            raise SubmissionRefusedError(451, "4.3.0", "the mail cannot be stored just now; try again later") from error
        self._wake()
        return queue_id

    async def overview(self) -> list[QueuedMail]:
        """Return the mails that wait, the oldest first; raises `StoreError`."""
        return await self._overview.mails()

    def start(self) -> None:
        """Go on with what is in the queue, and take more."""
        self._stop_listening = self._account.store.listen(lambda: self._call_on_reactor(self._wake))
        sending, following, watching = self._tasks
        sending.start(self._send)
        following.start(self._following.run)
        watching.start(self._watch)

    async def stop(self) -> None:
        """Take and send nothing more; what is in the queue stays there."""
        self._stop_listening()
        self._following.stop()
        self._handing.stop()
        for task in self._tasks:
            await task.stop()
        await self._handing.settled()

    def _wake(self) -> None:
        self._news = True
        self._pause.wake()

    async def _send(self) -> None:
        while True:
            self._news = False
            wait_s: float | None = LOOK_AGAIN_S
            try:
                await self._outbox.look()
                due_s = await self._handing.round()
                wait_s = LOOK_AGAIN_S if due_s is None else min(due_s, LOOK_AGAIN_S)
            except LoopixmixError as error:
                _note_error("the queue of mails cannot be worked on", error)
            if not self._news:
                await self._pause.wait(wait_s)

    async def _watch(self) -> None:
        cleared_s = -CLEAR_S
        while True:
            was_online = self._outlook.is_online
            await self._outlook.refresh()
            try:
                if self._outlook.is_online and not was_online:
                    await self._hurry()
                # By a clock that is wrong every mail would have been tried for too long.
                if self._outlook.is_time_agreed:
                    await self._look_for_late()
                await self._end_answers()
                await self._standing.update()
                if self._outlook.is_time_agreed and self._account.now_s >= cleared_s + CLEAR_S:
                    await self._clear()
                    cleared_s = self._account.now_s
            except LoopixmixError as error:
                _note_error("the queue of mails cannot be looked through", error)
            await self._sleep.wait(LOOK_AGAIN_S)

    async def _hurry(self) -> None:
        number, now_s = self._account.number, self._account.now_s
        await self._account.store.write(lambda connection: outgoing.hurry(connection, number, now_s))

    async def _look_for_late(self) -> None:
        """Tell of delays, and give up what was tried for too long."""
        settings, now_s, number = self._account.settings, self._account.now_s, self._account.number
        # Rarely more than a few: whatever was taken in the last hours is not read.
        first_s = min(settings.delayed_after_s, settings.give_up_s)
        waiting = await self._account.store.read(
            lambda connection: outgoing.waiting_recipients(connection, number, taken_before_s=now_s - first_s)
        )
        late = [one for one, taken_at_s in waiting if self._is_late(one, taken_at_s) or self._is_over(taken_at_s)]
        by_mail: dict[int, list[RecipientRow]] = {}
        for one in late:
            by_mail.setdefault(one.mail, []).append(one)
        for mail, of_mail in by_mail.items():
            await self._account.store.write(partial(self._note_late, mail=mail, late=of_mail))

    def _is_late(self, recipient: RecipientRow, taken_at_s: float) -> bool:
        """Tell whether the author is to be told of a delay, and was not yet."""
        expected_s = 0.0 if recipient.expected_at_s is None else recipient.expected_at_s - taken_at_s
        limit_s = max(self._account.settings.delayed_after_s, 2 * expected_s)
        return DsnAction.DELAYED not in recipient.told and self._account.now_s >= taken_at_s + limit_s

    def _is_over(self, taken_at_s: float, *, grace_s: float = 0.0) -> bool:
        return self._account.now_s >= taken_at_s + self._account.settings.give_up_s + grace_s

    def _note_late(self, connection: Connection, mail: int, late: list[RecipientRow]) -> None:
        row = outgoing.find_mail(connection, mail)
        if row is None:
            return
        delayed = []
        for one in late:
            found = outgoing.find_recipient(connection, one.number)
            if found is None or found.state is not Reached.WAITING:
                continue
            pieces = outgoing.pieces_of(connection, one.number)
            grace_s = GRACE_S if any(piece.is_alive for piece in pieces) else 0.0
            if self._is_over(row.taken_at_s, grace_s=grace_s):
                self._notices.give_up(connection, found)
            elif self._is_late(found, row.taken_at_s):
                delayed.append(found)
        self._notices.tell_delays(connection, mail, delayed)

    async def _end_answers(self) -> None:
        """Note which answers to anonymous senders have left: nothing acknowledges them."""
        number = self._account.number
        alive = await self._account.store.read(
            lambda connection: outgoing.handed_alive(connection, number, answers=True)
        )
        for recipient, piece in alive:
            if piece.message_id is None:
                continue
            try:
                message = await self._account.client.message(piece.message_id)
            except LoopixmixError:
                continue
            if message.fragments_sent >= message.fragments:
                await self._account.store.write(partial(self._note_sent, recipient=recipient))

    def _note_sent(self, connection: Connection, recipient: RecipientRow) -> None:
        outgoing.note_sent(connection, recipient.number)
        self._notices.settle(connection, recipient.mail)

    async def _clear(self) -> None:
        """Forget mails that ended long ago, also in the client."""
        number, before_s = self._account.number, self._account.now_s - self._account.settings.keep_ended_s
        await self._check.purse.tidy()
        ended = await self._account.store.read(
            lambda connection: outgoing.ended_mails(connection, number, before_s=before_s, most=MOST_ENDED)
        )
        for mail, message_ids in ended.items():
            try:
                for message_id in message_ids:
                    await self._forget(message_id)
            except LoopixmixError:
                continue  # next time
            await self._account.store.write(partial(outgoing.remove_mail, mail=mail))

    async def _forget(self, message_id: str) -> None:
        try:
            await self._account.client.delete_outgoing(message_id)
        except (UnknownMessageError, WrongStateError):
            return  # the client forgot it by itself, or it is one of those that nothing acknowledges


def _note_error(what: str, error: LoopixmixError) -> None:
    # Other errors than those of the store may name the people of a mail.
    log.error("{what}: {why}", what=what, why=str(error) if isinstance(error, StoreError) else type(error).__name__)
