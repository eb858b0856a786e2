"""Sealed stores: a SQLite file of which, without its key, nothing can be read but its length.

SQLCipher encrypts each page of the file and of its log of changes, with AES-256 and an HMAC; a new random IV each time
a page is written. The key is not in the file. One choice for all rows, rather than ciphers in single columns: those
would leave in clear how many messages of one kind there are, when each came, and the contacts.
"""

from __future__ import annotations

import importlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from loopixmix.errors import MisuseError, StoreError
from loopixmix.process.files import PRIVATE_FILE, erase_file, file_error, sync_directory

if TYPE_CHECKING:
    # For types only: the client's commands know this module, and start quickly without SQLAlchemy.
    from sqlalchemy.engine.interfaces import DBAPIConnection

KEY_BYTES = 32
PAGE_BYTES = 8192
_PLAIN_HEADER = b"SQLite format 3\0"
_LABEL = b"loopixmix/store/v1"


@dataclass(frozen=True)
class StoreKey:
    """The secret that opens a sealed store: 32 bytes, which nobody can guess."""

    value: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.value) != KEY_BYTES:
            raise MisuseError(f"the key of a store has {KEY_BYTES} bytes, not {len(self.value)}")

    @classmethod
    def derive(cls, secret: bytes) -> StoreKey:
        """Return the key that belongs to another secret of the same owner: HKDF (RFC 5869) with SHA-256, no salt."""
        return cls(HKDF(SHA256(), KEY_BYTES, salt=None, info=_LABEL).derive(secret))

    @property
    def raw(self) -> str:
        """The key as SQLCipher reads a "raw key": it is used as it is, and not stretched like a passphrase."""
        return f"x'{self.value.hex()}'"


def sqlcipher() -> Any:
    """Return the module that speaks with SQLCipher, alike to `sqlite3`; raise `StoreError` if it is not installed."""
    try:
        # Here, because most programs have no sealed store, and need not have it.
        return importlib.import_module("sqlcipher3.dbapi2")
    except ImportError as error:
        raise StoreError(
            f"a sealed store needs SQLCipher, which is not installed ({error}): the extra `sealed` has it"
        ) from error


def connect_sealed(place: str, key: StoreKey, *, uri: bool = False) -> DBAPIConnection:
    """Return a connection to the file `place`, sealed or new; that the key is wrong shows when it is first read."""
    connection: DBAPIConnection = sqlcipher().connect(place, uri=uri, isolation_level=None, check_same_thread=False)
    with closing(connection.cursor()) as cursor:
        # The key first. And no words on standard error about each page that does not open: the caller tells that.
        for pragma in ("cipher_log_level = NONE", f'key = "{key.raw}"', f"cipher_page_size = {PAGE_BYTES}"):
            cursor.execute(f"PRAGMA {pragma}")
        # What is sorted is not to be written in clear into other files.
        cursor.execute("PRAGMA temp_store = MEMORY")
    return connection


def is_sealed(path: Path) -> bool:
    """Tell whether the file is sealed, or no store at all; a file that is empty, or not there, is not."""
    return _beginning(path) not in (b"", _PLAIN_HEADER)


def seal_store(path: Path, key: StoreKey) -> bool:
    """Seal the store in the file `path`, if it is there and not sealed yet; return whether it was done.

    The old file is overwritten and deleted afterwards. A crash leaves the one or the other whole, and a second call
    goes on. Nobody else may have the store: raises `StoreUnavailableError` if somebody does, `StoreError` if it cannot
    be read, or the new file, which takes as much room, cannot be written.
    """
    plain, sealed = path.with_name(f".{path.name}.plain"), path.with_name(f".{path.name}.unfinished")
    with _told(path):
        if _beginning(path) != _PLAIN_HEADER:
            erase_file(plain)
            return False
        # Left by a crash before the old file was replaced: another name of that file, to which it must not happen.
        plain.unlink(missing_ok=True)
        _copy(path, sealed, key)
        os.link(path, plain)
        sealed.replace(path)
        sync_directory(path.parent)
        erase_file(plain)
    return True


def _copy(path: Path, sealed: Path, key: StoreKey) -> None:
    sealed.unlink(missing_ok=True)
    os.close(os.open(sealed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE))
    with closing(sqlcipher().connect(str(path), isolation_level=None)) as connection:
        # Without its log of changes: to give that up fails if anybody else has the store open.
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("ATTACH DATABASE ? AS sealed KEY ?", (str(sealed), key.raw))
        connection.execute(f"PRAGMA sealed.cipher_page_size = {PAGE_BYTES}")
        connection.execute("SELECT sqlcipher_export('sealed')")
        # It is left out by that, and the mark beside the store says how far it went.
        number = connection.execute("PRAGMA main.user_version").fetchone()[0]
        connection.execute(f"PRAGMA sealed.user_version = {number}")
        connection.execute("DETACH DATABASE sealed")
    with sealed.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise file_error(error, f"{path}: cannot be sealed") from error
    except sqlcipher().Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            # Here, since it brings SQLAlchemy with it.
            from loopixmix.store.faults import StoreUnavailableError

            raise StoreUnavailableError(f"{path}: cannot be sealed while another program uses it") from error
        raise StoreError(f"{path}: cannot be sealed: {str(error).splitlines()[0]}") from error


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(_PLAIN_HEADER))
    except FileNotFoundError:
        return b""
