"""The place in which every program meets the reactor, stderr and the system's randomness."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from loopixmix.process.eventloops import tell_failed_lookups
from loopixmix.process.files import DirectoryLock
from loopixmix.process.limits import forbid_core_dumps
from loopixmix.process.log import Log
from loopixmix.process.program import Process, Program, World
from loopixmix.seams import Rng

PRIVATE_UMASK = 0o077


def system_rng() -> Rng:
    """Return the randomness of the operating system."""
    return random.SystemRandom()


def run_program(lock: Path, make: Callable[[World], Program]) -> None:
    """Run the program that `make` makes, until a signal or a failure ends it.

    `lock` is a file in the program's directory, which one process at a time may use. Raises the `LoopixmixError` that
    ended the program or kept it from starting.
    """
    # Imported here because importing it installs it: a node chooses another one first.
    from twisted.internet import reactor
    from twisted.internet.posixbase import PosixReactorBase

    tell_failed_lookups(cast(PosixReactorBase, reactor))
    # Whatever the umask of who started us: nothing that a program writes is for others, unless it says so itself.
    os.umask(PRIVATE_UMASK)
    forbid_core_dumps()
    log = Log(sys.stderr, seconds=time.monotonic)
    process = Process(cast(PosixReactorBase, reactor), rng=system_rng(), lock=DirectoryLock(lock), log=log)
    process.run(make(process.world))
