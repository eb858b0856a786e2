"""How many mails a bridge takes per second: over SMTP, each answered with 250 only when it is durable.

A real bridge runs on a small network with real client daemons. Several mail programs send at the same time, each one
mail after the other, so that the bridge may let mails share a flush of the disk. What is taken also begins to leave.
The reference is what the same disk does when each write of that length is flushed for itself.
"""

from __future__ import annotations

import os
import random
import smtplib
import tempfile
import threading
import time
from pathlib import Path

import msgspec

from benchmarks.report import Figure, barred, tell
from leap_plugin.directory.passwords import MailPasswords
from leap_plugin.mail.addresses import mail_address_of
from leap_plugin.testnet import BRIDGE, PORT_OFFSETS, mail_additions
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import FAST_PARAMS, TestnetPlan, provider_name

FIGURES = ("bridge_accepted_per_s", "bridge_accepted_alone_per_s")
BASE_PORT = 31_600
BAR_PER_S = 50.0
MAIL_BYTES = 10_000
PROGRAMS = 8
MAILS = 400
ALONE_MAILS = 60
FSYNCS_S = 3.0
TIMEOUT_S = 60.0


def measure() -> list[Figure]:
    """Return how many mails of 10 KB a bridge takes per second, of several programs and of one."""
    plan = TestnetPlan(width=1, base_port=BASE_PORT, params=msgspec.structs.replace(FAST_PARAMS, epoch_length_s=7200))
    plan = plan.with_additions(mail_additions(plan))
    with tempfile.TemporaryDirectory(prefix="loopixmix-accepting-") as directory:
        flushes_per_s = _flushes_per_s(Path(directory))
        network = TestNetwork.create(Path(directory) / "net", plan)
        with network.running(timeout_s=180.0):
            sender = _Sender(network)
            sender.begin()
            tell("one mail program")
            alone_per_s = sender.rate_per_s(1, ALONE_MAILS)
            tell(f"{PROGRAMS} mail programs")
            accepted_per_s = sender.rate_per_s(PROGRAMS, MAILS)
    return [
        barred("bridge_accepted_per_s", accepted_per_s, "/s", bar=BAR_PER_S, better="higher", reference=flushes_per_s),
        Figure(name="bridge_accepted_alone_per_s", value=alone_per_s, unit="/s", reference=flushes_per_s),
    ]


class _Sender:
    """The mail programs of one user."""

    def __init__(self, network: TestNetwork) -> None:
        addresses = [f"{client.name}@{provider_name(client.provider)}" for client in network.plan.clients]
        self._own, self._to = (mail_address_of(address, frozenset()) for address in addresses)
        self._password = MailPasswords(network.directory / BRIDGE).make_local(self._own, random.SystemRandom())
        self._failures: list[Exception] = []

    def begin(self) -> None:
        """Send one mail, for which the recipient is looked up, as soon as the bridge has noticed its accounts."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while True:
            try:
                return self.send(1)
            except smtplib.SMTPException:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(1.0)

    def rate_per_s(self, programs: int, mails: int) -> float:
        """Send `mails` from several programs; return how many were taken in each second."""
        threads = [threading.Thread(target=self._try, args=(mails // programs,)) for _ in range(programs)]
        begin_s = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed_s = time.monotonic() - begin_s
        if self._failures:
            raise self._failures[0]
        return mails // programs * programs / elapsed_s

    def send(self, mails: int) -> None:
        """Send mails one after the other, over one connection."""
        rng = random.Random()
        with smtplib.SMTP("127.0.0.1", BASE_PORT + PORT_OFFSETS[0], timeout=TIMEOUT_S) as session:
            session.login(self._own, self._password)
            for _ in range(mails):
                body = rng.randbytes(MAIL_BYTES // 2).hex()
                lines = "\r\n".join(body[place : place + 76] for place in range(0, len(body), 76))
                session.sendmail(self._own, [self._to], f"Subject: one of many\r\n\r\n{lines}\r\n")

    def _try(self, mails: int) -> None:
        try:
            self.send(mails)
        except Exception as error:
            self._failures.append(error)


def _flushes_per_s(directory: Path) -> float:
    data = os.urandom(MAIL_BYTES)
    count = 0
    with (directory / "flushed").open("wb", buffering=0) as file:
        begin_s = time.monotonic()
        while time.monotonic() < begin_s + FSYNCS_S:
            file.write(data)
            os.fsync(file.fileno())
            count += 1
        return count / (time.monotonic() - begin_s)
