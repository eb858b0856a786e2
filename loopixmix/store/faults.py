"""Complaints of a database, as errors of ours: one line, without statements and values."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from sqlalchemy.exc import DatabaseError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from loopixmix.errors import StoreError, disk_full

_LOCK_TIMEOUT = "55P03"
_NO_USE_JUST_NOW = ("08", "53", "57P")
"""Classes of SQLSTATE: no connection; no room for one, or on the disk; the server is shut down."""
_DISK_FULL = "53100"
_SHOWS_NO_CAUSE = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
"""SQLite says these of a full disk, too: if a user's share of it is used up, or the index of a log of changes does not
fit."""
_VALUE = "22"
"""The class of SQLSTATE for values that do not fit. Its messages quote the value."""


class ConstraintError(StoreError):
    """What was to be stored contradicts what is there already."""


class StoreUnavailableError(StoreError):
    """The store cannot be used just now: its server is away, or another program has it."""


def store_error(error: SQLAlchemyError, failed: str, *, has_room: Callable[[], bool] = lambda: True) -> StoreError:
    """Return our error for one of the database.

    `failed` says what could not be done. `has_room`: asked whether the disk has room, if the error does not tell.
    """
    if _is_full(error, has_room):
        return disk_full(failed)
    message = f"{failed}: {plain_reason(error)}"
    if isinstance(error, IntegrityError):
        return ConstraintError(message)
    return StoreUnavailableError(message) if _is_unavailable(error) else StoreError(message)


def use_error(error: SQLAlchemyError, failed: str, *, has_room: Callable[[], bool] = lambda: True) -> StoreError:
    """Return our error for one of a store that was open; while it is away, that is all there is to say."""
    if _is_full(error, has_room):
        return disk_full(failed)
    # Else the problem would change with each reading and each change, and a log that tells changes would fill up.
    return store_error(error, "the store cannot be used just now" if _is_unavailable(error) else failed)


def plain_reason(error: SQLAlchemyError) -> str:
    """Say in one line what the database complained about, without the statement and its values."""
    # Those are what users wrote and whom to: they must not get into a log.
    if isinstance(error, NoConnectionError):
        return "another thread has used it for too long"
    if not isinstance(error, DatabaseError) or error.orig is None:
        return type(error).__name__
    state = _sqlstate(error.orig)
    if state.startswith(_VALUE):
        return f"a value does not fit (SQLSTATE {state})"
    reason = (str(error.orig).splitlines() or ["unknown"])[0]
    if "not a database" in reason:
        return f"the store is damaged, or sealed with another key ({reason})"
    return f"the store is damaged ({reason})" if "malformed" in reason else reason


def _is_full(error: SQLAlchemyError, has_room: Callable[[], bool]) -> bool:
    if not isinstance(error, DatabaseError) or error.orig is None:
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is None:
        return _sqlstate(error.orig) == _DISK_FULL
    kind = code & 0xFF
    return kind == sqlite3.SQLITE_FULL or (kind in _SHOWS_NO_CAUSE and not has_room())


def _is_unavailable(error: SQLAlchemyError) -> bool:
    if isinstance(error, NoConnectionError):
        return True
    if not isinstance(error, DatabaseError) or error.orig is None:
        return False
    if not hasattr(error.orig, "sqlstate"):  # of SQLite, or of SQLCipher, which has classes of its own
        return getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
    if error.connection_invalidated:
        return True
    state = _sqlstate(error.orig)
    # A server that cannot be reached gives no SQLSTATE.
    return not state or state == _LOCK_TIMEOUT or state.startswith(_NO_USE_JUST_NOW)


def _sqlstate(orig: BaseException) -> str:
    return getattr(orig, "sqlstate", None) or ""
