"""Nothing of mail leaves outside the mix network: every socket call of bridges and clients, seen by strace."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.mailing.sockets import run_traced


@pytest.mark.long
@pytest.mark.needs("strace")
def test_mail_opens_no_socket_elsewhere(tmp_path: Path) -> None:
    assert run_traced(tmp_path, base_port=31_360) == []
