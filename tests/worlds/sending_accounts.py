"""A mail account that sends over a fake network, and that can be stopped and started again on the same store."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.policy import SMTP, default
from typing import TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from client.api import ReceivedMessage
from client.testing import FakeClient, FakeNetwork, wait_for
from leap_plugin.directory.sending import SendingSettings
from leap_plugin.mail.submitting import RcptTo, SubmittedMail
from leap_plugin.outgoing.account import OutgoingMail
from leap_plugin.outgoing.author import Author, QueueStore, SendingAccount
from leap_plugin.store.accounts import account_number
from leap_plugin.store.bell import MailBell
from leap_plugin.store.folders import append, message_in, move, remove, uids_in
from leap_plugin.store.schema import MAIL_STORE
from loopixmix.store.access import inline_access
from loopixmix.store.sqlite import MEMORY_URL
from loopixmix.store.transactions import Store
from tests.worlds.mail_stores import NOON

T = TypeVar("T")
ALICE, BOB, CAROL = "alice@one", "bob@two", "carol@two"
ALICES, BOBS, CAROLS = "alice@one.mix.invalid", "bob@two.mix.invalid", "carol@two.mix.invalid"
START_S = 1_790_000_000.0


def written(text: str = "Hello Bob.", *, to: str = BOBS, **headers: str) -> bytes:
    """Return a mail as a program writes it; `X_Mix_Policy="anonymous"` is the line `X-Mix-Policy: anonymous`."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = ALICES, to, "Hello"
    message["Message-ID"] = "<1@alices-machine>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def submitted(mail: bytes | None = None, *to: str, sender: str = ALICES, **fields: object) -> SubmittedMail:
    """Return a mail as SMTP hands it over, to Bob unless others are named."""
    recipients = tuple(RcptTo(address=one) for one in to or (BOBS,))
    values: dict[str, object] = {"recipients": recipients, **fields}
    return SubmittedMail(sender=sender, mail=written() if mail is None else mail, **values)  # type: ignore[arg-type]


class SendingWorld:
    """Alice's queue, and what her recipients get."""

    def __init__(self, *, settings: SendingSettings | None = None, receipts: bool = False) -> None:
        self.clock = Clock()
        self.clock.advance(START_S)
        self.network = FakeNetwork(clock=self.clock, rng=random.Random(1), receipts=receipts)
        self.alice, self.bob, self.carol = (self.network.client(one) for one in (ALICE, BOB, CAROL))
        self.received: dict[str, list[ReceivedMessage]] = {BOB: [], CAROL: []}
        for name, client in ((BOB, self.bob), (CAROL, self.carol)):
            for kind in ("mail", "mail/exit"):
                client.on_received(kind, self.received[name].append)
        self.rng = random.Random(2)
        self.settings = settings or SendingSettings()
        self.store = Store(MAIL_STORE, MEMORY_URL)
        self.client: FakeClient = self.alice
        self.start()

    def start(self) -> None:
        """Start the program, again on the same store."""
        self.bell = MailBell()
        self.number = self.store.write(lambda connection: account_number(connection, ALICE, now_s=1))
        account = SendingAccount(
            author=Author(self.number, ALICE),
            client=self.client,
            store=QueueStore(self.number, inline_access(self.store), self.bell, _at_once),
            settings=self.settings,
            clock=self.clock,
            rng=self.rng,
        )
        self.account = account
        self.mail = OutgoingMail(account, call_on_reactor=lambda work: work())
        self.mail.start()
        self.pass_time(1.0)

    def kill(self) -> None:
        """End the program without any warning: nothing of it runs any more; what is in the store stays."""
        stopping = Deferred.fromCoroutine(self.mail.stop())
        self.clock.advance(0)
        assert stopping.called

    def restart(self) -> None:
        """Kill the program and start it again."""
        self.kill()
        self.start()

    def close(self) -> None:
        """End everything; no call is left on the clock."""
        self.kill()
        self.network.stop()
        self.store.close()

    def run(self, awaitable: Awaitable[T], *, within_s: float = 200.0) -> T:
        """Move the clock until something is done."""
        return wait_for(awaitable, self.clock, within_s=within_s)

    def pass_time(self, seconds: float, *, steps: int = 24) -> None:
        """Let time pass in steps, as it does."""
        steps = max(1, min(steps, round(2 * seconds)))
        for _ in range(steps):
            self.clock.advance(seconds / steps)

    def know(self, *addresses: str) -> None:
        """Make contacts of these."""
        for address in addresses:
            self.run(self.alice.add_contact(address))

    def submit(self, mail: bytes | None = None, *to: str, **fields: object) -> str:
        """Hand a mail over, and return its id."""
        return self.run(self.mail.submit(submitted(mail, *to, **fields)))  # type: ignore[arg-type]

    def folder(self, name: str) -> list[bytes]:
        """Return the mails of a folder."""

        def read(connection: Connection) -> list[bytes]:
            found = [message_in(connection, self.number, name, uid) for uid in uids_in(connection, self.number, name)]
            return [mail for mail in found if mail is not None]

        return self.store.read(read)

    def put(self, name: str, mail: bytes, *flags: str) -> int:
        """Put a mail into a folder, as over IMAP."""
        return self._change(lambda connection: append(connection, self.number, name, mail, flags, NOON))

    def move_out(self, name: str, target: str = "Drafts") -> None:
        """Move all mails of a folder elsewhere, as over IMAP."""
        self._change(
            lambda connection: move(connection, self.number, name, uids_in(connection, self.number, name), target)
        )

    def expunge(self, name: str) -> None:
        """Delete all mails of a folder, as over IMAP."""
        self._change(lambda connection: remove(connection, self.number, name, uids_in(connection, self.number, name)))

    def reports(self) -> list[dict[str, str]]:
        """Return what the reports in INBOX say of each recipient, in their order."""
        found = []
        for raw in self.folder("INBOX"):
            message = BytesParser(policy=default).parsebytes(raw)
            if message.get_content_type() == "multipart/report":
                status = list(message.iter_parts())[1]  # type: ignore[attr-defined]
                blocks: list[Message] = status.get_payload()
                found += [{key: str(value) for key, value in block.items()} for block in blocks[1:]]
        return found

    def actions(self) -> list[str]:
        """Return the actions of all reports in INBOX."""
        return [report["Action"] for report in self.reports()]

    def _change(self, work: Callable[[Connection], T]) -> T:
        result = self.store.write(work)
        self.bell.ring(self.number)
        self.pass_time(1.0)
        return result


def _at_once(work: Callable[[], T]) -> Awaitable[T]:
    return succeed(work())
