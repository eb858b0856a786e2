"""Programs killed between 250 and delivery, as `make bench-mail` does it a hundred times."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.mailing.kills import run_kills


@pytest.mark.long
def test_no_mail_is_lost_or_doubled_by_kills(tmp_path: Path) -> None:
    count = run_kills(tmp_path / "net", runs=10, base_port=31_300, settle_s=300.0)
    assert len(count.accepted) == 10
    assert sum(count.victims.values()) == 10
    assert (count.lost, count.doubled) == ([], [])
