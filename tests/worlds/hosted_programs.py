"""A hosted service as a program in a process of its own, asked as its provider asks it: over a Unix socket."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.task import deferLater

from loopixmix.requests.names import Publish
from provider.hosting.asking.limits import ServiceLimits
from provider.serving.remote import RemoteAsker, unix_dial
from provider.serving.sockets import SocketPlace

PROVIDER = bytes([7]) * 32
ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}
COMMAND = (sys.executable, "-P", "-c", "import sys; from loopixmix.main import run; sys.exit(run())")


class NoCards:
    """The cards of a provider, for a service that asks for none."""

    async def card(self, name: str) -> bytes:
        """Fail the test."""
        raise AssertionError(name)

    async def publish(self, publish: Publish) -> bool:
        """Fail the test."""
        raise AssertionError(publish)


class HostedProgram:
    """The program, and what asks it. It does not run before `start`."""

    def __init__(self, service: str, words: tuple[str, ...], directory: Path, *, socket: str, log: Path) -> None:
        """`words`: the command, to which `run` and `directory` are added. `socket`: its name in the directory."""
        self.directory = directory
        self.log = log
        self._line = [*COMMAND, *words, "run", str(directory)]
        self.process: subprocess.Popen[bytes] | None = None
        self.asker = RemoteAsker(
            service,
            SocketPlace(directory / socket),
            provider=PROVIDER,
            keys=NoCards(),
            dial=unix_dial(reactor),
            clock=reactor,
            rng=random.Random(1),
            limits=ServiceLimits(),
        )
        self.asker.start()

    async def start(self) -> None:
        """Start the program, and wait until its provider is connected to it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._line, stderr=log, env=ENVIRONMENT)
        await self.until(lambda: self.asker.problem is None and self.status().get("provider_connected"))

    def end(self, how: signal.Signals = signal.SIGINT) -> int:
        """Send it a signal; return the exit code. The status of before is told no more."""
        assert self.process is not None
        self.process.send_signal(how)
        code = self.process.wait(20)
        (self.directory / "status.json").unlink(missing_ok=True)
        return code

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        self.end(signal.SIGKILL)

    async def close(self) -> None:
        """End all that runs."""
        await self.asker.stop()
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)

    def status(self) -> dict[str, object]:
        """Return what its status file says; empty without one."""
        path = self.directory / "status.json"
        found: dict[str, object] = json.loads(path.read_bytes()) if path.exists() else {}
        return found

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until the condition holds, a minute at most."""
        for _ in range(1200):
            if condition():
                return
            await deferLater(reactor, 0.05, lambda: None)
        raise AssertionError(f"{self.status()} {self.log.read_text()}")
