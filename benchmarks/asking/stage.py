"""The stage of these measurements: a real provider process on core 0, and everything around it on core 1."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psutil
import tomli_w

from benchmarks.asking.load import RequestLoad
from benchmarks.asking.services import CLOCK, installed
from benchmarks.neighbours import Neighbour, fetch_document, leave, pause, pin, react_quietly
from loopixmix import sphinx
from loopixmix.config import load_trust_root
from loopixmix.directory import Document
from loopixmix.net.links.tls import PeerAddress
from loopixmix.observing.status import NodeStatus
from loopixmix.routing.packets import PacketFormat
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import FAST_PARAMS, TestnetPlan

BASE_PORT = 31_200
PROVIDER = "provider-1"
# Loops of the nodes would go to mixes that are not there.
PLAN = TestnetPlan(
    width=1,
    providers=1,
    base_port=BASE_PORT,
    params=msgspec.structs.replace(FAST_PARAMS, node_loop_rate_per_s=0.001, epoch_length_s=7200),
)

GIVING_WAY = ("chrt", "--idle", "0")
"""Begins a command that gets a core only while nothing else there wants to run.

With `nice` alone, what wakes up there still waits some milliseconds for its turn.
"""


@dataclass(frozen=True)
class Program:
    """A service outside the provider: which, and with which settings.

    `gives_way`: it gets its core only while nothing else on that core wants to run.
    """

    name: str
    settings: Sequence[str] = ()
    gives_way: bool = False


@dataclass
class Stage:
    """A provider, whose neighbours this process is."""

    directory: Path
    network: TestNetwork
    programs: Sequence[Program] = ()
    clock: MovedClock | None = None
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def status(self) -> NodeStatus:
        """The provider's own word on how it is."""
        status = self.network.statuses()[PROVIDER]
        if status is None:
            raise RuntimeError(f"the provider has ended: {self.network.processes.last_words(PROVIDER)}")
        return status

    @property
    def provider(self) -> psutil.Process:
        """The provider's process."""
        return self.network.processes.running()[PROVIDER]

    def socket(self, program: Program) -> Path:
        """Return where a program listens."""
        return self.directory / f"{program.name}.sock"

    def start_program(self, program: Program) -> None:
        """Start a service outside the provider, on core 1."""
        behind = GIVING_WAY if program.gives_way else ()
        line = [
            *behind,
            sys.executable,
            "-P",
            "-m",
            "benchmarks.asking.services",
            program.name,
            str(self.socket(program)),
        ]
        with (self.directory / f"{program.name}.log").open("ab") as log:
            self.processes[program.name] = subprocess.Popen(
                [*line, str(self.directory / program.name), *program.settings], stdout=log, stderr=log
            )

    def kill_all(self) -> None:
        """Kill the provider and all programs at once, as a power cut would."""
        self.provider.kill()
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.processes.clear()

    def start_again(self) -> None:
        """Start the provider and all programs again."""
        for program in self.programs:
            self.start_program(program)
        self.network.processes.start(PROVIDER, ["provider", "run", str(self.network.directory / PROVIDER)])
        pin(self.provider, core=0)

    def executed_in(self, name: str) -> Path:
        """Return the database of the service `name`, wherever it ran."""
        outside = self.directory / name / "executed.sqlite3"
        return outside if outside.exists() else self.network.directory / PROVIDER / "services" / name / outside.name


class MovedClock:
    """The time of day of all processes that are started while it is open, moved by as many seconds as one likes."""

    def __init__(self) -> None:
        """Begin without moving it."""
        self._file = tempfile.NamedTemporaryFile(prefix="loopixmix-clock-")  # noqa: SIM115 (closed by `__exit__`)
        self._by_s = 0.0
        self.move(0.0)

    def __enter__(self) -> MovedClock:
        os.environ[CLOCK] = self._file.name
        return self

    def __exit__(self, *_: object) -> None:
        del os.environ[CLOCK]
        self._file.close()

    def now_s(self) -> float:
        """Return the time of day as those processes see it."""
        return time.time() + self._by_s

    def move(self, by_s: float) -> None:
        """Move it, for all processes at one moment."""
        self._by_s += by_s
        self._file.seek(0)
        self._file.write(struct.pack("d", self._by_s))
        self._file.flush()

    def into_epoch_s(self, epoch_length_s: float) -> float:
        """Return how many seconds of the epoch have passed."""
        return self.now_s() % epoch_length_s

    def move_to_epoch_start(self, epoch_length_s: float, *, after_s: float) -> None:
        """Move it on to `after_s` seconds after the beginning of the next epoch."""
        self.move(epoch_length_s - self.into_epoch_s(epoch_length_s) + after_s)


@contextmanager
def staged(services: Sequence[str], programs: Sequence[Program], *, clock: MovedClock | None = None) -> Iterator[Stage]:
    """Start the network, with these services in the provider's process and these programs outside it.

    `clock`: theirs, if it is moved.
    """
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {1})
    with tempfile.TemporaryDirectory(prefix="loopixmix-bench-") as temporary:
        directory = Path(temporary)
        with installed(directory):
            network = TestNetwork.create(directory / "net", PLAN)
            stage = Stage(directory, network, programs, clock)
            try:
                _configure(stage, services)
                for program in programs:
                    stage.start_program(program)
                network.start()
                network.wait_until_healthy(timeout_s=90, progress=lambda *_: None)
                yield stage
            finally:
                for process in stage.processes.values():
                    process.terminate()
                    process.wait(20)
                network.stop()
                os.sched_setaffinity(0, cores)


def perform(stage: Stage, body: Callable[[RequestLoad, Document], Awaitable[None]]) -> None:
    """Stop the mixes and take their places, and run `body` on the reactor."""
    leave(stage.network, PROVIDER)
    react_quietly(lambda: _perform(stage, body))


def _configure(stage: Stage, services: Sequence[str]) -> None:
    path = stage.network.directory / PROVIDER / "node.toml"
    config = tomllib.loads(path.read_text())
    config["services"] += services
    config["remote"] = {program.name: {"socket": str(stage.socket(program))} for program in stage.programs}
    path.write_text(tomli_w.dumps(config))


async def _perform(stage: Stage, body: Callable[[RequestLoad, Document], Awaitable[None]]) -> None:
    trust_root = load_trust_root(stage.network.trust_root)
    document = fetch_document(trust_root, now_s=stage.clock.now_s() if stage.clock is not None else time.time())
    packet_format = PacketFormat.for_network(document.params, arithmetic=sphinx.load_arithmetic())
    [first], [last] = document.layer(1), document.layer(3)
    [provider] = document.providers()
    source = Neighbour(stage.network, last, trust_root.network_id, packet_format)
    sink = Neighbour(stage.network, first, trust_root.network_id, packet_format)
    source.links.set_peers({provider.id: PeerAddress(provider.host, provider.port)})
    await sink.links.listen(first.host, first.port)
    while not (source.links.is_open(provider.id) and provider.id in sink.observer.opened):
        await pause(0.1)
    try:
        await body(RequestLoad(document, provider, source, sink, packet_format.sphinx), document)
    finally:
        await source.links.stop()
        await sink.links.stop()
