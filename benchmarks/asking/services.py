"""The hosted services that are measured; `installed` makes them known to providers that this process starts."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twisted.internet.defer import Deferred

from benchmarks.report import ROOT
from loopixmix.seams import Clock
from provider.api import Declaration, ServiceContext, ServiceFactory
from provider.serving import serve

BATCH = "batch"
BURNER = "burner"
SIZED = "sized"
BOARD = "board"
COLLECTOR = "stats"
BATCH_S = 0.25
BODY_BYTES = 32

_SERVICES = {
    BATCH: "benchmarks.asking.services:DurableBatches",
    BURNER: "benchmarks.asking.services:Burner",
    SIZED: "benchmarks.asking.services:Sized",
}


class DurableBatches:
    """Writes what it is asked into its database, all of a batch in one commit, and answers then.

    It does not know a request that comes again: what is written twice was executed twice.
    """

    name = BATCH
    declaration = Declaration(at_once=2048, queue=4096)

    def __init__(self, context: ServiceContext) -> None:
        """`context.settings["batch_s"]`: seconds from one commit to the next."""
        self._clock: Clock = context.clock
        self._batch_s = float(str(context.settings.get("batch_s", BATCH_S)))
        self._waiting: list[tuple[bytes, Deferred[None]]] = []
        self._database = sqlite3.connect(context.directory / "executed.sqlite3", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("CREATE TABLE IF NOT EXISTS executed (body BLOB NOT NULL)")

    async def answer(self, body: bytes) -> bytes:
        """Return the body, once it is on the disk."""
        written: Deferred[None] = Deferred()
        self._waiting.append((body, written))
        if len(self._waiting) == 1:
            self._clock.callLater(self._batch_s, self._commit)
        await written
        return body

    def _commit(self) -> None:
        batch, self._waiting = self._waiting, []
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO executed VALUES (?)", [(body,) for body, _ in batch])
        self._database.execute("COMMIT")
        for _, written in batch:
            if not written.called:
                written.callback(None)


class Burner:
    """Burns its processor for as long as somebody asked it within the last second, and is idle otherwise."""

    name = BURNER

    def __init__(self, context: ServiceContext) -> None:
        """`context.settings["burn_s"]`: seconds of work for each request; 0 makes it idle."""
        self._burn_s = float(str(context.settings.get("burn_s", 0.0)))

    def answer(self, body: bytes) -> bytes:
        """Work for the set time, in a thread, and return the body."""
        import time

        end_s = time.monotonic() + self._burn_s
        while time.monotonic() < end_s:
            pass
        return body


CLOCK = "LOOPIXMIX_BENCHMARK_CLOCK"
"""Names the file with the seconds by which the clock of a process is moved."""
_MOVED_CLOCK = f"""
import mmap, os, struct, time
if os.environ.get("{CLOCK}"):
    with open(os.environ["{CLOCK}"], "rb") as file:
        moved = mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ)
    real = time.time
    time.time = lambda: real() + struct.unpack("d", moved[:8])[0]
"""


class Sized:
    """Answers with as many bytes as it is asked for: the request is a number, and whatever fills it up."""

    name = SIZED

    def __init__(self, context: ServiceContext) -> None:
        """It needs nothing."""

    async def answer(self, body: bytes) -> bytes:
        """Return that many bytes."""
        return bytes(int(body.split(b" ", 1)[0]))


LOSS = "LOOPIXMIX_BENCHMARK_LOSS"
"""The share of packets that a mix loses, in the environment of a test network's processes."""
_LOSSY_MIX = f"""
import os, random, sys
if os.environ.get("{LOSS}") and "mix" in sys.orig_argv:
    from loopixmix.net.links.tls import TlsNetwork
    share, sent = float(os.environ["{LOSS}"]), TlsNetwork.send
    TlsNetwork.send = lambda *given: random.random() < share or sent(*given)
"""


@contextmanager
def installed(directory: Path) -> Iterator[None]:
    """Let the programs that this process starts find the services: as a package in `directory` on their path."""
    information = directory / "loopixmix_benchmark_services-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.4\nName: loopixmix-benchmark-services\nVersion: 1.0\n")
    lines = "\n".join(f"{name} = {value}" for name, value in _SERVICES.items())
    (information / "entry_points.txt").write_text(f"[loopixmix.services]\n{lines}\n")
    # Python imports a module of this name before anything else (docs of `site`).
    (directory / "sitecustomize.py").write_text(_MOVED_CLOCK + _LOSSY_MIX)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(directory), str(ROOT), *([before] if before else [])])
    # Also for ourselves: a test network is made in this process.
    sys.path.insert(0, str(directory))
    try:
        yield
    finally:
        sys.path.remove(str(directory))
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def main() -> None:
    """Serve one of the services: `python -m benchmarks.asking.services NAME SOCKET DIRECTORY KEY=VALUE`."""
    name, socket, directory, *settings = sys.argv[1:]
    factories: dict[str, ServiceFactory] = {BATCH: DurableBatches, BURNER: Burner}
    if name == BOARD:
        # Only here: the others need nothing of elections.
        from benchmarks.voting.served_board import make_board

        factories[BOARD] = make_board
    if name == COLLECTOR:
        from benchmarks.stats.served_collector import make_collector

        factories[COLLECTOR] = make_collector
    serve(factories[name], socket, directory=directory, settings=dict(setting.split("=", 1) for setting in settings))


if __name__ == "__main__":
    main()
