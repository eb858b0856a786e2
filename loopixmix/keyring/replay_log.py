"""Replay tags on disk, so that a restart does not let a packet pass twice.

The file is `magic 8 | epoch u64 | fingerprint of the key 16`, then for each tag `tag 16 | CRC-32 of all tags up to
here u32`. It only grows, one write a batch, handed to the operating system before any packet of the batch is
scheduled. A record that was cut short is the sign of a process that was killed while it wrote: none of its batch was
scheduled, and it is dropped. Anything else that does not fit is damage, and refused: to go on without the tags
would let packets pass twice.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from loopixmix.errors import StoreError
from loopixmix.keyring.replay import TAG_BYTES
from loopixmix.process.files import file_error

_MAGIC = b"LXMTAGS1"
_HEADER = struct.Struct(">8sQ16s")
_CRC = struct.Struct(">I")
_RECORD_BYTES = TAG_BYTES + _CRC.size
_RECORDS_A_READ = 50_000
_FINGERPRINT_DOMAIN = b"loopixmix/replay-log/v1:"


class ReplayLog:
    """The tags of one key. `restore` first, then `append`."""

    def __init__(self, path: Path, *, epoch: int, public_key: bytes, new: bool) -> None:
        """Make the file of a `new` key, or open that of an old one; raise `StoreError` if that fails."""
        self._path = path
        fingerprint = hashlib.sha256(_FINGERPRINT_DOMAIN + public_key).digest()[:16]
        self._header = _HEADER.pack(_MAGIC, epoch, fingerprint)
        self._crc = 0
        self._end = _HEADER.size
        if not new and not path.exists():
            raise self._damaged(0, "it is missing")
        try:
            self._file: BinaryIO = open(path, "w+b" if new else "r+b", buffering=0, opener=_open_private)  # noqa: SIM115
            if new:
                _write_all(self._file, 0, self._header)
                os.fsync(self._file.fileno())
        except OSError as error:
            raise file_error(error, f"{path} cannot be opened") from error

    def restore(self) -> Iterator[Sequence[bytes]]:
        """Yield the tags that were appended before, in batches; raise `StoreError` if the file is damaged."""
        try:
            self._file.seek(0)
            if self._file.read(_HEADER.size) != self._header:
                raise self._damaged(0, "it belongs to another key")
            while data := self._read_records():
                yield self._decode(data)
        except OSError as error:
            self.close()
            raise StoreError(f"{self._path} cannot be read: {error.strerror}") from error
        except StoreError:
            self.close()
            raise

    def append(self, tags: Sequence[bytes]) -> None:
        """Hand the tags to the operating system; raise `StoreError`, with nothing appended, if that fails."""
        crc = self._crc
        records = bytearray()
        for tag in tags:
            crc = zlib.crc32(tag, crc)
            records += tag
            records += _CRC.pack(crc)
        try:
            _write_all(self._file, self._end, records)
        except OSError as error:
            raise file_error(error, f"{self._path} cannot be written") from error
        self._crc = crc
        self._end += len(records)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read_records(self) -> bytes:
        data = self._file.read(_RECORDS_A_READ * _RECORD_BYTES)
        whole = len(data) - len(data) % _RECORD_BYTES
        self._file.seek(whole - len(data), os.SEEK_CUR)
        return data[:whole]

    def _decode(self, data: bytes) -> list[bytes]:
        tags: list[bytes] = []
        for start in range(0, len(data), _RECORD_BYTES):
            tag = data[start : start + TAG_BYTES]
            self._crc = zlib.crc32(tag, self._crc)
            if data[start + TAG_BYTES : start + _RECORD_BYTES] != _CRC.pack(self._crc):
                raise self._damaged(self._end + start, "a checksum does not fit")
            tags.append(tag)
        self._end += len(data)
        return tags

    def _damaged(self, at_byte: int, why: str) -> StoreError:
        return StoreError(
            f"{self._path} is damaged at byte {at_byte} ({why}): delete it together with the .key file beside it; "
            f"the node then starts, and takes no packets of that epoch"
        )


def _write_all(file: BinaryIO, at: int, data: bytes | bytearray) -> None:
    # At a fixed place: what a failed or unfinished write left behind, always less than a record, is overwritten.
    view = memoryview(data)
    while view:
        written = os.pwrite(file.fileno(), view, at)
        view, at = view[written:], at + written


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
