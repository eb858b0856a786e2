"""A mix network on this machine whose users have mail programs: each has a client daemon and a bridge of its own."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import psutil
import tomli_w

from leap_plugin.demo.mail_program import MailProgram
from leap_plugin.demo.mailing import wait_for_ports
from leap_plugin.directory.configuration import LOCK_FILE, PORTS_FILE
from leap_plugin.directory.making import make_unasked
from leap_plugin.directory.passwords import MailPasswords
from leap_plugin.directory.trace_file import load_trace_key
from leap_plugin.mail.trace import ProvenOrigin, check_mark
from loopixmix.process.files import lock_holder
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import FAST_PARAMS, PlannedClient, TestnetPlan, planned_nodes, provider_name
from tests.worlds.commands import command_text

CLIENT_LOCK_FILE = "client.lock"
QUOTA_ITEMS = 60_000
_RNG = random.SystemRandom()


class UserOfMail:
    """A person with an account, a client daemon, a bridge, and a mail program."""

    def __init__(self, network: TestNetwork, client: PlannedClient) -> None:
        self.name = client.name
        self.address = f"{client.name}@{provider_name(client.provider)}"
        self.login = f"{self.address}.mix.invalid"
        self.client = network.directory / client.name
        self.bridge = network.directory / f"{client.name}-bridge"
        self._network = network
        made = make_unasked(self.bridge, [(self.address, self.client)], (0, 0), rng=_RNG, now_s=time.time())
        assert [account.login for account in made.config.accounts] == [self.login]
        self.trace_key = load_trace_key(self.bridge)
        self._password = MailPasswords(self.bridge).make_local(self.login, _RNG)

    def start_bridge(self) -> None:
        """Start the bridge, as an operator does after it ended in whatever way."""
        with contextlib.suppress(FileNotFoundError):
            # A bridge that was killed leaves it behind, and it may name ports of somebody else by now.
            (self.bridge / PORTS_FILE).unlink()
        self._network.processes.start(f"{self.name}-bridge", ["mail", "run", str(self.bridge)])

    def program(self) -> MailProgram:
        """Return the mail program, as soon as the bridge listens."""
        ports = wait_for_ports(self.bridge)
        return MailProgram(self.login, self._password, ports["smtp"], ports["imap"])

    def kill_bridge(self) -> None:
        """Kill the bridge as the system does."""
        kill_holder(self.bridge / LOCK_FILE)

    def kill_daemon(self) -> None:
        """Kill the client daemon."""
        kill_holder(self.client / CLIENT_LOCK_FILE)

    def proven(self, mail: bytes) -> ProvenOrigin | None:
        """Return what the bridge's lines on a mail say, if they are true."""
        found = check_mark(mail, self.trace_key)
        return found if isinstance(found, ProvenOrigin) else None

    def in_inbox(self) -> int:
        """Return how many mails INBOX has, as the store says."""
        return self._count(
            self.bridge / "mail.db",
            "SELECT count(*) FROM mails JOIN folders ON folder = folders.number WHERE folders.name = 'INBOX'",
        )

    def in_client(self, query: str) -> int:
        """Return the number that a query of the client's store gives."""
        return self._count(self.client / "client.db", query)

    def _count(self, database: Path, query: str) -> int:
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5.0)) as opened:
            return int(opened.execute(query).fetchone()[0])


class MailNetwork:
    """The network and its users."""

    def __init__(self, network: TestNetwork) -> None:
        self.network = network
        self.users = {client.name: UserOfMail(network, client) for client in network.plan.clients}

    def kill(self, node: str) -> None:
        """Kill a node."""
        kill_process(self.network.processes.running()[node])

    def start(self) -> None:
        """Start what does not run: nodes, daemons, bridges."""
        running = self.network.processes.running()
        self.network.start()
        for user in self.users.values():
            if f"{user.name}-bridge" not in running:
                user.start_bridge()


def kill_holder(lock: Path) -> None:
    """Kill the process that holds a lock, if one does, and wait until it is gone."""
    holder = lock_holder(lock)
    if holder is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            kill_process(psutil.Process(holder))


def kill_process(process: psutil.Process) -> None:
    """Kill a process, and wait until it is gone: until then its successor would be refused."""
    process.kill()
    process.wait(10.0)


@contextlib.contextmanager
def mail_network(
    directory: Path,
    *,
    base_port: int,
    users: Mapping[str, int],
    quota_items: int = QUOTA_ITEMS,
    contacts: Sequence[tuple[str, str]] = (),
) -> Iterator[MailNetwork]:
    """Run a small network with these users, by the number of their provider; all is stopped at the end.

    `contacts`: who looks up whom before anything else, and pins the key.
    """
    clients = tuple(PlannedClient(name, provider) for name, provider in users.items())
    params = msgspec.structs.replace(FAST_PARAMS, epoch_length_s=7200)
    plan = TestnetPlan(width=1, base_port=base_port, params=params, clients=clients)
    network = TestNetwork.create(directory, plan)
    for node in planned_nodes(plan):
        if node.role == "provider":
            _change(directory / node.name / "node.toml", "mailbox", "quota_items", quota_items)
    with network.running(timeout_s=180.0):
        made = MailNetwork(network)
        for one, other in contacts:
            added = command_text("client", "contacts", str(made.users[one].client), "add", made.users[other].address)
            assert added.returncode == 0, added.stderr
        made.start()
        for user in made.users.values():
            wait_for_ports(user.bridge)
        yield made


def _change(path: Path, table: str, key: str, value: int) -> None:
    config = tomllib.loads(path.read_text())
    config.setdefault(table, {})[key] = value
    path.write_text(tomli_w.dumps(config))
