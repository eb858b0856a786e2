"""The store of a node's mix keys and their replay tags: in files, or in memory for simulations and tests."""

from __future__ import annotations

import binascii
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from loopixmix.errors import MisuseError, StoreError
from loopixmix.keyring.replay_log import ReplayLog
from loopixmix.keys import MixKey
from loopixmix.process.files import UNFINISHED, file_error, sync_directory, write_atomically
from loopixmix.wiping import wipe

_KEY_WORDS = "loopixmix-mix-key-v1"


class TagLog(Protocol):
    """The replay tags of one key, as they were and as they come."""

    def restore(self) -> Iterator[Sequence[bytes]]:
        """Yield the tags appended before, in batches; called once, before `append`."""

    def append(self, tags: Sequence[bytes]) -> None:
        """Keep more tags; raise `StoreError`, with none of them kept, if that fails."""

    def close(self) -> None:
        """End use; the tags stay."""


class KeyStore(Protocol):
    """The mix keys of one node, by epoch."""

    def load(self) -> dict[int, MixKey]:
        """Return every key that was saved and not erased."""

    def save(self, epoch: int, key: MixKey) -> None:
        """Keep a key; raise `StoreError` if that fails."""

    def erase(self, epoch: int) -> None:
        """Destroy a key and its tags, whose log is closed; raise `StoreError` if that fails."""

    def open_log(self, epoch: int, key: MixKey, *, new: bool) -> TagLog:
        """Begin the replay tags of a `new` key, before it is saved, or open those of an old one."""


class KeyFiles:
    """Keys in files of one directory: `EPOCH.key`, and `EPOCH.replay` beside it.

    A key file is one line `loopixmix-mix-key-v1 EPOCH PRIVATE PUBLIC`, keys in hexadecimal, readable by its owner only.
    """

    def __init__(self, directory: Path) -> None:
        """`directory`: where the files are. It is made if it is not there; raises `StoreError` if that fails."""
        self._directory = directory
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise file_error(error, f"{directory} cannot be made") from error

    def load(self) -> dict[int, MixKey]:
        """Return every key; raise `StoreError` if a file is damaged or cannot be read.

        What a crash left half made or half erased is removed.
        """
        try:
            for unfinished in self._directory.glob(UNFINISHED):
                _erase_file(unfinished)  # half a key is a secret, too
            keys = dict(_read_key(path) for path in sorted(self._directory.glob("*.key")))
            # The tags are written before the key, so a crash between the two leaves tags without one. The other way
            # round a key could be used without its tags.
            for log in self._directory.glob("*.replay"):
                if not log.with_suffix(".key").exists():
                    log.unlink()
        except OSError as error:
            raise StoreError(f"{self._directory} cannot be read: {error.strerror}") from error
        return keys

    def save(self, epoch: int, key: MixKey) -> None:
        """Write a key in one step and to the disk itself, before its public half is published."""
        path = self._key_path(epoch)
        line = _key_line(epoch, key)
        try:
            write_atomically(path, line)
        finally:
            wipe(line)

    def erase(self, epoch: int) -> None:
        """Overwrite and remove a key's file, and remove its tags.

        What a journalling file system or a flash drive keeps of it is beyond us; docs/operating.md says so.
        """
        path = self._key_path(epoch)
        try:
            # The key first: tags without a key are rubbish, but a key without its tags lets every packet pass again.
            _erase_file(path)
            path.with_suffix(".replay").unlink(missing_ok=True)
            sync_directory(self._directory)
        except FileNotFoundError:
            return
        except OSError as error:
            raise file_error(error, f"{path} cannot be erased") from error

    def open_log(self, epoch: int, key: MixKey, *, new: bool) -> ReplayLog:
        """Open the replay tags of a key; raise `StoreError` if those of a saved key are missing."""
        return ReplayLog(self._directory / f"{epoch}.replay", epoch=epoch, public_key=key.public, new=new)

    def _key_path(self, epoch: int) -> Path:
        return self._directory / f"{epoch}.key"


class MemoryTagLog:
    """Replay tags that need no disk: the filter itself holds them."""

    def restore(self) -> Iterator[Sequence[bytes]]:
        """Yield nothing."""
        return iter(())

    def append(self, tags: Sequence[bytes]) -> None:
        """Keep nothing."""

    def close(self) -> None:
        """Do nothing."""


class MemoryKeyStore:
    """Keys of a node that is never restarted."""

    def __init__(self) -> None:
        """Begin without keys."""
        self.keys: dict[int, MixKey] = {}

    def load(self) -> dict[int, MixKey]:
        """Return every key."""
        return dict(self.keys)

    def save(self, epoch: int, key: MixKey) -> None:
        """Keep a key."""
        self.keys[epoch] = key

    def erase(self, epoch: int) -> None:
        """Forget a key."""
        self.keys.pop(epoch, None)

    def open_log(self, epoch: int, key: MixKey, *, new: bool) -> MemoryTagLog:  # noqa: ARG002 (nothing to open)
        """Return a log that keeps nothing."""
        return MemoryTagLog()


def _key_line(epoch: int, key: MixKey) -> bytearray:
    """Return the content of a key's file, for the caller to wipe: no other copy of the private half is left."""
    before, after = f"{_KEY_WORDS} {epoch} ".encode("ascii"), f" {key.public.hex()}\n".encode("ascii")
    digits = binascii.hexlify(key.private)
    # Of its whole length from the beginning: one that grew would leave copies where it was.
    line = bytearray(len(before) + len(digits) + len(after))
    line[: len(before)] = before
    line[len(before) : len(before) + len(digits)] = digits
    line[len(before) + len(digits) :] = after
    wipe(digits)
    return line


def _read_key(path: Path) -> tuple[int, MixKey]:
    line = bytearray(path.stat().st_size)
    try:
        # Without a buffer between, which would keep a copy.
        with path.open("rb", buffering=0) as file:
            file.readinto(line)
        ends = [at for at, byte in enumerate(line) if byte in b" \n"]
        if len(ends) != 4 or ends[3] != len(line) - 1:
            raise ValueError("not four words and the end of the line")
        words, epoch = bytes(line[: ends[0]]), int(line[ends[0] + 1 : ends[1]])
        public = binascii.unhexlify(line[ends[2] + 1 : ends[3]])
        key = MixKey(binascii.unhexlify(memoryview(line)[ends[1] + 1 : ends[2]]))
        if words != _KEY_WORDS.encode("ascii") or path.name != f"{epoch}.key" or key.public != public:
            key.wipe()
            raise ValueError("another key than the name and the public half say")
        return epoch, key
    except (ValueError, MisuseError):
        # Without the cause: it could quote the private key.
        raise StoreError(
            f"{path} is damaged: delete it together with the .replay file beside it; "
            f"the node then starts, and takes no packets of that epoch"
        ) from None
    finally:
        wipe(line)


def _erase_file(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    # On the disk before the name is gone: afterwards nothing leads to the blocks any more.
    path.unlink()
