"""A mail gateway between a network in memory and a relay that a test answers for."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path

from twisted.internet.defer import succeed
from twisted.internet.task import Clock

from client.testing import FakeClient, FakeNetwork, wait_for
from leap_plugin.gateways.configuration import PURPOSE, GatewayDirectory, create_gateway, load_gateway
from leap_plugin.gateways.exit.relay import RelayAnswer, RelayHasIt
from leap_plugin.gateways.store.schema import SCHEMA
from leap_plugin.gateways.store.waiting import OutsideMail
from leap_plugin.gateways.tidying import GatewayTidying
from leap_plugin.gateways.wiring import ExitParts, GatewayWorld, make_exit, make_tables
from leap_plugin.mail.canonical import ANONYMOUS, canonicalise
from leap_plugin.mail.envelope import decode_envelope
from leap_plugin.mail.splitting import bodies_of
from loopixmix.store.access import inline_access
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from loopixmix.tokens import encode_key_set, encode_token
from tests.worlds.mails import crlf
from tests.worlds.tokens import BEGINS_S, new_token, token_key

DOMAIN = "gate.example"
URL = "https://gate.example/stop"
KEY = token_key(purpose=PURPOSE)


class ScriptedRelay:
    """A relay that keeps what it gets and answers what it is told to, at last always that it has the mail."""

    def __init__(self) -> None:
        self.answers: deque[RelayAnswer] = deque()
        self.mails: list[OutsideMail] = []
        self.tried = 0

    def hand_over(self, mail: OutsideMail) -> RelayAnswer:
        self.tried += 1
        answer = self.answers.popleft() if self.answers else RelayHasIt()
        if isinstance(answer, RelayHasIt):
            self.mails.append(mail)
        return answer

    def close(self) -> None:
        return


def at_once(work: Callable[[], RelayAnswer]) -> Awaitable[RelayAnswer]:
    """Do without threads."""
    return succeed(work())


class ExitWorld:
    """Alice, who sends; a gateway; its relay."""

    def __init__(self, directory: Path, *, change: Callable[[str], str] = lambda text: text) -> None:
        """`change`: of the text of the configuration."""
        self.clock, self.rng = Clock(), random.Random(1)
        self.clock.advance(BEGINS_S + 1000)
        self.network = FakeNetwork(clock=self.clock, rng=self.rng)
        self.alice = self.network.client("alice@home")
        self.bob = self.network.client("bob@home")
        self.client: FakeClient = self.network.client("gate@away")
        self.path = directory / "gateway"
        create_gateway(self.path, domain=DOMAIN, provider="home", client="client", rng=self.rng)
        config = self.path / "gateway.toml"
        text = config.read_text().replace("enabled = false", "enabled = true", 1)
        text = text.replace('opt_out_url = ""', f'opt_out_url = "{URL}"')
        config.write_text(change(text))
        (self.path / "mail-exit.keys").write_bytes(encode_key_set([KEY]))
        self.relay = ScriptedRelay()
        self.start()
        self.wait(self.alice.add_contact("gate@away"))
        self.wait(self.bob.add_contact("gate@away"))

    def start(self) -> None:
        """Start the gateway, again after `stop`."""
        self.directory: GatewayDirectory = load_gateway(self.path)
        self.store = Store(SCHEMA, sqlite_url(self.path / "gateway.db"), exclusive=True)
        access = inline_access(self.store)
        world = GatewayWorld(self.client, access, self.clock, self.rng, at_once)
        self.tables = make_tables(self.directory, world)
        self.exit: ExitParts = make_exit(self.directory, world, self.tables, relay=self.relay)
        self.tidying = GatewayTidying(self.client, access, self.tables.ways, clock=self.clock)
        self.exit.relaying.start()
        self.tidying.start()
        self.stop_reading = self.client.on_received("mail/exit", self.exit.orders.take, reader="gateway")

    def stop(self) -> None:
        """Stop the gateway."""
        self.stop_reading()
        self.wait(self.exit.relaying.stop())
        self.wait(self.tidying.stop())
        self.store.close()

    def wait(self, awaitable: Awaitable[object]) -> None:
        """Wait for something of the clock."""
        wait_for(awaitable, self.clock)

    def token(self) -> bytes:
        """Return a good token."""
        return encode_token(new_token(KEY, self.rng))

    def order(
        self,
        mail: bytes,
        to: str = "carol@outside.example",
        *,
        token: bytes | None = None,
        sender: FakeClient | None = None,
        anonymous: bool = True,
    ) -> None:
        """Let Alice order a mail, and let the clock go on until all is done."""
        client = self.alice if sender is None else sender
        for body in bodies_of(mail, self.rng, to=to, token=self.token() if token is None else token):
            key = self.rng.randbytes(8).hex()
            sending = client.send("gate@away", body, kind="mail/exit", idempotency_key=key, anonymous=anonymous)
            self.wait(sending)
        self.pass_s(10)

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(int(seconds * 4) if seconds < 100 else 400):
            self.clock.advance(0.25 if seconds < 100 else seconds / 400)

    def refused(self) -> dict[str, int]:
        """Return how many orders were refused, by status."""
        return dict(self.exit.orders.refused)

    def reports_to(self, client: FakeClient) -> list[EmailMessage]:
        """Return what came to a client as mail, without envelopes."""
        found: list[EmailMessage] = []
        for message in wait_for(client.inbox(), self.clock):
            if message.kind == "mail":
                parsed = BytesParser(policy=default).parsebytes(decode_envelope(message.body).mail)
                assert isinstance(parsed, EmailMessage)
                found.append(parsed)
        return found


def written_mail(text: str = "Hello Carol.\n", extra: str = "", to: str = "carol@outside.example") -> bytes:
    """Return a mail as a mail program makes it."""
    head = f"From: Alice <alice@home.mix.invalid>\nTo: {to}\nSubject: Tea\nMessage-ID: <1@workstation>\n{extra}"
    return crlf(f"{head}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{text}")


def canonical_mail(mail: bytes | None = None, *, seed: int = 1, sender: str = ANONYMOUS) -> bytes:
    """Return its anonymous form, as a bridge orders it."""
    rng = random.Random(seed)
    written = written_mail() if mail is None else mail
    return canonicalise(written, sender=sender, ids={}, now_s=BEGINS_S + 1000, rng=rng).message
