"""Erasing a client: its keys first, so that whatever is left after an interruption opens nothing."""

from __future__ import annotations

from pathlib import Path

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from client.asking.account import ACCOUNT_FACT
from client.directory.configuration import CONFIG_FILE, DOCUMENT_FILE, STORE_FILE, TRUST_ROOT_FILE, check_client
from client.directory.keys import IDENTITY_FILE, SEALING_FILE, load_keys
from client.http.calling.starting import LOG_FILE
from client.http.endpoint import LOCK_FILE, STARTING_FILE, TOKEN_FILE, URL_FILE
from client.leaving.rows import StoreRows
from client.link.session import Account
from client.store.schema import contacts, inbox, messages
from loopixmix.errors import ConfigError, StoreError
from loopixmix.process.files import DirectoryLock, LockedError, erase_file, file_error, lock_holder
from loopixmix.store.upkeep.mark import MARK_SUFFIX
from loopixmix.store.upkeep.reserve import RESERVE_SUFFIX

KEY_FILES = (IDENTITY_FILE, SEALING_FILE)
OTHER_FILES = (
    *(f"{STORE_FILE}{suffix}" for suffix in ("", "-wal", "-shm", "-journal", MARK_SUFFIX, RESERVE_SUFFIX)),
    *(TOKEN_FILE, URL_FILE, DOCUMENT_FILE, TRUST_ROOT_FILE, LOG_FILE),
)


class WhatIsErased(msgspec.Struct, frozen=True):
    """What would be erased: the account (None if there is none, or the store cannot be read) and some counts."""

    account: Account | None = None
    received: int = 0
    sent: int = 0
    contacts: int = 0


class Erased(msgspec.Struct, frozen=True):
    """What was erased, and the names of files in the directory that are not the client's and were left."""

    files: int
    file_bytes: int
    left: tuple[str, ...]


def look_before_erasing(directory: Path) -> WhatIsErased:
    """Return what `erase_client` would erase; raise `ConfigError` if there is no client or it is running."""
    check_client(directory)
    if holder := lock_holder(directory / LOCK_FILE):
        raise _running(directory, f"{directory}: is in use by process {holder}")
    if not (directory / STORE_FILE).exists():
        return WhatIsErased()
    try:
        with StoreRows(directory / STORE_FILE, load_keys(directory).store_key, secrets=False) as store:
            account = store.fact(ACCOUNT_FACT)
            return WhatIsErased(
                account=None if account is None else msgspec.msgpack.decode(account, type=Account),
                received=store.count(inbox),
                sent=store.count(messages),
                contacts=store.count(contacts),
            )
    except (ConfigError, StoreError, SQLAlchemyError, msgspec.DecodeError):
        return WhatIsErased()  # a damaged store is to be erased all the same, and one whose keys are gone


def erase_client(directory: Path) -> Erased:
    """Overwrite and delete all files of the client of `directory`, and the directory if nothing else is in it.

    What is not the client's own is left. Raises `ConfigError` if there is no client or it is running, `StoreError` if a
    file cannot be erased; a second call then goes on.
    """
    check_client(directory)
    lock = DirectoryLock(directory / LOCK_FILE)
    try:
        lock.acquire()
    except LockedError as error:
        raise _running(directory, str(error)) from error
    try:
        files = erased_bytes = 0
        # The configuration last: by it a second call finds the client that an interrupted one began to erase.
        for name in (*KEY_FILES, *_unfinished(directory), *OTHER_FILES, CONFIG_FILE):
            size = _erase(directory / name)
            files, erased_bytes = files + (size is not None), erased_bytes + (size or 0)
        for name in (STARTING_FILE, LOCK_FILE):
            (directory / name).unlink(missing_ok=True)
    finally:
        lock.release()
    left = tuple(sorted(path.name for path in directory.iterdir()))
    if not left:
        try:
            directory.rmdir()
        except OSError:  # a directory that is the root of a volume, or in one that others own, stays
            left = ()
    return Erased(files, erased_bytes, left)


def _running(directory: Path, problem: str) -> ConfigError:
    return ConfigError(f"{problem}: end it first with  loopixmix client stop {directory}")


def _unfinished(directory: Path) -> list[str]:
    # What a crash left of a file that is replaced as a whole: it may have a key in it, or be a store in clear.
    names = (*KEY_FILES, *OTHER_FILES, CONFIG_FILE)
    left = (f".{each}.{what}" for each in names for what in ("unfinished", "plain"))
    return [name for name in left if (directory / name).exists()]


def _erase(path: Path) -> int | None:
    try:
        return erase_file(path)
    except OSError as error:
        raise file_error(error, f"{path}: cannot be erased") from error
