"""A short question to a store for a status, which does not wait: another program may have locked it for long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from loopixmix.store.transactions import Store

PATIENCE_S = 0.5
"""So long a command that tells a status waits for the store."""
SLOW = "the store does not answer: another program has locked it, or the disk is slow"

_R = TypeVar("_R")


def read_soon(open_store: Callable[[], Store], work: Callable[[Connection], _R]) -> _R | None:
    """Open a store, return what `work` reads there, and close it; None if that takes longer than a moment.

    Then it goes on in the background until this process ends. Raises what opening and reading raise.
    """
    return in_a_moment(lambda: _read(open_store(), work))


def in_a_moment(ask: Callable[[], _R]) -> _R | None:
    """Return what `ask` returns, None if that takes longer than a moment; raises as `ask`."""
    found: list[_R] = []
    errors: list[Exception] = []

    def answer() -> None:
        try:
            found.append(ask())
        except Exception as error:  # whatever it is: it is raised where it was asked
            errors.append(error)

    # A thread that nobody waits for at the end of the process: SQLite itself would wait for ten seconds.
    thread = threading.Thread(target=answer, name="store", daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    if errors:
        raise errors[0]
    return found[0] if found else None


def _read(store: Store, work: Callable[[Connection], _R]) -> _R:
    try:
        return store.read(work)
    finally:
        store.close()
