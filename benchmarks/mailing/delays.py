"""How long mails take from the 250 to the recipient's client, over what the rates give; and beside a long one.

Each account has a client daemon of its own, on a real network; the queues of all of them are in this process, as in a
bridge. What is measured begins when a mail is durably taken, and ends when the recipient's client gives it out.
"""

from __future__ import annotations

import math
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from benchmarks.neighbours import pause, react_quietly
from benchmarks.report import Figure, barred
from client.api import ReceivedMessage
from client.remote import RemoteClient, remote_client
from leap_plugin.directory.sending import SendingSettings
from leap_plugin.mail.envelope import EnclosedMail
from leap_plugin.mail.heads import lines_of
from leap_plugin.mail.splitting import decode_body
from leap_plugin.mail.submitting import RcptTo, SubmittedMail
from leap_plugin.outgoing.account import OutgoingMail
from leap_plugin.outgoing.author import Author, QueueStore, SendingAccount
from leap_plugin.outgoing.planning import fragments_in
from leap_plugin.store.accounts import account_number
from leap_plugin.store.bell import MailBell
from leap_plugin.store.schema import MAIL_STORE
from loopixmix.params import NetworkParams
from loopixmix.store.access import threaded_access
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import FAST_PARAMS, PlannedClient, TestnetPlan

FIGURES = ("short_mail_delay_ratio", "hundred_kb_vs_rate")
BASE_PORT = 31_200
RATIO_BAR, RATE_BAR = 3.0, 1.10
ACCOUNTS, ROUNDS = 10, 3
SHORT_RUNS = 20
SHORT_BYTES, HUNDRED_KB, LONG_BYTES = 5_000, 100_000, 10_000_000
ONE_FRAGMENT_BYTES = 200
WARM_S = 30.0
TIMEOUT_S = 300.0


@dataclass
class _Member:
    """An account: its client, its queue, and the moments at which mails came, by their first bytes."""

    address: str
    client: RemoteClient
    queue: OutgoingMail
    came_at_s: dict[str, float] = field(default_factory=dict)

    async def send(self, to: _Member, size_bytes: int, rng: random.Random) -> float:
        """Send a mail that does not become shorter, and return how long it took."""
        token = f"{rng.getrandbits(64):016x}"
        await self.begin(to, size_bytes, rng, token)
        begin_s = time.monotonic()
        while token not in to.came_at_s:
            if time.monotonic() > begin_s + TIMEOUT_S:
                raise RuntimeError(f"a mail of {size_bytes:,} bytes did not come within {TIMEOUT_S:g} s")
            await pause(0.02)
        return to.came_at_s[token] - begin_s

    async def begin(self, to: _Member, size_bytes: int, rng: random.Random, token: str) -> None:
        """Hand a mail over and return once it is durably taken."""
        head = f"Subject: {token}\r\n\r\n".encode()
        recipient = RcptTo(address=f"{to.address}.mix.invalid")
        mail = head + rng.randbytes(max(0, size_bytes - len(head)))
        await self.queue.submit(SubmittedMail(sender="", recipients=(recipient,), mail=mail))


def measure() -> list[Figure]:
    """Return the delay of a short mail behind a long one, over that alone; and of 100 KB, over what the rate gives."""
    found: list[Figure] = []
    react_quietly(lambda: _measure(found))
    return found


async def _measure(found: list[Figure]) -> None:
    rng = random.Random(12)
    async with members(FAST_PARAMS, 2) as (alice, bob):
        alone_s = [await alice.send(bob, SHORT_BYTES, rng) for _ in range(SHORT_RUNS)]
        await alice.begin(bob, LONG_BYTES, rng, "long")
        await pause(5.0)
        behind_s = [await alice.send(bob, SHORT_BYTES, rng) for _ in range(SHORT_RUNS)]
        if "long" in bob.came_at_s:
            raise RuntimeError("the long mail had gone before the last short one was sent")
    alone, behind = statistics.fmean(alone_s), statistics.fmean(behind_s)
    found += [
        barred("short_mail_delay_ratio", behind / alone, "of that alone", bar=RATIO_BAR, better="lower"),
        Figure(name="short_mail_alone_s", value=alone, unit="s"),
    ]
    async with members(NetworkParams(), ACCOUNTS) as all_members:
        network = await all_members[0].client.network()
        single_s = await _in_parallel(all_members, ONE_FRAGMENT_BYTES, rng)
        waits_s = await _in_parallel(all_members, HUNDRED_KB, rng)
    rate_per_s = NetworkParams().payload_rate_per_s
    # A mail of one fragment waits for a departure, and is then on its way as every packet is.
    latency_s = statistics.fmean(single_s) - 1 / rate_per_s
    expected_s = fragments_in(HUNDRED_KB, network.fragment_bytes) / rate_per_s
    mean_s = statistics.fmean(waits_s)
    found += [
        barred(
            "hundred_kb_vs_rate", (mean_s - latency_s) / expected_s, "of fragments / rate", bar=RATE_BAR, better="lower"
        ),
        Figure(name="hundred_kb_mean_s", value=mean_s, unit=f"s, +- {_standard_error(waits_s):.2f}"),
        Figure(name="packet_latency_s", value=latency_s, unit=f"s, +- {_standard_error(single_s):.2f}"),
    ]


async def _in_parallel(all_members: Sequence[_Member], size_bytes: int, rng: random.Random) -> list[float]:
    """Let each send to the next one, all at one time, `ROUNDS` times: nobody gets two mails at a time."""
    waits_s: list[float] = []

    async def send_all(number: int) -> None:
        to = all_members[(number + 1) % len(all_members)]
        for _ in range(ROUNDS):
            waits_s.append(await all_members[number].send(to, size_bytes, rng))

    work = [Deferred.fromCoroutine(send_all(number)) for number in range(len(all_members))]
    for each in work:
        await each
    return waits_s


@asynccontextmanager
async def members(params: NetworkParams, count: int) -> AsyncIterator[list[_Member]]:
    """Run a network at these rates, with so many accounts that know each other, and their queues."""
    clients = tuple(PlannedClient(f"user-{number}", provider=1 + number % 2) for number in range(count))
    plan = TestnetPlan(width=1, providers=2, base_port=BASE_PORT, params=params, clients=clients)
    with tempfile.TemporaryDirectory(prefix="loopixmix-bench-") as temporary:
        directory = Path(temporary)
        store = Store(MAIL_STORE, sqlite_url(directory / "mail.db"), exclusive=True)
        access = threaded_access(store, waiting="mails", call_on_reactor=reactor.callFromThread)
        network = TestNetwork.create(directory / "net", plan)
        with network.running(timeout_s=180.0):
            found = []
            for planned in clients:
                address = f"{planned.name}@provider-{planned.provider}"
                client = remote_client(network.directory / planned.name, reactor=reactor, rng=random.SystemRandom())
                number = store.write(partial(account_number, address=address, now_s=time.time()))
                account = SendingAccount(
                    author=Author(number, address),
                    client=client,
                    store=QueueStore(number, access, MailBell(), deferToThread),
                    settings=SendingSettings(),
                    clock=reactor,
                    rng=random.SystemRandom(),
                )
                member = _Member(address, client, OutgoingMail(account, call_on_reactor=reactor.callFromThread))
                client.on_received("mail", partial(_note, member))
                member.queue.start()
                found.append(member)
            for number, member in enumerate(found):
                await member.queue.check_recipient(f"{found[(number + 1) % count].address}.mix.invalid", None)
            await pause(WARM_S)
            try:
                yield found
            finally:
                for member in found:
                    await member.queue.stop()
                    member.client.close()
        await access.stop()


def _note(member: _Member, message: ReceivedMessage) -> None:
    now_s, mail = time.monotonic(), decode_body(message.body)
    if isinstance(mail, EnclosedMail):
        member.came_at_s[lines_of(mail.mail, "Subject")[0]] = now_s


def _standard_error(values: Sequence[float]) -> float:
    return statistics.stdev(values) / math.sqrt(len(values))
