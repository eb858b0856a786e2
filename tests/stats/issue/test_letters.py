"""The two messages about codes, as docs/protocol/stats.md has them."""

from __future__ import annotations

import pytest

from loopixmix.errors import FormatError
from stats.issue.letters import SentCode, decode_ask, decode_code, encode_code

CODE = "abcdefghijklmnopqrstuv27"


def test_a_code_is_read_back_and_not_shown() -> None:
    sent = SentCode(b"d" * 32, CODE)
    assert encode_code(sent) == b"d" * 32 + CODE.encode()
    assert decode_code(encode_code(sent)) == sent
    assert CODE not in repr(sent)


@pytest.mark.parametrize("code", ["", CODE[:-1], CODE + "a", CODE[:-1] + "1", CODE[:-1] + "A", CODE[:-1] + "\xe9"])
def test_a_message_without_a_code_is_refused(code: str) -> None:
    with pytest.raises(FormatError):
        decode_code(b"d" * 32 + code.encode())


@pytest.mark.parametrize("body", [b"", b"d" * 31, b"d" * 33])
def test_who_asks_names_a_draft(body: bytes) -> None:
    with pytest.raises(FormatError):
        decode_ask(body)
    assert decode_ask(b"d" * 32) == b"d" * 32
