"""A test network whose processes a trial starts, kills and pauses one by one, each with a clock that can be set."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import msgspec

from client.http.endpoint import find_endpoint
from loopixmix.errors import LoopixmixError
from loopixmix.observing.status import NodeStatus, read_status
from loopixmix.process.background import last_words, loopixmix_command, start_in_background
from loopixmix.process.files import lock_holder
from loopixmix.testnet.enrolment import enrol
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import FAST_PARAMS, Additions, PlannedClient, TestnetPlan
from tests.worlds.chaos.clocks import SettableClock
from tests.worlds.processes import is_running

READY_S = 90.0
STOP_S = 20.0
POLL_S = 0.2
PROGRAM = "program"
NONE: Mapping[str, str] = {}
PARAMS = msgspec.structs.replace(
    # Slower than a test network: nothing here is about rates, and other tests need the machine, too.
    FAST_PARAMS,
    # Long enough that clients do not complain of thin traffic.
    delay_mean_s=0.2,
    payload_rate_per_s=10.0,
    loop_rate_per_s=1.0,
    drop_rate_per_s=1.0,
    node_loop_rate_per_s=1.0,
    pull_rate_per_s=3.0,
    pull_batch=15,
)


class NotInTimeError(Exception):
    """What a trial waited for did not come."""


def wait_until(condition: Callable[[], object], *, within_s: float, what: str) -> float:
    """Wait until `condition` holds; return the seconds that it took. Raises `NotInTimeError` with `what`."""
    begun_s = time.monotonic()
    while not condition():
        if time.monotonic() - begun_s > within_s:
            raise NotInTimeError(f"not within {within_s:g} s: {what}")
        time.sleep(POLL_S)
    return time.monotonic() - begun_s


class ChaosNetwork:
    """A network in one directory; nothing of it runs at first."""

    def __init__(
        self, directory: Path, plan: TestnetPlan, *, clocks: bool = False, variables: Mapping[str, str] = NONE
    ) -> None:
        """`directory`: empty, or not there yet. `clocks`: whether each process has a clock of its own that can be set.

        `variables`: of the environment, for all processes. A trial with clocks needs `clocks.NEEDS`.
        """
        self.network = TestNetwork.create(directory, plan)
        self.directory = directory
        self.roles = {node.name: node.role for node in self.network.nodes}
        self._programs = {program.name: program for program in plan.programs}
        self.roles |= dict.fromkeys(self._programs, PROGRAM)
        self.roles |= {client.name: "client" for client in plan.clients}
        self.clocks = {name: SettableClock(directory / f"{name}.clock") for name in self.roles} if clocks else {}
        self._variables = variables
        self.corrupt: dict[str, Path] = {}
        """Nodes in whose place another program runs, which takes the words `run DIRECTORY`."""
        self._pids: dict[str, int] = {}
        self._paused: set[str] = set()

    @property
    def nodes(self) -> Sequence[str]:
        """The names of the authority, mixes and providers."""
        return [node.name for node in self.network.nodes]

    @property
    def programs(self) -> Sequence[str]:
        """The names of the programs beside them."""
        return list(self._programs)

    @property
    def clients(self) -> Sequence[str]:
        """The names of the clients."""
        return [name for name, role in self.roles.items() if role == "client"]

    def start(self, *names: str) -> None:
        """Start processes by their names; without a name, all that do not run."""
        for name in names or [name for name in self.roles if not self.runs(name)]:
            environment = {**os.environ, **self._variables, **(self.clocks[name].environment if self.clocks else {})}
            self._pids[name] = start_in_background(
                self._command(name), log=self.log(name), environment=environment, directory=self.directory / name
            )

    def runs(self, name: str) -> bool:
        """Tell whether a process runs, or is paused."""
        return name in self._pids and is_running(self._pids[name])

    def pid(self, name: str) -> int:
        """Return the number of a process that was started."""
        return self._pids[name]

    def kill(self, name: str) -> None:
        """End a process by `kill -9`."""
        self._signal(name, signal.SIGKILL)
        wait_until(lambda: not self.runs(name), within_s=STOP_S, what=f"the end of {name}")

    def stop(self, name: str, *, within_s: float = STOP_S) -> None:
        """End a process as its operator would."""
        self.resume(name)
        self._signal(name, signal.SIGTERM)
        wait_until(lambda: not self.runs(name), within_s=within_s, what=f"the end of {name}")

    def pause(self, *names: str) -> None:
        """Let processes do nothing until they are resumed, as on a machine that sleeps; without a name, all."""
        for name in names or self.roles:
            self._signal(name, signal.SIGSTOP)
            self._paused.add(name)

    def resume(self, *names: str) -> None:
        """Let paused processes go on; without a name, all."""
        for name in names or tuple(self._paused):
            if name in self._paused:
                self._signal(name, signal.SIGCONT)
                self._paused.discard(name)

    def sleep_through(self, asleep_s: float) -> None:
        """Let the machine sleep: all processes find the time of day `asleep_s` later, and saw nothing of it."""
        self.pause()
        for clock in self.clocks.values():
            clock.step(asleep_s)
        self.resume()

    def log(self, name: str) -> Path:
        """Return the path of a process's log."""
        return self.directory / name / "log.txt"

    def last_words(self, name: str, *, lines: int = 8) -> str:
        """Return the end of a process's log."""
        return last_words(self.log(name), lines=lines)

    def status(self, name: str) -> NodeStatus | None:
        """Return a node's own word on how it is now; None if the process that runs has not said yet."""
        told = read_status(self.directory / name)
        return told if told is not None and self.runs(name) and told.pid == self._pids[name] else None

    def problems(self) -> Mapping[str, str]:
        """Return what nodes say is wrong, by their names; of a node that says nothing, that."""
        found = {}
        for name in self.nodes:
            told = self.status(name)
            if told is None:
                found[name] = "says nothing" if self.runs(name) else f"ended: {self.last_words(name)}"
            elif not told.healthy:
                found[name] = told.problem or "not healthy, and says no problem"
        return found

    def wait_until_well(self, *, within_s: float = READY_S) -> float:
        """Wait until no node has a problem and each client is connected; return the seconds that it took."""
        try:
            return wait_until(self._all_well, within_s=within_s, what="all nodes and clients well")
        except NotInTimeError as error:
            unwell = {name: self.client_problem(name) for name in self.clients}
            raise NotInTimeError(f"{error}; nodes: {dict(self.problems())}; clients: {unwell}") from None

    def client_problem(self, name: str) -> str | None:
        """Return what is wrong with a client by its own word; None if it is connected and has no problem."""
        try:
            told = self.call(name, "GET", "/v1/status").json()
        except (LoopixmixError, httpx.HTTPError) as error:
            return f"does not answer: {type(error).__name__}"
        return None if told["connected"] and not told["problem"] else told["problem"] or "not connected"

    def call(self, name: str, method: str, path: str, *, body: object = None) -> httpx.Response:
        """Make a call of a client's local API, and return the answer, whatever it is."""
        endpoint = find_endpoint(self.directory / name)
        headers = {"Authorization": f"Bearer {endpoint.token}"}
        # No proxy is asked: it would be shown the token.
        with httpx.Client(trust_env=False, timeout=30.0, base_url=endpoint.url, headers=headers) as http:
            return http.request(method, path, json=body) if body is not None else http.request(method, path)

    def enrol(self) -> None:
        """Open the accounts of the clients that have none yet."""
        enrol(self.network.plan.clients, self.directory)

    def close(self) -> None:
        """End all processes at once."""
        self.resume()
        for name in self.roles:
            if self.runs(name):
                self._signal(name, signal.SIGKILL)
            # A client is also started by commands; the lock tells as which process.
            holder = lock_holder(self.directory / name / "client.lock") if self.roles[name] == "client" else None
            if holder is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(holder, signal.SIGKILL)

    def _command(self, name: str) -> Sequence[str]:
        if name in self._programs:
            return self.network.command_of(self._programs[name])
        arguments = ["run", str((self.directory / name).absolute())]
        if name in self.corrupt:
            return [sys.executable, str(self.corrupt[name]), *arguments]
        return loopixmix_command(self.roles[name], *arguments)

    def _all_well(self) -> bool:
        return not self.problems() and all(self.client_problem(name) is None for name in self.clients)

    def _signal(self, name: str, number: signal.Signals) -> None:
        if self.runs(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pids[name], number)


def small_plan(*, more: Additions | None = None) -> TestnetPlan:
    """Return the plan of a network with one mix in each layer, two providers and the clients alice and bob."""
    people = (PlannedClient("alice", 1), PlannedClient("bob", 2))
    plan = TestnetPlan(width=1, providers=2, params=PARAMS, clients=people)
    return plan.with_additions(more) if more is not None else plan


@contextlib.contextmanager
def running_network(
    directory: Path,
    *,
    base_port: int,
    clocks: bool = False,
    plan: TestnetPlan | None = None,
    variables: Mapping[str, str] = NONE,
    prepare: Callable[[ChaosNetwork], object] = lambda _: None,
) -> Iterator[ChaosNetwork]:
    """Run a small network with two clients that know each other: alice at provider-1, bob at provider-2.

    `plan`: another network, with clients `alice` and `bob` and what else a trial needs; its ports begin at `base_port`.
    `prepare`: called once its directories are there, and nothing runs yet.
    """
    network = ChaosNetwork(
        directory,
        msgspec.structs.replace(plan or small_plan(), base_port=base_port),
        clocks=clocks,
        variables=variables,
    )
    try:
        prepare(network)
        network.start(*network.nodes, *network.programs)
        wait_until(lambda: not network.problems(), within_s=READY_S, what="the nodes of a new network")
        network.start(*network.clients)
        wait_until(
            lambda: all((network.directory / name / "api.url").exists() for name in network.clients),
            within_s=READY_S,
            what="the clients of a new network",
        )
        network.enrol()
        for name, other in (("alice", "bob@provider-2"), ("bob", "alice@provider-1")):
            network.call(name, "POST", "/v1/contacts", body={"address": other}).raise_for_status()
        network.wait_until_well()
        yield network
    finally:
        network.close()
