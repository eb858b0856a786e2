"""`run_node`: a mix or a provider as a process."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from loopixmix.following.fetcher import TreqFetcher
from loopixmix.net.sockets import TcpReactor, TcpSockets
from loopixmix.node.config import LOCK_FILE, NodeConfig, load_node
from loopixmix.node.runtime import NodeFiles, NodeKind, NodeRuntime, NodeWorld
from loopixmix.process.main import run_program
from loopixmix.process.precision import install_precise_reactor
from loopixmix.process.program import World
from loopixmix.web.calls import one_shot_client

SWITCH_INTERVAL_S = 0.0005
"""A worker thread that finished a batch waits this long at most for the interpreter; Python's 5 ms would be latency."""
COLLECTED_AFTER = (2000, 20, 10)
"""When the garbage collector runs, see `gc.set_threshold`. By Python's own numbers it would take a fifth of a busy
provider's time: what waits there for a service and a disk would be looked through twice or more."""

C = TypeVar("C", bound=NodeConfig)


def run_node(directory: Path, config_type: type[C], make_kind: Callable[[C], NodeKind]) -> None:
    """Run the node of `directory` until a signal ends it.

    SIGTERM or SIGINT lets packets that wait leave first, a second one does not; SIGHUP reads the configuration again;
    SIGUSR1 withdraws the node from the next network document. Raises the `LoopixmixError` that ended the node, if one
    did.
    """
    config, trust_root, identity_key = load_node(directory, config_type)
    files = NodeFiles(directory=directory, config=config, trust_root=trust_root, identity_key=identity_key)
    # Before `make_kind`: the module of a hosted service may import the reactor, and would get Twisted's own choice.
    install_precise_reactor()
    kind = make_kind(config)
    # For the whole process, because Python knows no other; only a node has threads that wait for each other so often.
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*COLLECTED_AFTER)
    run_program(directory / LOCK_FILE, lambda world: NodeRuntime(files, kind=kind, world=node_world(world)))


def node_world(world: World) -> NodeWorld:
    """Return what a node gets from outside, over real sockets."""
    return NodeWorld(
        clock=world.clock,
        clock_watch=world.clock_watch,
        rng=world.rng,
        sockets=TcpSockets(cast(TcpReactor, world.reactor)),
        fetcher=TreqFetcher(one_shot_client(world.reactor), clock=world.clock),
        call_from_thread=world.reactor.callFromThread,
        fail=world.end,
    )
