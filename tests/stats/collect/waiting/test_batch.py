from __future__ import annotations

import random
from pathlib import Path

from stats.collect.survey import CheckedReport, PoolName
from stats.collect.waiting.batch import DrawnBatch, batch_number
from stats.collect.waiting.records import RecordForm


def test_a_batch_is_a_file_with_its_number_in_the_name(tmp_path: Path) -> None:
    rng, form, pool = random.Random(1), RecordForm(1), PoolName(bytes([171]) * 32, 2, 30)
    reports = [CheckedReport(pool, rng.randbytes(32), rng.randbytes(32), (number,)) for number in range(4)]
    batch = DrawnBatch(pool, 17, form, form.array(b"".join(map(form.encode, reports))))
    batch.write(tmp_path)
    [path] = tmp_path.iterdir()
    assert path.name == "abababababababab-2-30.17.batch"
    assert batch_number(path.name) == 17
    assert form.onces(form.array(path.read_bytes())) == [each.once for each in reports]
    assert batch.rows == 4


def test_other_files_have_no_number() -> None:
    for name in ("abababababababab-2-30.slots", "x.17.batch", ".abab-1-1.17.batch.unfinished", "abab-1-1.batch"):
        assert batch_number(name) is None
