"""A test network in one directory: make it, start it, look at it, stop it."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from loopixmix.authority.config import LOCK_FILE as AUTHORITY_LOCK
from loopixmix.config import load_config
from loopixmix.errors import ConfigError, ListenError, UnavailableError
from loopixmix.node.config import LOCK_FILE as NODE_LOCK
from loopixmix.observing.status import NodeStatus, read_status
from loopixmix.process.files import DirectoryLock, LockedError, file_error, lock_holder
from loopixmix.testnet.enrolment import enrol
from loopixmix.testnet.making import TRUST_ROOT_FILE, make_directories
from loopixmix.testnet.plan import HOST, PlannedNode, PlannedProgram, TestnetPlan, plan_toml, planned_nodes
from loopixmix.testnet.processes import ProcessTable
from loopixmix.testnet.readiness import client_problem, program_problem

PLAN_FILE = "testnet.toml"
START_TIMEOUT_S = 120.0
STOP_GRACE_S = 10.0
POLL_S = 0.2
STOPPED = "stopped"
LOCK_FILE = "testnet.lock"
"""Held by the command that starts or stops the network, for as long as that takes."""
ALONE_WITHIN_S = 60.0

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many of how many are ready."""


def _unheard(ready: int, of: int) -> None:
    """Tell nobody."""


class TestNetwork:
    """The network whose files are in `directory`."""

    __test__ = False

    def __init__(self, directory: Path) -> None:
        """Open a network that `create` made. Raises `ConfigError` if there is none."""
        self.directory = directory
        if not (directory / PLAN_FILE).exists():
            raise ConfigError(f"{directory} holds no test network: make one with  loopixmix testnet init {directory}")
        self.plan = load_config(directory / PLAN_FILE, TestnetPlan)
        self.nodes = planned_nodes(self.plan)
        self.processes = ProcessTable(directory)

    @classmethod
    def create(cls, directory: Path, plan: TestnetPlan) -> TestNetwork:
        """Make keys and configurations for every node of `plan`. Raises `ConfigError` if there is one."""
        if directory.exists() and any(directory.iterdir()):
            raise ConfigError(f"{directory} is not empty: choose a new directory")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(0o700)
        except OSError as error:
            raise file_error(error, f"{directory} cannot be written to") from error
        make_directories(directory, plan)
        (directory / PLAN_FILE).write_text(plan_toml(plan))
        return cls(directory)

    @property
    def trust_root(self) -> Path:
        """The file that clients of this network need."""
        return self.directory / TRUST_ROOT_FILE

    @property
    def names(self) -> list[str]:
        """The names of all that runs when the network does: nodes, programs, clients."""
        names = [node.name for node in self.nodes] + [program.name for program in self.plan.programs]
        return names + [client.name for client in self.plan.clients]

    def start(self) -> list[str]:
        """Start all that does not run; return their names.

        Raises `ListenError` if a node's port is taken, `LockedError` if another command goes on to start or stop it.
        """
        with self._alone():
            return self._start()

    def _start(self) -> list[str]:
        running = self.running_now()
        nodes = [node for node in self.nodes if node.name not in running]
        # All of them first: half a network that started would have to be stopped again.
        for node in nodes:
            _check_port_free(node)
        for node in nodes:
            self.processes.start(node.name, [node.role, "run", str(self.directory / node.name)])
        for program in self.plan.programs:
            if program.name not in running:
                self.processes.start_program(
                    program.name, self.command_of(program), where=self.directory / program.name
                )
        for client in self.plan.clients:
            if client.name not in running:
                self.processes.start(client.name, ["client", "run", str(self.directory / client.name)])
        return [name for name in self.names if name not in running]

    @contextlib.contextmanager
    def running(self, *, timeout_s: float = START_TIMEOUT_S, progress: Progress = _unheard) -> Iterator[None]:
        """Start all, wait until it is ready and its clients have accounts; stop all at the end, whatever happened."""
        self.start()
        try:
            self.wait_until_healthy(timeout_s=timeout_s, progress=progress)
            self.enrol()
            yield
        finally:
            self.stop()

    def enrol(self) -> None:
        """Open the accounts of clients that have none yet; raise `UnavailableError` if that fails."""
        enrol(self.plan.clients, self.directory)

    def wait_until_healthy(self, *, timeout_s: float, progress: Progress) -> None:
        """Wait until all is ready, telling `progress` how many of how many are.

        Raises `UnavailableError` with the last words of a process if one ends, and if the time is over.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            ready = self.ready()
            progress(len(ready), len(self.names))
            if len(ready) == len(self.names):
                return
            if time.monotonic() > deadline_s:
                late = next(name for name in self.names if name not in ready)
                raise UnavailableError(
                    f"{late} is not ready after {timeout_s:.0f} s: {self.processes.last_words(late)}"
                )
            time.sleep(POLL_S)

    def ready(self) -> list[str]:
        """Return the names of all that is ready; raise `UnavailableError` with its last words if a process ended."""
        ready = [name for name, status in self.statuses().items() if status is not None and status.healthy]
        ready += [name for name, problem in self.others().items() if problem is None]
        # Only if something is missing: what was ready just now need not be looked at again.
        for name in self.processes.exited() if len(ready) < len(self.names) else ():
            raise UnavailableError(f"{name} ended: {self.processes.last_words(name)}")
        return ready

    def running_now(self) -> dict[str, int]:
        """Return the process of each node, program and client that runs, by name; also of a node started by hand."""
        found = {name: process.pid for name, process in self.processes.running().items()}
        return self.started_by_hand() | found

    def started_by_hand(self) -> dict[str, int]:
        """Return the process of each node that its own command runs, and not this network: `down` does not stop it."""
        started = self.processes.running()
        locks = {
            node.name: self.directory / node.name / (AUTHORITY_LOCK if node.role == "authority" else NODE_LOCK)
            for node in self.nodes
            if node.name not in started
        }
        return {name: holder for name, lock in locks.items() if (holder := lock_holder(lock)) is not None}

    def statuses(self) -> dict[str, NodeStatus | None]:
        """Return each node's own word on how it is; None for one that does not run or has not said yet."""
        running = self.running_now()
        return {
            node.name: self._status(node.name, running[node.name]) if node.name in running else None
            for node in self.nodes
        }

    def others(self) -> dict[str, str | None]:
        """Return why each program and client is not ready, or None; "stopped" if it does not run."""
        running = self.processes.running()
        found: dict[str, str | None] = {}
        for program in self.plan.programs:
            process = running.get(program.name)
            directory = self.directory / program.name
            found[program.name] = program_problem(program, directory, process.pid) if process else STOPPED
        for client in self.plan.clients:
            process = running.get(client.name)
            directory = self.directory / client.name
            found[client.name] = client_problem(directory, process.pid) if process else STOPPED
        return found

    def command_of(self, program: PlannedProgram) -> list[str]:
        """Return the command line of a program, with all places filled in."""
        places = {
            "{python}": sys.executable,
            "{network}": str(self.directory.absolute()),
            "{trust_root}": str(self.trust_root.absolute()),
            "{directory}": str(self.directory.absolute() / program.name),
        }
        command = list(program.command)
        for place, value in places.items():
            command = [word.replace(place, value) for word in command]
        return command

    def stop(self) -> list[str]:
        """Stop every process; return the names of those that had to be killed."""
        with self._alone():
            return self.processes.stop(grace_s=STOP_GRACE_S)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let other commands that start or stop the network wait until this one has: each sees all or nothing of it."""
        lock = DirectoryLock(self.directory / LOCK_FILE)
        deadline_s = time.monotonic() + ALONE_WITHIN_S
        while True:
            try:
                lock.acquire()
                break
            except LockedError:
                if time.monotonic() > deadline_s:
                    raise
            time.sleep(POLL_S)
        try:
            yield
        finally:
            lock.release()

    def _status(self, name: str, pid: int) -> NodeStatus | None:
        status = read_status(self.directory / name)
        # A killed process leaves its status behind, and its successor has not written one yet.
        return status if status is not None and status.pid == pid else None


def _check_port_free(node: PlannedNode) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, node.port))
        except OSError as error:
            raise ListenError(
                f"{node.name} cannot listen on {node.listen}: {os.strerror(error.errno or 0)}; "
                "stop what uses the port, or make a network with another --base-port"
            ) from error
