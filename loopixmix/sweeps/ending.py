"""The end of a sweep by a signal: SIGTERM and SIGHUP end it in the orderly way that Ctrl-C does."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP)
"""What batch systems, `timeout`, `docker stop` and a terminal that closes send."""
TWICE_WITHIN_S = 1.0
"""Within this time of one signal another one asks for nothing more."""


class _Wish:
    """The wish of a signal that the program ends."""

    def __init__(self) -> None:
        self.is_there = False
        self._raised_at_s = -math.inf

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """Raise `KeyboardInterrupt`, as a handler of signals."""
        self.is_there = True
        # `timeout` sends SIGTERM to the program and then to its group, so that it comes twice: the second one would
        # break off what cleans up after the first.
        if time.monotonic() - self._raised_at_s >= TWICE_WITHIN_S:
            self._raised_at_s = time.monotonic()
            raise KeyboardInterrupt

    def check(self) -> None:
        """Raise `KeyboardInterrupt` again if there was one."""
        if self.is_there:
            raise KeyboardInterrupt


_WISH = _Wish()


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise `KeyboardInterrupt` in this block, so that what cleans up after Ctrl-C does so too.

    A signal that the program handles already, or ignores as `nohup` wants it, is left alone. Does nothing outside of
    the main thread, where no handler can be set.
    """
    with _taken(ENDING, instead_of=signal.SIG_DFL):
        yield


@contextmanager
def no_end_lost() -> Iterator[Callable[[], None]]:
    """Yield what raises `KeyboardInterrupt` once more if one was raised in this block; its end raises it as well.

    For work that may catch all errors, as Twisted's Deferreds do. It would go on without the call that was
    interrupted, and what came of it would be wrong.
    """
    _WISH.is_there = False
    # Only here, since reactors leave Ctrl-C alone where it has a handler already.
    with _taken((signal.SIGINT,), instead_of=signal.default_int_handler):
        try:
            yield _WISH.check
        finally:
            _WISH.check()


@contextmanager
def _taken(numbers: tuple[signal.Signals, ...], *, instead_of: object) -> Iterator[None]:
    """Handle those of the signals in this block that would be handled by `instead_of`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in numbers}
    taken = {number: handler for number, handler in before.items() if handler is instead_of}
    for number in taken:
        signal.signal(number, _WISH)
    try:
        yield
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)


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
