"""A waiting report as bytes of one length, and many of them as an array."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stats.collect.survey import CheckedReport
from stats.columns.seams import Column

HASH_BYTES = 32
_CHECK = struct.Struct("<I")

Records = NDArray[np.void]
"""Records as an array; see `RecordForm`."""


class RecordForm:
    """The form of the waiting reports of one sheet: what can be there once, digest, values, a check sum.

    Nothing in it tells when the report came. A slot whose check sum is wrong is free: nothing was ever in it, or it was
    erased, or the power failed while it was written, and then nobody was told that the report counts.
    """

    def __init__(self, values: int) -> None:
        """`values`: how many a report has."""
        self.values = values
        self._body = struct.Struct(f"<{HASH_BYTES}s{HASH_BYTES}s{values}Q")
        self.length = self._body.size + _CHECK.size
        self.type = np.dtype(
            [("once", f"V{HASH_BYTES}"), ("digest", f"V{HASH_BYTES}"), ("values", "<u8", (values,)), ("check", "<u4")]
        )

    def encode(self, report: CheckedReport) -> bytes:
        """Return the bytes of a report."""
        body = self._body.pack(report.once, report.digest, *report.values)
        return body + _CHECK.pack(zlib.crc32(body))

    def array(self, data: bytes) -> Records:
        """Return records that stand one after another, as an array."""
        return np.frombuffer(data, dtype=self.type)

    def whole(self, records: Records) -> NDArray[np.int64]:
        """Return the places of those that hold a report."""
        # Most slots of a file may be empty: only the others have a check sum to look at.
        filled = np.flatnonzero(records.view(np.uint8).reshape(len(records), self.length).any(axis=1))
        data = memoryview(records.tobytes())
        whole = [place for place in filled.tolist() if self._is_whole(data, place * self.length)]
        return np.array(whole, dtype=np.int64)

    def columns(self, records: Records) -> Sequence[Column]:
        """Return the values of all records, one column for each question."""
        values = records["values"].astype(np.uint64)
        return [np.ascontiguousarray(values[:, place]) for place in range(self.values)]

    def onces(self, records: Records) -> list[bytes]:
        """Return for each record what can be there once."""
        return _each(records["once"])

    def spent(self, records: Records) -> dict[bytes, bytes]:
        """Return the digests by what can be there once."""
        return dict(zip(self.onces(records), _each(records["digest"]), strict=True))

    def _is_whole(self, data: memoryview, at: int) -> bool:
        end = at + self._body.size
        return bool(_CHECK.unpack_from(data, end)[0] == zlib.crc32(data[at:end]))


def _each(column: Records) -> list[bytes]:
    data = np.ascontiguousarray(column).tobytes()
    return [data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES)]
