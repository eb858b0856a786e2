"""Commands that tests fork off one process: one that hangs does not give its answer to the next one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.worlds.commands import command_text

pytestmark = pytest.mark.long


def test_after_a_command_that_hangs_the_next_one_gets_its_own_answer(tmp_path: Path) -> None:
    missing, never = str(tmp_path / "missing"), str(tmp_path / "never")
    os.mkfifo(never)
    assert command_text("mail", "preview", missing).returncode == 2
    with pytest.raises(TimeoutError):
        command_text("mail", "preview", never)
    assert command_text("--help").returncode == 0
    assert command_text("mail", "preview", missing).returncode == 2
