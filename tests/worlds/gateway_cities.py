"""A gateway on a network of its own, between a real Postfix as its relay and a Dovecot that shows what came out."""

from __future__ import annotations

import asyncio
import email
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Container, Sequence
from contextlib import ExitStack
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import TypeVar

import msgspec
from imapclient import IMAPClient

from client.api import ReceivedMessage, UnavailableError
from client.remote_asyncio import asyncio_client
from leap_plugin.gateways.configuration import PURPOSE
from leap_plugin.mail.envelope import decode_envelope
from leap_plugin.mail.splitting import bodies_of
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import FAST_PARAMS, Additions, PlannedClient, PlannedService, TestnetPlan
from loopixmix.tokens import encode_key_set, encode_token
from tests.worlds.mailservers import Dovecot, Postfix
from tests.worlds.tokens import new_token, token_key
from tests.worlds.zones import dns_server

DOMAIN = "gate.example"
PATIENCE_S = 300.0
# Slower than a test network: what is tested are not its rates, and other tests need the machine, too.
PARAMS = msgspec.structs.replace(
    FAST_PARAMS, payload_rate_per_s=15.0, loop_rate_per_s=1.0, drop_rate_per_s=1.0, node_loop_rate_per_s=0.5
)
RNG = random.Random(1)

T = TypeVar("T")


class GatewayCity:
    """A network with a user and a gateway, and the mail servers around it."""

    def __init__(
        self, directory: Path, closing: ExitStack, *, base_port: int, services: Sequence[PlannedService] = ()
    ) -> None:
        """`closing`: ends all of it. `services`: with an `issuer` at provider-1 that issues the tokens.

        Without it, the test itself makes them.
        """
        self.relay_port, self.imap_port, self.entrance_port, self.page_port, dns_port = (
            base_port + 60 + offset for offset in range(5)
        )
        self._dns_port = dns_port
        clients = (PlannedClient("alice", 1), PlannedClient("gate", 2))
        plan = TestnetPlan(width=1, base_port=base_port, params=PARAMS)
        plan = plan.with_additions(Additions(clients=clients, services=tuple(services)))
        self.network = TestNetwork.create(directory / "net", plan)
        self.postfix = Postfix(
            self.relay_port,
            stores="outside.example",
            users=("carol", "dave"),
            forwards=DOMAIN,
            forward_port=self.entrance_port,
        )
        closing.callback(self.postfix.stop)
        self.postfix.start()
        self.dovecot = Dovecot(self.imap_port, self.postfix.mailboxes)
        closing.callback(self.dovecot.stop)
        self.dovecot.start()
        closing.enter_context(dns_server(dns_port, {"outside.example": "v=spf1 ip4:127.0.0.1 -all"}))
        closing.enter_context(self.network.running(timeout_s=PATIENCE_S))
        self.path = directory / "gateway"
        self._process: subprocess.Popen[bytes] | None = None
        self._closing = closing
        self.key = token_key(purpose=PURPOSE, begins_s=0, ends_s=int(time.time()) + 86_400)
        self._configure()
        closing.callback(self.stop)
        self.start()
        self.act("alice", lambda client: client.add_contact("gate@provider-2"))

    def _configure(self) -> None:
        made = self.command("init", "--domain", DOMAIN, "--provider", "provider-1", "--client", "../net/gate")
        assert "both sides are off" in made
        config = self.path / "gateway.toml"
        text = config.read_text().replace("enabled = false", "enabled = true")
        text = text.replace('opt_out_url = ""', f'opt_out_url = "http://127.0.0.1:{self.page_port}/stop"')
        text = text.replace("127.0.0.1:8025", f"127.0.0.1:{self.page_port}")
        text = text.replace("127.0.0.1:2525", f"127.0.0.1:{self.entrance_port}")
        text = text.replace("port = 25\n", f"port = {self.relay_port}\n")
        text = text.replace('postmaster = ""', 'postmaster = "alice@provider-1"')
        text = text.replace('resolvers = ""', f'resolvers = "127.0.0.1:{self._dns_port}"')
        # Otherwise names would be asked of the system's resolvers.
        assert f'"127.0.0.1:{self._dns_port}"' in text
        config.write_text(text)
        (self.path / "users.txt").write_text("alice\n")
        issued = self.network.directory / "provider-1" / "services" / "issuer" / "public.keys"
        keys = issued.read_bytes() if self.network.plan.services else encode_key_set([self.key])
        (self.path / "mail-exit.keys").write_bytes(keys)
        assert "all is well" in self.command("run", "--check-config")

    def command(self, *words: str, codes: Container[int] = (0,)) -> str:
        """Run `loopixmix mail gateway`; it ends with one of `codes`."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "loopixmix.main", "mail", "gateway", words[0], str(self.path), *words[1:]],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert done.returncode in codes, done.stderr
        return done.stdout

    def start(self) -> None:
        """Start the gateway, and wait until it is ready."""
        run = [sys.executable, "-P", "-m", "loopixmix.main", "mail", "gateway", "run", str(self.path)]
        self._process = subprocess.Popen(run)
        self.until(lambda: self.status()["now"] is not None and self.status()["now"]["address"] == "gate@provider-2")

    def stop(self) -> None:
        """End it in an orderly way."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            assert process.wait(PATIENCE_S) == 0

    def kill(self) -> None:
        """End it with kill -9."""
        process, self._process = self._process, None
        assert process is not None
        process.kill()
        process.wait(PATIENCE_S)

    def status(self) -> dict[str, dict[str, object]]:
        """Return what the operator is told."""
        told = json.loads(self.command("status", "--json", codes=(0, 1)))
        assert isinstance(told, dict)
        return told

    def until(self, holds: Callable[[], T]) -> T:
        """Wait until something holds."""
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            found = holds()
            if found:
                return found
            assert time.monotonic() < deadline_s
            time.sleep(0.5)

    def act(self, name: str, work: Callable[..., object]) -> object:
        """Do something with a client."""

        async def acting() -> object:
            async with asyncio_client(self.network.directory / name, rng=random.SystemRandom()) as client:
                return await work(client)

        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                return asyncio.run(acting())
            except UnavailableError:
                assert time.monotonic() < deadline_s

    def order(self, mail: bytes, to: str = "carol@outside.example", *, token: bytes | None = None) -> bytes:
        """Let Alice order a mail; return the token that pays it."""
        paid = encode_token(new_token(self.key, RNG)) if token is None else token
        [body] = bodies_of(mail, RNG, to=to, token=paid)
        key = RNG.randbytes(8).hex()
        options = {"kind": "mail/exit", "idempotency_key": key, "anonymous": True}
        self.act("alice", lambda client: client.send("gate@provider-2", body, **options))
        return paid

    def received(self, name: str, count: int) -> list[EmailMessage]:
        """Wait until so many mails came to a user of the network; return them."""

        def mails() -> list[ReceivedMessage]:
            found = self.act(name, lambda client: client.inbox())
            assert isinstance(found, list)
            return [message for message in found if message.kind == "mail"]

        came = self.until(lambda: (found := mails()) if len(mails()) >= count else [])
        return [parsed(decode_envelope(message.body).mail) for message in came]

    def outside(self, name: str, count: int) -> list[EmailMessage]:
        """Wait until so many mails came to a user outside, as Dovecot shows them."""

        def mails() -> list[bytes]:
            with IMAPClient("127.0.0.1", self.imap_port, ssl=False, timeout=PATIENCE_S) as imap:
                imap.login(f"{name}@outside.example", Dovecot.PASSWORD)
                imap.select_folder("INBOX", readonly=True)
                uids = imap.search()
                found = imap.fetch(uids, ["BODY.PEEK[]"]) if uids else {}
                return [one[b"BODY[]"] for _, one in sorted(found.items())]

        came = self.until(lambda: (found := mails()) if len(mails()) >= count else [])
        return [parsed(one) for one in came]


def parsed(mail: bytes) -> EmailMessage:
    found = email.message_from_bytes(mail, policy=default)
    assert isinstance(found, EmailMessage)
    return found
