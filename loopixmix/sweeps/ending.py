"""The end of a sweep by a signal: SIGTERM and SIGHUP end it in the orderly way that Ctrl-C does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ENDING = (signal.SIGTERM, signal.SIGHUP)
"""What batch systems, `timeout`, `docker stop` and a terminal that closes send."""


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise `KeyboardInterrupt` in this block, so that what cleans up after Ctrl-C does so too.

    A signal that the program handles already, or ignores as `nohup` wants it, is left alone. Does nothing outside of
    the main thread, where no handler can be set.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = [number for number in ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def leave_endings_to_the_parent() -> None:
    """Ignore the signals that end a sweep, in a process that runs tasks for it.

    A terminal and a batch system send them to every process. The parent then ends its processes.
    """
    for number in (signal.SIGINT, *ENDING):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def hang_ups_ignored() -> Iterator[None]:
    """Let a process that is started in this block ignore SIGHUP all its life, for what is ignored is inherited."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
