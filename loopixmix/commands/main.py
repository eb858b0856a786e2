"""Where a command meets the reactor and the system's randomness: wiring without logic of its own."""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Callable
from typing import Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.posixbase import PosixReactorBase
from twisted.logger import (
    FilteringLogObserver,
    ILogFilterPredicate,
    ILogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)

from loopixmix.seams import Rng


def system_rng() -> Rng:
    """Return the randomness of the operating system."""
    return random.SystemRandom()


class ReloadableService(Protocol):
    """A Twisted service that can read its configuration again."""

    def startService(self) -> None:  # noqa: N802 (Twisted's name)
        """Begin."""

    def stopService(self) -> Deferred[None] | None:  # noqa: N802
        """Stop."""

    def reload(self) -> None:
        """Read the configuration again."""


def run_service(make_service: Callable[[PosixReactorBase], ReloadableService]) -> None:
    """Run the service that `make_service` makes of the reactor: SIGHUP reloads it, SIGTERM and SIGINT stop it."""
    from twisted.internet import reactor

    running = cast(PosixReactorBase, reactor)
    _log_to_stderr()
    service = make_service(running)
    service.startService()
    running.addSystemEventTrigger("before", "shutdown", service.stopService)
    signal.signal(signal.SIGHUP, lambda *_: running.callFromThread(service.reload))
    running.run()


def _log_to_stderr() -> None:
    levels = LogLevelFilterPredicate(defaultLogLevel=LogLevel.warn)
    levels.setLogLevelForNamespace("loopixmix", LogLevel.info)
    text = cast(ILogObserver, textFileLogObserver(sys.stderr))
    observer = cast(ILogObserver, FilteringLogObserver(text, [cast(ILogFilterPredicate, levels)]))
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
