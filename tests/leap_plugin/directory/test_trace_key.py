"""The trace key in its file: made once, private, strict."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from leap_plugin.directory.trace_key import TRACE_KEY_FILE, own_trace_key, read_trace_key
from loopixmix.errors import ConfigError


def test_it_is_made_once_and_stays(tmp_path: Path) -> None:
    made = own_trace_key(tmp_path, Random(1))
    assert own_trace_key(tmp_path, Random(2)) == read_trace_key(tmp_path) == made
    assert (tmp_path / TRACE_KEY_FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "word", "abcdefghjk", "abcdefghjk 00", "abcdefghjk " + 64 * "g", 200 * "\xff"])
def test_what_is_no_key_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / TRACE_KEY_FILE).write_text(text, "latin-1")
    with pytest.raises(ConfigError, match="is no trace key"):
        own_trace_key(tmp_path, Random(1))


def test_a_directory_without_one_and_one_that_others_may_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_trace_key(tmp_path)
    own_trace_key(tmp_path, Random(1))
    (tmp_path / TRACE_KEY_FILE).chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_trace_key(tmp_path)
