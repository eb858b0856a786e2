"""A gateway on a network of its own, with a real Postfix as its relay, and a real Dovecot that shows what came out."""

from __future__ import annotations

import asyncio
import email
import json
import os
import random
import smtplib
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Container, Iterator
from contextlib import ExitStack
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import TypeVar

import msgspec
import pysequoia
import pytest
from imapclient import IMAPClient

from client.api import ReceivedMessage, UnavailableError
from client.remote_asyncio import asyncio_client
from leap_plugin.gateways.configuration import PURPOSE
from leap_plugin.mail.canonical import ANONYMOUS, canonicalise
from leap_plugin.mail.envelope import decode_envelope
from leap_plugin.mail.splitting import bodies_of
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import FAST_PARAMS, Additions, PlannedClient, TestnetPlan
from loopixmix.tokens import encode_key_set, encode_token
from tests.worlds.gateways import written_mail
from tests.worlds.mailservers import Dovecot, Postfix
from tests.worlds.tokens import new_token, token_key
from tests.worlds.zones import dns_server

pytestmark = [
    pytest.mark.long,
    pytest.mark.needs("postfix", "dovecot", "swaks"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix and Dovecot are started as root"),
]

BASE_PORT = 31_500
RELAY_PORT, IMAP_PORT, ENTRANCE_PORT, PAGE_PORT, DNS_PORT = (BASE_PORT + 60 + offset for offset in range(5))
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

    def __init__(self, directory: Path, closing: ExitStack) -> None:
        clients = (PlannedClient("alice", 1), PlannedClient("gate", 2))
        plan = TestnetPlan(width=1, base_port=BASE_PORT, params=PARAMS).with_additions(Additions(clients=clients))
        self.network = TestNetwork.create(directory / "net", plan)
        self.postfix = Postfix(
            RELAY_PORT, stores="outside.example", users=("carol", "dave"), forwards=DOMAIN, forward_port=ENTRANCE_PORT
        )
        closing.callback(self.postfix.stop)
        self.postfix.start()
        self.dovecot = Dovecot(IMAP_PORT, self.postfix.mailboxes)
        closing.callback(self.dovecot.stop)
        self.dovecot.start()
        closing.enter_context(dns_server(DNS_PORT, {"outside.example": "v=spf1 ip4:127.0.0.1 -all"}))
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
        text = text.replace('opt_out_url = ""', f'opt_out_url = "http://127.0.0.1:{PAGE_PORT}/stop"')
        text = text.replace("127.0.0.1:8025", f"127.0.0.1:{PAGE_PORT}")
        text = text.replace("127.0.0.1:2525", f"127.0.0.1:{ENTRANCE_PORT}")
        text = text.replace("port = 25\n", f"port = {RELAY_PORT}\n")
        text = text.replace('postmaster = ""', 'postmaster = "alice@provider-1"')
        text = text.replace('resolvers = ""', f'resolvers = "127.0.0.1:{DNS_PORT}"')
        # Otherwise names would be asked of the system's resolvers.
        assert f'"127.0.0.1:{DNS_PORT}"' in text
        config.write_text(text)
        (self.path / "users.txt").write_text("alice\n")
        (self.path / "mail-exit.keys").write_bytes(encode_key_set([self.key]))
        assert "all is well" in self.command("run", "--check-config")

    def command(self, *words: str, codes: Container[int] = (0,)) -> str:
        """Run `loopixmix mail gateway`; it ends with one of `codes`."""
        done = subprocess.run(
            [sys.executable, "-m", "loopixmix.main", "mail", "gateway", words[0], str(self.path), *words[1:]],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert done.returncode in codes, done.stderr
        return done.stdout

    def start(self) -> None:
        """Start the gateway, and wait until it is ready."""
        run = [sys.executable, "-m", "loopixmix.main", "mail", "gateway", "run", str(self.path)]
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
            with IMAPClient("127.0.0.1", IMAP_PORT, ssl=False, timeout=PATIENCE_S) as imap:
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


def canonical(text: str, to: str = "carol@outside.example") -> bytes:
    mail = written_mail(text, to=to)
    return canonicalise(mail, sender=ANONYMOUS, ids={}, now_s=time.time(), rng=RNG).message


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayCity]:
    with ExitStack() as closing:
        yield GatewayCity(tmp_path_factory.mktemp("city"), closing)


def test_a_mail_goes_out_its_answer_comes_back_and_its_recipient_opts_out(city: GatewayCity) -> None:
    token = city.order(canonical("Come for cake.\n"))
    [mail] = city.outside("carol", 1)
    assert mail["From"] == f"anonymous@{DOMAIN}"
    assert mail.get_content().startswith("Come for cake.")
    assert "DKIM-Signature" not in mail
    # Nothing of the machine is in it but what Postfix itself writes.
    assert city.network.directory.name not in mail.as_string().replace(DOMAIN, "")
    for line in mail.get_all("Received", []):
        assert f"from {DOMAIN} (" in line or "mx.outside.example" in line

    with smtplib.SMTP("127.0.0.1", RELAY_PORT, local_hostname="carols.example", timeout=PATIENCE_S) as smtp:
        answer = f"From: carol@outside.example\r\nTo: {mail['Reply-To']}\r\nSubject: Re: Tea\r\n\r\nI shall.\r\n"
        smtp.sendmail("carol@outside.example", [mail["Reply-To"]], answer)
    [answered] = city.received("alice", 1)
    assert answered["Subject"] == "Re: Tea"
    assert answered["Authentication-Results"].startswith(f"{DOMAIN}; spf=pass")
    assert "carols.example" in answered["Received"]

    link = mail["List-Unsubscribe"].strip("<>")
    with urllib.request.urlopen(link) as page:
        assert b"Send me no more mail" in page.read()
    posted = urllib.request.Request(link, data=b"List-Unsubscribe=One-Click", method="POST")
    with urllib.request.urlopen(posted) as page:
        assert b"sends no more mail" in page.read()
    city.order(canonical("More cake?\n"))
    [_, report] = city.received("alice", 2)
    assert report.get_content_type() == "multipart/report"
    assert "sends nothing to that recipient" in report.as_string()
    assert len(city.outside("carol", 1)) == 1

    # The token that paid the first mail pays no other one, after a crash neither.
    city.kill()
    city.start()
    city.order(canonical("Cake for Dave.\n", "dave@outside.example"), "dave@outside.example", token=token)
    [*_, refusal] = city.received("alice", 3)
    assert "the token does not count" in refusal.as_string()


def test_what_the_relay_refuses_is_told_to_the_sender(city: GatewayCity) -> None:
    before = len(city.received("alice", 0))
    city.order(canonical("Hello.\n", "nobody@outside.example"), "nobody@outside.example")
    city.order(canonical("Hallo.\n", "jürgen@outside.example"), "jürgen@outside.example")
    reports = city.received("alice", before + 1)[before:]
    assert "5.1.1" in reports[0].as_string()
    city.until(lambda: city.status()["now"]["exit"]["refused_by_relay"] >= 2)  # type: ignore[index]


def test_mail_to_a_known_key_leaves_encrypted(city: GatewayCity) -> None:
    secret = pysequoia.Tsk.generate("dave@outside.example")
    (city.path / "keys" / "dave@outside.example.asc").write_text(str(secret.extract_certificate()))
    city.order(canonical("For your eyes.\n", "dave@outside.example"), "dave@outside.example")
    [*_, mail] = city.outside("dave", 1)
    assert mail["Subject"] == "[...]"
    [_, sealed] = mail.iter_parts()
    opened = pysequoia.decrypt(bytes(sealed.get_payload(decode=True)), decryptor=secret.decryptor())
    inner = parsed(bytes(opened.bytes or b""))
    assert inner["Subject"] == "Tea"
    assert inner.get_param("hp") == "cipher"
    assert inner.get_content().startswith("For your eyes.")


def test_swaks_hands_a_mail_in_and_a_stranger_nothing_through(city: GatewayCity) -> None:
    before = len(city.received("alice", 0))
    swaks = ["swaks", "--server", f"127.0.0.1:{ENTRANCE_PORT}", "--from", "carol@outside.example"]
    options = {"capture_output": True, "text": True, "check": False, "timeout": PATIENCE_S}
    sent = subprocess.run([*swaks, "--to", f"alice@{DOMAIN}", "--header", "Subject: Swaks"], **options)  # type: ignore[call-overload]
    assert sent.returncode == 0, sent.stdout
    assert city.received("alice", before + 1)[-1]["Subject"] == "Swaks"
    through = subprocess.run([*swaks, "--to", "victim@elsewhere.example"], **options)  # type: ignore[call-overload]
    assert "550 5.7.1" in through.stdout
