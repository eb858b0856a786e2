"""The token of the local interfaces: private, the same at each start, and compared as a whole."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from twisted.web.http_headers import Headers

from leap_plugin.leap.bitmask.gate import TOKEN_FILE, LoopbackGate, read_or_make_api_token
from loopixmix.errors import StoreError

RNG = random.Random(4)


def test_the_token_is_private_and_stays(tmp_path: Path) -> None:
    token = read_or_make_api_token(tmp_path, RNG)
    assert (tmp_path / TOKEN_FILE).stat().st_mode & 0o777 == 0o600
    assert read_or_make_api_token(tmp_path, RNG) == token


def test_a_token_that_others_could_read_is_made_anew(tmp_path: Path) -> None:
    token = read_or_make_api_token(tmp_path, RNG)
    (tmp_path / TOKEN_FILE).chmod(0o644)
    assert read_or_make_api_token(tmp_path, RNG) != token
    assert (tmp_path / TOKEN_FILE).stat().st_mode & 0o777 == 0o600


def test_a_damaged_token_is_made_anew_and_an_unreadable_one_is_told(tmp_path: Path) -> None:
    (tmp_path / TOKEN_FILE).write_text("short")
    (tmp_path / TOKEN_FILE).chmod(0o600)
    assert len(read_or_make_api_token(tmp_path, RNG)) == 64
    (tmp_path / TOKEN_FILE).unlink()
    (tmp_path / TOKEN_FILE).mkdir()
    with pytest.raises(StoreError):
        read_or_make_api_token(tmp_path, RNG)


@pytest.mark.parametrize("given", [[], [b""], [b"b" * 64], [b"a" * 63], [b"a" * 65], [b"a" * 64, b"a" * 64]])
def test_only_the_whole_token_given_once_counts(given: list[bytes]) -> None:
    gate = LoopbackGate("a" * 64)
    assert gate.knows_the_token(Headers({b"X-Bitmask-Auth": [b" " + b"a" * 64]}))
    assert not gate.knows_the_token(Headers({b"X-Bitmask-Auth": given}))
    assert "a" * 64 not in repr(gate)


def test_before_the_port_is_known_nobody_gets_in() -> None:
    gate, headers = LoopbackGate("a" * 64), Headers({b"Host": [b"127.0.0.1:7070"]})
    assert not gate.is_from_a_program(headers)
    gate.allow_port(7070)
    assert gate.is_from_a_program(headers)
    assert not gate.is_from_a_program(Headers({b"Host": [b"127.0.0.1:7070", b"localhost:7070"]}))
