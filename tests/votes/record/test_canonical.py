from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import FormatError
from votes.record.canonical import Hex, decode_canonical, encode_canonical


class Thing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    count: int
    key: Hex
    is_true: bool


THING = Thing("é", 5, Hex(b"\x0a\xff"), True)
SPELLED = '{"count":5,"is_true":true,"key":"0aff","name":"é"}'


def read(text: str | bytes) -> Thing:
    return decode_canonical(text.encode() if isinstance(text, str) else text, Thing, most_bytes=1000)


def test_a_value_has_one_spelling() -> None:
    assert encode_canonical(THING).decode() == SPELLED
    assert read(SPELLED) == THING


@pytest.mark.parametrize(
    "other",
    [
        SPELLED + " ",
        SPELLED + "\n",
        SPELLED.replace(",", ", "),
        SPELLED.replace("é", "\\u00e9"),
        SPELLED.replace("é", "\\/"),
        SPELLED.replace("5", "5.0"),
        SPELLED.replace("5", "5e0"),
        SPELLED.replace("5", "05"),
        SPELLED.replace("5", "-0"),
        SPELLED.replace("5", '"5"'),
        SPELLED.replace("true", "1"),
        SPELLED.replace("0aff", "0AFF"),
        SPELLED.replace("0aff", "0af"),
        SPELLED.replace("0aff", "0x0aff"),
        SPELLED.replace("0aff", "0aff "),
        SPELLED.replace('"0aff"', "null"),
        '{"is_true":true,"count":5,"key":"0aff","name":"é"}',
        '{"count":4,"count":5,"is_true":true,"key":"0aff","name":"é"}',
        '{"count":5,"is_true":true,"key":"0aff","name":"é","other":1}',
        '{"count":5,"is_true":true,"key":"0aff"}',
        "\ufeff" + SPELLED,
        "[]",
        "",
        "[" * 900,
    ],
)
def test_other_spellings_are_refused(other: str) -> None:
    with pytest.raises(FormatError):
        read(other)


def test_bytes_that_are_no_utf_8_are_refused() -> None:
    for wrong in (b"\xff", b"\xed\xa0\x80", b"\xc0\xaf"):
        with pytest.raises(FormatError):
            read(SPELLED.encode().replace("é".encode(), wrong))
    with pytest.raises(FormatError):
        read(SPELLED.replace("é", "\\ud800"))


def test_more_bytes_than_allowed_are_not_looked_at() -> None:
    with pytest.raises(FormatError, match="at most 10"):
        decode_canonical(SPELLED.encode(), Thing, most_bytes=10)


@given(st.text(), st.integers(0, 2**53 - 1), st.binary(), st.booleans())
def test_it_is_what_rfc_8785_says_of_strings_and_whole_numbers(
    name: str, count: int, key: bytes, is_true: bool
) -> None:
    thing = Thing(name, count, Hex(key), is_true)
    # Python's own writer escapes as ECMAScript does, which RFC 8785 refers to; there it is told to sort.
    plain = {"name": name, "count": count, "key": key.hex(), "is_true": is_true}
    expected = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert encode_canonical(thing) == expected.encode()
    assert decode_canonical(expected.encode(), Thing, most_bytes=10**6) == thing


def test_plain_bytes_do_not_pass_as_hexadecimal_ones() -> None:
    class Wrong(msgspec.Struct):
        key: object

    with pytest.raises(NotImplementedError):
        encode_canonical(Wrong(bytearray))
