"""Where a node meets the reactor, signals and the system's randomness: wiring without logic of its own."""

from __future__ import annotations

import gc
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from twisted.internet.posixbase import PosixReactorBase
from twisted.logger import Logger

from loopixmix.errors import ConfigError, LoopixmixError
from loopixmix.following.fetcher import TreqFetcher
from loopixmix.net.sockets import TcpReactor, TcpSockets
from loopixmix.node.config import NodeConfig, load_node
from loopixmix.node.runtime import NodeFiles, NodeKind, NodeRuntime, NodeWorld
from loopixmix.process.log import Log
from loopixmix.process.precise import install_precise_reactor
from loopixmix.process.wallclock import Timers, WallClock
from loopixmix.seams import Rng

SWITCH_INTERVAL_S = 0.0005
"""A worker thread that finished a batch waits this long at most for the interpreter; Python's 5 ms would be latency."""

C = TypeVar("C", bound=NodeConfig)

log = Logger()


def system_rng() -> Rng:
    """Return the randomness of the operating system."""
    return random.SystemRandom()


def run_node(directory: Path, config_type: type[C], make_kind: Callable[[C], NodeKind]) -> None:
    """Run the node of `directory` until a signal ends it.

    SIGTERM or SIGINT lets packets that wait leave first, a second one does not; SIGHUP reads the configuration again;
    SIGUSR1 withdraws the node from the next network document. Raises the `LoopixmixError` that ended the node, if one
    did.
    """
    config, trust_root, identity = load_node(directory, config_type)
    files = NodeFiles(directory=directory, config=config, trust_root=trust_root, identity=identity)
    install_precise_reactor()
    kind = make_kind(config)
    from twisted.internet import reactor

    sys.setswitchinterval(SWITCH_INTERVAL_S)
    _NodeProcess(cast(PosixReactorBase, reactor), files, kind).run()


class _NodeProcess:
    """One node, one reactor, one process."""

    def __init__(self, reactor: PosixReactorBase, files: NodeFiles, kind: NodeKind) -> None:
        # Delays are to pass whatever happens to the time of day: see WallClock.
        reactor.seconds = time.monotonic
        self._reactor = reactor
        self._files = files
        self._log = Log(sys.stderr)
        self._error: LoopixmixError | None = None
        self._node = NodeRuntime(files, kind=kind, world=self._world())

    def run(self) -> None:
        self._node.startService()
        self._log.begin(self._files.config.log)
        self._reactor.addSystemEventTrigger("before", "shutdown", self._node.stopService)
        self._reactor.callWhenRunning(self._begin)
        self._reactor.run()
        if self._error is not None:
            raise self._error

    def _world(self) -> NodeWorld:
        return NodeWorld(
            clock=WallClock(cast(Timers, self._reactor)),
            rng=system_rng(),
            sockets=TcpSockets(cast(TcpReactor, self._reactor)),
            fetcher=TreqFetcher(self._reactor),
            call_from_thread=self._reactor.callFromThread,
            call_in_thread=self._reactor.callInThread,
            fail=self._fail,
        )

    def _begin(self) -> None:
        if self._error is not None:
            self._reactor.stop()
        # What is loaded by now stays: the collector need not look through it again and again.
        gc.freeze()
        actions = {
            signal.SIGTERM: self._end,
            signal.SIGINT: self._end,
            signal.SIGHUP: self._reload,
            signal.SIGUSR1: self._node.withdraw,
        }
        for number, action in actions.items():
            signal.signal(number, lambda *_, action=action: self._reactor.callFromThread(action))

    def _fail(self, error: LoopixmixError) -> None:
        self._error = error
        if self._reactor.running:
            self._reactor.stop()

    def _end(self) -> None:
        if self._node.running:
            self._reactor.stop()
        else:
            self._node.hurry()

    def _reload(self) -> None:
        try:
            config, _, _ = load_node(self._files.directory, type(self._files.config))
        except ConfigError as error:
            log.error("the configuration stays as it was: {problem}", problem=str(error))
            return
        self._log.apply(config.log)
        self._node.reload(config)
        log.info("the configuration was read again")
