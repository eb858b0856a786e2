"""Where the authority meets the reactor, signals and the system's randomness: wiring without logic of its own."""

from __future__ import annotations

import random
import signal
import sys
import time
from collections.abc import Callable
from typing import Protocol, TypeAlias, cast

from twisted.internet.defer import Deferred
from twisted.internet.posixbase import PosixReactorBase

from loopixmix.process.log import Log, LogSettings
from loopixmix.process.wallclock import Timers, WallClock
from loopixmix.seams import Clock, Rng


def system_rng() -> Rng:
    """Return the randomness of the operating system."""
    return random.SystemRandom()


class ReloadableService(Protocol):
    """A service that can read its configuration again."""

    @property
    def log_settings(self) -> LogSettings:
        """How the process is to log."""

    def startService(self) -> None:  # noqa: N802 (Twisted's name)
        """Begin."""

    def stopService(self) -> Deferred[None]:  # noqa: N802
        """Stop."""

    def reload(self) -> None:
        """Read the configuration again."""


MakeService: TypeAlias = Callable[[PosixReactorBase, Clock], ReloadableService]


def run_service(make_service: MakeService) -> None:
    """Run the service that `make_service` makes of reactor and clock: SIGHUP reloads it, SIGTERM and SIGINT stop it."""
    from twisted.internet import reactor

    running = cast(PosixReactorBase, reactor)
    running.seconds = time.monotonic  # delays pass whatever happens to the time of day: see WallClock
    service = make_service(running, WallClock(cast(Timers, running)))
    log = Log(sys.stderr)

    def reload() -> None:
        service.reload()
        log.apply(service.log_settings)

    service.startService()
    log.begin(service.log_settings)
    running.addSystemEventTrigger("before", "shutdown", service.stopService)
    signal.signal(signal.SIGHUP, lambda *_: running.callFromThread(reload))
    running.run()
