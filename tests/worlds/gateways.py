"""A mail gateway between a network in memory and a relay that a test answers for."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import TypeVar, cast

import msgspec
from twisted.internet.address import IPv4Address
from twisted.internet.defer import succeed
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from client.api import Client, Contact, RequestTimeoutError
from client.testing import FakeClient, FakeNetwork, wait_for
from leap_plugin.gateways.configuration import PURPOSE, GatewayDirectory, create_gateway, load_gateway
from leap_plugin.gateways.entrance.authentication import DnsFailedError, Record
from leap_plugin.gateways.entrance.connection import EntranceFactory
from leap_plugin.gateways.exit.relay import RelayAnswer, RelayHasIt
from leap_plugin.gateways.store.schema import SCHEMA
from leap_plugin.gateways.store.waiting import OutsideMail
from leap_plugin.gateways.tidying import GatewayTidying
from leap_plugin.gateways.wiring import (
    EntranceParts,
    ExitParts,
    GatewayWorld,
    make_entrance,
    make_exit,
    make_strays,
    make_tables,
)
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

R = TypeVar("R")


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


class FakeZone:
    """Records that a test has written down; nothing else is found, and nothing is asked of anybody."""

    def __init__(self, **texts: str) -> None:
        """`texts`: TXT records by their names, with `__` for full stops."""
        self.records: dict[tuple[str, str], list[Record]] = {}
        self.fails = False
        self.asked: list[str] = []
        for name, text in texts.items():
            self.records[name.replace("__", "."), "TXT"] = [text.encode()]

    def find(self, name: str, kind: str) -> list[Record]:
        self.asked.append(name)
        if self.fails:
            raise DnsFailedError("the zone is away")
        return list(self.records.get((name, kind), []))


class Peer:
    """Another mail server, which speaks to an entrance."""

    def __init__(self, factory: EntranceFactory, clock: Clock, address: str) -> None:
        """`address`: where it speaks from."""
        place = IPv4Address("TCP", address, 40_000)
        self._clock = clock
        connection = factory.buildProtocol(place)
        self.is_turned_away = connection is None
        if connection is None:
            return
        self.connection = connection
        self.transport = StringTransport(peerAddress=place)
        self.connection.makeConnection(self.transport)
        self.greeting = self.said()

    def said(self) -> list[str]:
        """Return the lines that came since the last call."""
        lines = self.transport.value().decode().splitlines()
        self.transport.clear()
        return lines

    def say(self, *lines: str | bytes) -> list[str]:
        """Say lines, and return what came."""
        for line in lines:
            self.give((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
        return self.said()

    def give(self, data: bytes) -> None:
        """Send bytes, and let the entrance do what it does about them."""
        self.connection.dataReceived(data)
        for _ in range(40):
            if self.connection.is_busy:
                self._clock.advance(0.25)

    def hand_over(
        self, mail: bytes, *to: str, sender: str = "carol@outside.example", helo: str = "mx.outside.example"
    ) -> str:
        """Hand over a mail; return the last answer."""
        answers = self.say(f"EHLO {helo}", f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{one}>" for one in to))
        refused = [answer for answer in answers if not answer.startswith("2")]
        if refused:
            return refused[0]
        self.say("DATA")
        self.give(mail.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        return self.said()[-1]


class AtOnce:
    """Does without threads."""

    def __call__(self, work: Callable[[], R], /) -> Awaitable[R]:
        return succeed(work())


class LookingUp:
    """The gateway's client, whose look-ups fail, or find another key, while a test says so."""

    def __init__(self, client: FakeClient) -> None:
        self._client = client
        self.fails = self.other_key = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)

    async def add_contact(self, address: str) -> Contact:
        if self.fails:
            raise RequestTimeoutError("nobody answers")
        found = await self._client.add_contact(address)
        return msgspec.structs.replace(found, fingerprint="0000") if self.other_key else found


class GatewayTown:
    """Alice and Bob in the network; a gateway; its relay; a zone of the DNS."""

    def __init__(self, directory: Path, *, change: Callable[[str], str] = lambda text: text) -> None:
        """`change`: of the text of the configuration."""
        self.clock, self.rng = Clock(), random.Random(1)
        self.clock.advance(BEGINS_S + 1000)
        self.network = FakeNetwork(clock=self.clock, rng=self.rng)
        self.alice = self.network.client("alice@home")
        self.bob = self.network.client("bob@home")
        self.client: FakeClient = self.network.client("gate@away")
        self.looking_up = LookingUp(self.client)
        self.path = directory / "gateway"
        create_gateway(self.path, domain=DOMAIN, provider="home", client="client", rng=self.rng)
        config = self.path / "gateway.toml"
        text = config.read_text().replace("enabled = false", "enabled = true")
        text = text.replace('opt_out_url = ""', f'opt_out_url = "{URL}"')
        text = text.replace('postmaster = ""', 'postmaster = "bob@home"')
        (self.path / "users.txt").write_text("alice # of the house\nbob\n")
        config.write_text(change(text))
        (self.path / "mail-exit.keys").write_bytes(encode_key_set([KEY]))
        self.relay = ScriptedRelay()
        self.zone = FakeZone()
        self.start()
        self.wait(self.alice.add_contact("gate@away"))
        self.wait(self.bob.add_contact("gate@away"))

    def start(self) -> None:
        """Start the gateway, again after `stop`."""
        self.directory: GatewayDirectory = load_gateway(self.path)
        self.store = Store(SCHEMA, sqlite_url(self.path / "gateway.db"), exclusive=True)
        access = inline_access(self.store)
        world = GatewayWorld(cast(Client, self.looking_up), access, self.clock, self.rng, AtOnce())
        self.tables = make_tables(self.directory, world)
        self.exit: ExitParts = make_exit(self.directory, world, self.tables, relay=self.relay)
        self.tidying = GatewayTidying(self.client, access, self.tables.ways, clock=self.clock, rng=self.rng)
        self.entrance: EntranceParts = make_entrance(self.directory, world, self.tables, records=self.zone)
        self.exit.relaying.start()
        self.tidying.start()
        strays = make_strays(self.directory, world)
        self.readings = [
            self.client.on_received("mail/exit", self.exit.orders.take, reader="gateway"),
            self.client.on_received("mail", strays.take, reader="gateway"),
        ]

    def stop(self) -> None:
        """Stop the gateway."""
        for stop_reading in self.readings:
            stop_reading()
        self.entrance.factory.stop()
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

    def peer(self, address: str = "192.0.2.7") -> Peer:
        """Return another mail server, which has just connected."""
        return Peer(self.entrance.factory, self.clock, address)

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
