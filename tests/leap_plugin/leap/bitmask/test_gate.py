"""The token of the local interfaces is compared as a whole."""

from __future__ import annotations

import pytest
from twisted.web.http_headers import Headers

from leap_plugin.leap.bitmask.gate import LoopbackGate


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
