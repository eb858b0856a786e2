"""Ten thousand messages of 1 KB in one call of a real daemon, which is killed as soon as it has answered.

The daemon has an account and a contact, and no network: what is measured is accepting, not sending.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from benchmarks.report import Figure, barred
from client.api import Letter, NotRunningError
from client.asking.account import ACCOUNT_FACT
from client.directory.configuration import STORE_FILE, create_client
from client.link.session import Account
from client.remote_asyncio import AsyncioClient, asyncio_client
from client.running.recovery import PARAMS_FACT
from client.store import ClientStore, contacts
from client.store.contacts import pin_of
from loopixmix.cards import SealingKey, make_card
from loopixmix.keys import IdentityKey
from loopixmix.params import NetworkParams
from loopixmix.seams import Identity

LETTERS = 10_000
BODY_BYTES = 1024
ROUNDS = 3
BAR_PER_S = 5_000.0
START_S = 30.0
TRUST_ROOT = f"""\
name = "nowhere"

[[authorities]]
public_key = "{"ab" * 32}"
url = "http://127.0.0.1:9"
"""


def measure() -> list[Figure]:
    """Measure how fast a daemon takes messages; each round has a daemon and a store of its own."""
    rates = [_round(seed) for seed in range(ROUNDS)]
    return [
        barred("bulk_send_per_s", statistics.median(rates), "messages/s", bar=BAR_PER_S, better="higher"),
    ]


class Home(msgspec.Struct, frozen=True):
    """The network of a client, and the provider of its account."""

    trust_root: str
    provider: Identity
    provider_name: str
    params: NetworkParams

    @property
    def bob(self) -> str:
        """The address of the client's one contact."""
        return f"bob@{self.provider_name}"


NOWHERE = Home(TRUST_ROOT, bytes(32), "home", NetworkParams())
"""A network that is never there."""


def make_directory(path: Path, *, seed: int, home: Home = NOWHERE) -> None:
    """Make the directory of a client that has an account and Bob as a contact, as if it had been on a network."""
    rng = random.Random(seed)
    path.mkdir(parents=True, exist_ok=True)
    trust_root = path / "given.toml"
    trust_root.write_text(home.trust_root)
    create_client(path, network=trust_root, api_port=0, rng=rng)
    account = Account(name="alice", provider=home.provider, provider_name=home.provider_name)
    bob = IdentityKey.generate(rng)
    card = make_card(
        bob, name="bob", provider=home.provider, sealing_key=SealingKey.generate(rng).public, now_s=time.time()
    )

    def fill(connection: Connection) -> None:
        contacts.save_fact(connection, ACCOUNT_FACT, msgspec.msgpack.encode(account))
        contacts.save_fact(connection, PARAMS_FACT, msgspec.msgpack.encode(home.params))
        contacts.save(connection, pin_of(home.bob, card, compared=True))

    store = ClientStore(path / STORE_FILE)
    store.write(fill)
    store.close()


@contextlib.contextmanager
def running_daemon(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the daemon of a directory as a user would; it is killed at the end, unless it was before."""
    command = [sys.executable, "-P", "-m", "loopixmix.main", "client", "run", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.poll() is None:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process as a loss of power would."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


async def daemon_of(client: AsyncioClient) -> None:
    """Return once the daemon answers; raise `NotRunningError` if it does not in time."""
    deadline_s = time.monotonic() + START_S
    while True:
        try:
            await client.status()
        except NotRunningError:
            if time.monotonic() > deadline_s:
                raise
            await asyncio.sleep(0.1)
        else:
            return


def letters_to_bob(count: int, *, seed: int) -> list[Letter]:
    """Return letters with random bodies."""
    rng = random.Random(seed)
    return [
        Letter(to=NOWHERE.bob, body=rng.randbytes(BODY_BYTES), kind="bulk", idempotency_key=f"{seed}/{number}")
        for number in range(count)
    ]


def stored_ids(path: Path) -> set[str]:
    """Return the ids of the messages that wait in the store of a client that does not run."""
    store = ClientStore(path / STORE_FILE)
    try:
        query = "SELECT message_id FROM messages JOIN drafts ON drafts.message = messages.id"
        return set(store.write(lambda c: list(c.exec_driver_sql(query).scalars())))
    finally:
        store.close()


def _round(seed: int) -> float:
    with tempfile.TemporaryDirectory(prefix="loopixmix-bench-") as folder:
        path = Path(folder) / "alice"
        make_directory(path, seed=seed)
        letters = letters_to_bob(LETTERS, seed=seed)

        async def send() -> tuple[float, list[str]]:
            async with asyncio_client(path, rng=random.SystemRandom()) as client:
                await daemon_of(client)
                began_s = time.perf_counter()
                ids = await client.send_many(letters)
                return time.perf_counter() - began_s, ids

        with running_daemon(path) as process:
            took_s, ids = asyncio.run(send())
            kill(process)
        lost = set(ids) - stored_ids(path)
        if lost or len(ids) != LETTERS:
            raise AssertionError(f"{len(lost)} of {LETTERS} accepted messages are gone after a kill")
        return LETTERS / took_s
