"""Files that must survive a crash, stay private, or keep a second process out of a directory."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast

from loopixmix.errors import ConfigError, MisuseError, StoreError, disk_full
from loopixmix.keys import KEY_BYTES, IdentityKey
from loopixmix.seams import Rng

PRIVATE_FILE = 0o600
PUBLIC_FILE = 0o644
UNFINISHED = ".*.unfinished"
"""The files that a crash may leave of `write_atomically`, as a pattern for `glob`."""
PRIVATE_DIRECTORY = 0o700
NUMBER_BYTES = 20
"""Of the number of a process in a lock file."""
TOKEN_BYTES = 32
WRITTEN_AT_ONCE_BYTES = 1024 * 1024
LOCK_ATTEMPTS, LOCK_PAUSE_S = 6, 0.02
"""Who asks for the holder of a lock has it for a moment: so often is it tried, with these pauses."""
TRIED_BYTES = 256 * 1024
"""As much has to fit on a disk that has room: a page of a log of changes with its index, or a key."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""The numbers of errors of a full disk, or of a user's share of it that is used up."""
_TOKEN = re.compile(rf"[0-9a-f]{{{2 * TOKEN_BYTES}}}")


class LockedError(MisuseError):
    """The directory is in use by another process."""


def file_error(error: OSError, failed: str) -> StoreError:
    """Return our error for one of the file system; a full disk is told by the same words everywhere.

    `failed`: what could not be done, "/x/status.json: cannot be written".
    """
    # A user's share of the disk that is used up is the same to a program as a full disk.
    return disk_full(failed) if error.errno in NO_ROOM else StoreError(f"{failed}: {error.strerror or error}")


def has_room(directory: Path) -> bool:
    """Tell whether a little more can be written into the directory, by trying it."""
    # Tried, because the number of free blocks knows nothing of the user's share, of what is kept for root, and of
    # names that have run out.
    try:
        with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
            return file.write(bytes(TRIED_BYTES)) == TRIED_BYTES
    except OSError as error:
        return error.errno not in NO_ROOM


def make_directory(path: Path) -> None:
    """Make `path` and its parents, private to the user, if it is not there; raise `StoreError` if that fails."""
    try:
        # Each by itself: Python gives the parents that it makes on the way whatever mode the umask lets through.
        for directory in (*reversed(path.parents), path):
            if not directory.is_dir():
                directory.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
    except OSError as error:
        raise file_error(error, f"{path}: cannot be made") from error


def write_atomically(path: Path, data: bytes | bytearray, *, mode: int = PRIVATE_FILE, lasting: bool = True) -> None:
    """Put `data` into `path` so that a crash at any instant leaves the old content or the new, never a mixture.

    If `lasting`, the data is on the disk when this returns; otherwise a power cut may bring the old content back.
    Raises `StoreError` if it cannot be written.
    """
    write_together({path: data}, mode=mode, lasting=lasting)


def write_together(
    contents: Mapping[Path, bytes | bytearray], *, mode: int = PRIVATE_FILE, lasting: bool = True
) -> None:
    """Put each content into its file, as `write_atomically` does, and none of them before all are written.

    So a full disk leaves all files as they were. A crash may leave the first few new and the others old, in the order
    of `contents`. Raises `StoreError` if one cannot be written.
    """
    try:
        for path, data in contents.items():
            with _named(path):
                _write_unfinished(path, data, mode, lasting=lasting)
        for path in contents:
            with _named(path):
                _unfinished(path).replace(path)
        if lasting:
            for directory in dict.fromkeys(path.parent for path in contents):
                with _named(directory):
                    # Without this the new name, unlike the new content, may be lost with the power.
                    sync_directory(directory)
    except StoreError:
        for path in contents:
            with contextlib.suppress(OSError):
                _unfinished(path).unlink()  # on a full disk it would hold what room there is
        raise


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise file_error(error, f"{path}: cannot be written") from error


def _write_unfinished(path: Path, data: bytes | bytearray, mode: int, *, lasting: bool) -> None:
    descriptor = os.open(_unfinished(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    # Without a buffer between: it would keep a copy of what is secret.
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        # The mode given to `open` counts for a new file only, and a crash may have left an old one.
        os.fchmod(file.fileno(), mode)
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]
        if lasting:
            os.fsync(file.fileno())


def remove_file(path: Path) -> None:
    """Remove a file that `write_atomically` writes, and an unfinished one that a crash left; neither need be there."""
    path.unlink(missing_ok=True)
    _unfinished(path).unlink(missing_ok=True)


def create_file(path: Path, data: bytes, *, mode: int = PRIVATE_FILE) -> None:
    """Put `data` into the new file `path`; raise `ConfigError`, and change nothing, if it exists already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise ConfigError(f"{path}: exists already and is never overwritten") from error
    except OSError as error:
        raise file_error(error, f"{path}: cannot be written") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        sync_directory(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()  # half of a key would be in the way of the whole one, once there is room
        raise file_error(error, f"{path}: cannot be written") from error


def erase_file(path: Path) -> int | None:
    """Overwrite and delete a file; return its length, None if there was none. Raises `OSError`.

    A flash disk, and a file system that writes elsewhere, may keep the old bytes for a while.
    """
    try:
        # Never through a link: the file that it leads to may not be ours.
        if path.is_symlink():
            path.unlink()
            return 0
        size = path.stat().st_size
        with path.open("r+b", buffering=0) as file:
            for start in range(0, size, WRITTEN_AT_ONCE_BYTES):
                file.write(bytes(min(WRITTEN_AT_ONCE_BYTES, size - start)))
            os.fsync(file.fileno())
        path.unlink()
        sync_directory(path.parent)
    except FileNotFoundError:
        return None
    return size


def create_identity(path: Path, rng: Rng) -> IdentityKey:
    """Make a new identity and keep its seed, in hexadecimal, in the new private file `path`."""
    identity_key = IdentityKey.generate(rng)
    create_secret(path, identity_key.seed)
    return identity_key


def load_identity(path: Path) -> IdentityKey:
    """Return the identity in `path`; raise `ConfigError` if there is none or others may read it."""
    return IdentityKey(load_secret(path, KEY_BYTES, called="an identity key"))


def create_secret(path: Path, secret: bytes) -> None:
    """Keep a secret, in hexadecimal, in the new private file `path`; raise `ConfigError` if it exists already."""
    create_file(path, secret.hex().encode("ascii") + b"\n")


def load_secret(path: Path, length: int, *, called: str) -> bytes:
    """Return the secret of `length` bytes in the file `path`, which `create_secret` wrote.

    `called`: "an identity key", for messages. Raises `ConfigError` if there is none, or if others may read it.
    """
    try:
        mode = path.stat().st_mode
        secret = bytes.fromhex(path.read_bytes().decode("ascii").strip())
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError:
        secret, mode = b"", 0
    if len(secret) != length:
        raise ConfigError(f"{path}: is not {called} of {2 * length} hexadecimal digits")
    # After a copy from elsewhere, most often: ssh refuses such keys for the same reason.
    if mode & 0o077:
        raise ConfigError(f"{path}: others may read this private key; run  chmod 600 {path}")
    return secret


def is_token(text: str) -> bool:
    """Tell whether this has the form of a token: 64 hexadecimal digits."""
    return _TOKEN.fullmatch(text) is not None


def write_new_token(path: Path, *, rng: Rng) -> str:
    """Make a token, by which programs of one user know each other; return it. It replaces the one in the file `path`.

    Raises `StoreError` if the file cannot be written.
    """
    # Never one that was there: a program that waits at an abandoned port may have been shown it, or others read it.
    token = rng.randbytes(TOKEN_BYTES).hex()
    write_atomically(path, token.encode("ascii") + b"\n")
    return token


class DirectoryLock:
    """Lets one process at a time use a directory, or a file in it; the lock ends with the process, however it ends.

    `with` takes it and gives it back.
    """

    def __init__(self, path: Path, *, of: Path | None = None) -> None:
        """`path`: the lock file; its directory must exist. `of`: what it is for, if not that directory."""
        self._path = path
        self._of = of or path.parent
        self._descriptor: int | None = None

    @property
    def directory(self) -> Path:
        """The directory in which it is."""
        return self._path.parent

    def __enter__(self) -> DirectoryLock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def acquire(self) -> None:
        """Take the lock; raise `LockedError` naming the process that has it."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        except OSError as error:
            raise file_error(error, f"{self._path}: cannot be written") from error
        # The system's own lock: a file whose mere presence locks would outlive a crash.
        if not any(try_lock(descriptor, fcntl.LOCK_EX) for _ in lock_attempts()):
            holder = _named_in(descriptor)
            os.close(descriptor)
            raise LockedError(f"{self._of}: is in use by process {holder or '(unknown)'}")
        number = b"%d\n" % os.getpid()
        try:
            # Written over the old number, and cut afterwards: on a full disk an empty file would get no room again.
            os.pwrite(descriptor, number, 0)
            os.ftruncate(descriptor, len(number))
        except OSError as error:
            os.close(descriptor)
            raise file_error(error, f"{self._path}: cannot be written") from error
        self._descriptor = descriptor

    def hand_on(self, start: Callable[[int], int]) -> int:
        """Let a process that `start` starts have the lock until it ends; return its number, which `start` returns.

        `start` is given the descriptor that the process has to inherit. The lock was taken; `release` it afterwards.
        """
        descriptor = cast(int, self._descriptor)
        holder = start(descriptor)
        # In one write, and all of it: whoever asks reads the old number or the new one.
        os.pwrite(descriptor, b"%-*d\n" % (NUMBER_BYTES - 1, holder), 0)
        return holder

    def release(self) -> None:
        """Give the lock back, if it was taken; a process to which it was handed on keeps it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def lock_holder(path: Path) -> int | None:
    """Return the number of the process that holds the lock at `path`; None if no process does.

    The lock tells more than the number in the file: a copy of the file has the number, too, and another process may
    have it by now. Raises `StoreError` if the lock cannot be read, or is held by a process that it does not name.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        # The number is written a moment after the lock is taken.
        for _ in lock_attempts():
            if try_lock(descriptor, fcntl.LOCK_SH):
                return None
            if holder := _named_in(descriptor):
                return holder
    finally:
        os.close(descriptor)
    raise StoreError(f"{path}: is held by a process that it does not name")


def lock_attempts() -> Iterator[None]:
    """Yield before each attempt to take a lock: whoever only asks for its holder has it for an instant."""
    yield
    for _ in range(LOCK_ATTEMPTS - 1):
        time.sleep(LOCK_PAUSE_S)
        yield


def try_lock(descriptor: int, how: int) -> bool:
    """Take the system's lock on an open file or directory, `fcntl.LOCK_EX` or `LOCK_SH`; tell whether that went."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _named_in(descriptor: int) -> int | None:
    text = os.pread(descriptor, NUMBER_BYTES, 0).strip()
    return int(text) if text.isdigit() else None


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.unfinished")


def sync_directory(path: Path) -> None:
    """Wait until the names in a directory, as they are now, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
