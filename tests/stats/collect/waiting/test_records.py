from __future__ import annotations

import random
import struct
import zlib

import numpy as np
import pytest

from stats.collect.survey import CheckedReport, PoolName
from stats.collect.waiting.records import RecordForm

POOL = PoolName(bytes(32), 0, 0)


def report(rng: random.Random, values: int) -> CheckedReport:
    return CheckedReport(POOL, rng.randbytes(32), rng.randbytes(32), tuple(rng.getrandbits(63) for _ in range(values)))


@pytest.mark.parametrize("values", [1, 2, 64])
def test_a_record_is_as_the_page_says(values: int) -> None:
    form, made = RecordForm(values), report(random.Random(1), values)
    body = made.once + made.digest + struct.pack(f"<{values}Q", *made.values)
    assert form.encode(made) == body + struct.pack("<I", zlib.crc32(body))
    assert form.length == form.type.itemsize == len(body) + 4


def test_many_records_are_read_as_columns() -> None:
    rng, form = random.Random(2), RecordForm(3)
    some = [report(rng, 3) for _ in range(20)]
    records = form.array(b"".join(map(form.encode, some)))
    assert form.onces(records) == [each.once for each in some]
    assert form.spent(records) == {each.once: each.digest for each in some}
    for place, column in enumerate(form.columns(records)):
        assert column.dtype == np.uint64
        assert column.tolist() == [each.values[place] for each in some]


def test_only_whole_records_count() -> None:
    rng, form = random.Random(3), RecordForm(1)
    whole = form.encode(report(rng, 1))
    empty = bytes(form.length)
    torn = [whole[:cut] + bytes(form.length - cut) for cut in range(1, form.length)]
    records = form.array(b"".join([empty, whole, *torn, empty, whole]))
    assert form.whole(records).tolist() == [1, len(records) - 1]
    assert form.whole(form.array(b"")).tolist() == []
