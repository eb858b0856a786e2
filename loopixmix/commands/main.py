"""Where a command meets the reactor and the system's randomness: wiring without logic of its own."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import cast

from twisted.application.service import Service
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


def run_service(make_service: Callable[[PosixReactorBase], Service]) -> None:
    """Start the service that `make_service` makes of the reactor, and run it until SIGTERM or SIGINT stops it."""
    from twisted.internet import reactor

    running = cast(PosixReactorBase, reactor)
    _log_to_stderr()
    service = make_service(running)
    service.startService()  # type: ignore[no-untyped-call]
    running.addSystemEventTrigger("before", "shutdown", service.stopService)
    running.run()


def _log_to_stderr() -> None:
    levels = LogLevelFilterPredicate(defaultLogLevel=LogLevel.warn)
    levels.setLogLevelForNamespace("loopixmix", LogLevel.info)
    text = cast(ILogObserver, textFileLogObserver(sys.stderr))
    observer = cast(ILogObserver, FilteringLogObserver(text, [cast(ILogFilterPredicate, levels)]))
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
