"""Forty mails of different programs by SMTP, the network and IMAP, as `make bench-mail` does it with a large one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.mailing.exactness import run_samples
from tests.worlds.forty_mails import COUNT


@pytest.mark.long
@pytest.mark.needs("openssl", "pysequoia")
def test_bytes_come_back_and_anonymous_mails_tell_nothing(tmp_path: Path) -> None:
    found = run_samples(tmp_path / "net", base_port=31_310, large_bytes=500_000)
    assert found.problems == []
    assert found.exact == COUNT
    assert found.anonymous >= 20
    assert found.leaks == []
