"""Mails of 50 KB through a gateway, out to an SMTP sink and in from SMTP, at gateway rates on a test network.

One client at gateway rates stands for the many users of a provider. They write all the time: a new mail is handed over
when one has arrived, so that `UNDER_WAY` are on their way. The rate is that of all mails, from the moment when the
first is handed over to the arrival of the last. It was taken from the times between arrivals, with all mails handed
over at once. Mails that wait together take turns, packet by packet, so all of those arrived near the end, and the
times between arrivals said nothing about how many get through.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import shutil
import smtplib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from benchmarks.report import Figure, barred, tell
from client.api import ReceivedMessage, UnavailableError
from client.remote_asyncio import asyncio_client
from leap_plugin.gateways.configuration import PURPOSE, create_gateway
from leap_plugin.mail.canonical import ANONYMOUS, canonicalise
from leap_plugin.mail.splitting import bodies_of
from loopixmix.errors import PeerError
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import Additions, PlannedClient, PlannedRates, TestnetPlan
from loopixmix.tokens import encode_key_set, encode_token
from tests.worlds.mails import crlf
from tests.worlds.mailservers import wait_for_port
from tests.worlds.tokens import new_token, token_key
from tests.worlds.zones import dns_server

FIGURES = ("gateway_mails_per_s", "gateway_mails_out_per_s", "gateway_mails_in_per_s")
BASE_PORT = 31_580
SINK_PORT, ENTRANCE_PORT, PAGE_PORT, DNS_PORT = (BASE_PORT + 15 + offset for offset in range(4))
DOMAIN = "gate.example"
USER = f"crowd@{DOMAIN}"
MAILS = 300
MAIL_BYTES = 50_000
PATIENCE_S = 400.0
SENDERS = 8
UNDER_WAY = 100
"""As many as leave in about eight seconds: the gateway tells once a second how many have left."""


def measure() -> list[Figure]:
    """Return how many mails a second leave and come in; the smaller of both is held against the bar."""
    with tempfile.TemporaryDirectory(prefix="loopixmix-gateway-") as temporary:
        out_per_s, in_per_s = run_both(Path(temporary), mails=MAILS)
    return [
        barred("gateway_mails_per_s", min(out_per_s, in_per_s), "mails/s", bar=10, better="higher"),
        Figure(name="gateway_mails_out_per_s", value=out_per_s, unit="mails/s"),
        Figure(name="gateway_mails_in_per_s", value=in_per_s, unit="mails/s"),
    ]


def run_both(directory: Path, *, mails: int) -> tuple[float, float]:
    """Return the rates out and in, in mails per second."""
    at_rates = PlannedRates()
    clients = (PlannedClient("crowd", 1, gateway=at_rates), PlannedClient("gate", 2, gateway=at_rates))
    plan = TestnetPlan(width=1, base_port=BASE_PORT).with_additions(Additions(clients=clients))
    network = TestNetwork.create(directory / "net", plan)
    key = token_key(purpose=PURPOSE, begins_s=0, ends_s=int(time.time()) + 86_400)
    gateway = directory / "gateway"
    _configure(gateway)
    (gateway / "mail-exit.keys").write_bytes(encode_key_set([key]))
    rng = random.Random(1)
    orders: list[bytes] = []
    for _ in range(mails):
        token = encode_token(new_token(key, rng))
        orders += bodies_of(_canonical(rng), rng, to="carol@outside.example", token=token)
    with network.running(timeout_s=PATIENCE_S), _sink(), _dns(), _gateway(gateway):
        crowd = network.directory / "crowd"
        # A named sender of the gateway's own domain is proven by a key that the gateway knows.
        asyncio.run(_know(network.directory / "gate", "crowd@provider-1"))
        asyncio.run(_know(crowd, "gate@provider-2"))
        out_per_s = asyncio.run(_send_out(crowd, gateway, orders))
        tell(f"{out_per_s:.1f} mails a second left")
        in_per_s = asyncio.run(_take_in(crowd, [_written(rng) for _ in range(mails)]))
        tell(f"{in_per_s:.1f} mails a second came in")
    return out_per_s, in_per_s


async def _send_out(crowd: Path, gateway: Path, orders: list[bytes]) -> float:
    async with asyncio_client(crowd, rng=random.SystemRandom()) as client:
        begun_s = time.monotonic()
        sent = relayed = 0
        while relayed < len(orders):
            _check(begun_s + PATIENCE_S, f"{relayed} of {len(orders)} mails left")
            for number in range(sent, min(relayed + UNDER_WAY, len(orders))):
                # Named orders: anonymous ones carry reply blocks besides, and users of a gateway are what is measured.
                key = f"order-{number}"
                await client.send("gate@provider-2", orders[number], kind="mail/exit", idempotency_key=key)
                sent = number + 1
            await asyncio.sleep(0.1)
            relayed = _status(gateway)["exit"]["relayed"]
        return len(orders) / (time.monotonic() - begun_s)


async def _take_in(crowd: Path, mails: list[bytes]) -> float:
    arrivals: list[float] = []
    room = threading.Semaphore(UNDER_WAY)

    def note(_: ReceivedMessage) -> None:
        arrivals.append(time.monotonic())
        room.release()

    async with asyncio_client(crowd, rng=random.SystemRandom()) as client:
        stop = client.on_received("mail", note, reader="benchmark")
        sending = threading.Thread(target=_hand_in, args=(mails, room))
        begun_s = time.monotonic()
        sending.start()
        while len(arrivals) < len(mails):
            _check(begun_s + PATIENCE_S, f"{len(arrivals)} of {len(mails)} mails came in")
            await asyncio.sleep(0.1)
        stop()
        sending.join()
    return len(mails) / (arrivals[-1] - begun_s)


def _hand_in(mails: list[bytes], room: threading.Semaphore) -> None:
    def hand_in(some: list[bytes]) -> None:
        with smtplib.SMTP("127.0.0.1", ENTRANCE_PORT, local_hostname="outside.example", timeout=PATIENCE_S) as smtp:
            for mail in some:
                if not room.acquire(timeout=PATIENCE_S):
                    return  # whoever waits for the mails says so
                smtp.sendmail("carol@outside.example", [USER], mail)

    threads = [threading.Thread(target=hand_in, args=(mails[start::SENDERS],)) for start in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


async def _know(directory: Path, address: str) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    async with asyncio_client(directory, rng=random.SystemRandom()) as client:
        while True:
            try:
                await client.add_contact(address)
                return
            except UnavailableError:
                _check(deadline_s, f"{address} was not found")


def _written(rng: random.Random) -> bytes:
    """Return a mail of 50 KB with an attachment that does not become shorter but by its base64."""
    content = base64.encodebytes(rng.randbytes(MAIL_BYTES * 74 // 100)).decode()
    return crlf(
        f"From: carol@outside.example\nTo: {USER}\nSubject: Fifty\nMessage-ID: <{rng.randbytes(8).hex()}@o.example>\n"
        'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nHere.\n\n'
        '--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename="a.pdf"\n'
        f"Content-Transfer-Encoding: base64\n\n{content}--b--\n"
    )


def _canonical(rng: random.Random) -> bytes:
    return canonicalise(_written(rng), sender=ANONYMOUS, ids={}, now_s=time.time(), rng=rng).message


def _configure(gateway: Path) -> None:
    create_gateway(gateway, domain=DOMAIN, provider="provider-1", client="../net/gate", rng=random.SystemRandom())
    config = gateway / "gateway.toml"
    changes = (
        ("enabled = false", "enabled = true"),
        ('opt_out_url = ""', f'opt_out_url = "http://127.0.0.1:{PAGE_PORT}/stop"'),
        ("127.0.0.1:8025", f"127.0.0.1:{PAGE_PORT}"),
        ("127.0.0.1:2525", f"127.0.0.1:{ENTRANCE_PORT}"),
        ("port = 25\n", f"port = {SINK_PORT}\n"),
        ('postmaster = ""', 'postmaster = "crowd@provider-1"'),
        ('resolvers = ""', f'resolvers = "127.0.0.1:{DNS_PORT}"'),
        ("per_recipient_per_hour = 20\n", "per_recipient_per_hour = 1000000\n"),
        ("per_domain_per_hour = 2000\n", "per_domain_per_hour = 1000000\n"),
        ("per_recipient_per_hour = 600\n", "per_recipient_per_hour = 1000000\n"),
    )
    text = config.read_text()
    for old, new in changes:
        if old not in text:
            raise RuntimeError(f"the configuration of a gateway has no {old!r} any more")
        text = text.replace(old, new)
    config.write_text(text)
    (gateway / "users.txt").write_text("crowd\n")


def _dns() -> AbstractContextManager[None]:
    return dns_server(DNS_PORT, {"outside.example": "v=spf1 ip4:127.0.0.1 -all"})


@contextmanager
def _sink() -> Iterator[None]:
    program = shutil.which("smtp-sink") or "/usr/sbin/smtp-sink"
    as_user = ["-u", "nobody"] if os.geteuid() == 0 else []
    running = subprocess.Popen([program, *as_user, f"127.0.0.1:{SINK_PORT}", "100"])
    try:
        wait_for_port(SINK_PORT)
        yield
    finally:
        running.terminate()
        running.wait()


@contextmanager
def _gateway(gateway: Path) -> Iterator[None]:
    run = [sys.executable, "-P", "-m", "loopixmix.main", "mail", "gateway", "run", str(gateway)]
    running = subprocess.Popen(run)
    try:
        deadline_s = time.monotonic() + PATIENCE_S
        _until(lambda: bool(_status(gateway).get("address")), deadline_s)
        yield
    finally:
        running.terminate()
        running.wait()


def _status(gateway: Path) -> dict[str, dict[str, int]]:
    try:
        told: dict[str, dict[str, int]] = json.loads((gateway / "status.json").read_bytes())
    except FileNotFoundError:
        return {}
    return told


def _until(holds: Callable[[], bool], deadline_s: float) -> None:
    while not holds():
        _check(deadline_s, "the gateway did not start")
        time.sleep(0.2)


def _check(deadline_s: float, problem: str) -> None:
    if time.monotonic() > deadline_s:
        raise PeerError(f"{problem} in {PATIENCE_S:g} s")
