"""Codes of those who may answer."""

from __future__ import annotations

import random

from stats.issue.codes import code_of_address, draw_code, hash_code
from stats.issue.letters import SentCode, decode_code, encode_code


def test_codes_differ_and_have_the_form_that_letters_take() -> None:
    rng = random.Random(1)
    drawn = {draw_code(rng) for _ in range(1000)}
    assert len(drawn) == 1000
    for code in drawn:
        assert decode_code(encode_code(SentCode(bytes(32), code))).code == code


def test_the_code_of_an_address_is_always_the_same_and_another_for_all_else() -> None:
    code = code_of_address(b"s" * 32, b"d" * 32, "alice@one")
    assert code == code_of_address(b"s" * 32, b"d" * 32, "alice@one")
    others = {
        code_of_address(b"t" * 32, b"d" * 32, "alice@one"),
        code_of_address(b"s" * 32, b"e" * 32, "alice@one"),
        code_of_address(b"s" * 32, b"d" * 32, "alice@two"),
    }
    assert len({code, *others}) == 4


def test_what_is_kept_of_a_code_is_of_one_survey() -> None:
    assert hash_code(b"d" * 32, b"code") != hash_code(b"e" * 32, b"code")
    assert len(hash_code(b"d" * 32, b"code")) == 32
