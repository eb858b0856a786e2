from __future__ import annotations

import random

import pytest

from loopixmix.errors import FormatError, SignatureError
from votes.record.entries import MOST_BODY_BYTES, Entry, EntryKind, decode_entry, open_record, sign_record
from votes.record.signing import PartyKey

KEY = PartyKey.generate(random.Random(1))


@pytest.mark.parametrize("kind", EntryKind)
def test_an_entry_comes_back_from_its_bytes(kind: EntryKind) -> None:
    entry = Entry(kind, 2**64 - 1, b"body")
    assert decode_entry(entry.encode()) == entry


def test_the_bytes_are_those_of_the_page() -> None:
    assert Entry(EntryKind.BALLOT, 258, b"ab").encode().hex() == "03" + "0000000000000102" + "00000002" + "6162"


def test_each_field_is_checked() -> None:
    good = Entry(EntryKind.BALLOT, 258, b"ab").encode()
    for kind in (0, 13, 255):
        with pytest.raises(FormatError, match="kind is 1 to 12"):
            decode_entry(bytes([kind]) + good[1:])
    for wrong in (good[:-1], good + b"\0"):
        with pytest.raises(FormatError, match="says that it has 2"):
            decode_entry(wrong)
    with pytest.raises(FormatError, match="at least 13 bytes"):
        decode_entry(good[:12])


@pytest.mark.parametrize("kind", EntryKind)
def test_a_body_is_bounded(kind: EntryKind) -> None:
    too_long = bytes(MOST_BODY_BYTES[kind] + 1)
    with pytest.raises(FormatError, match="at most"):
        Entry(kind, 0, too_long).encode()
    head = bytes([kind]) + bytes(8) + len(too_long).to_bytes(4, "big")
    with pytest.raises(FormatError, match="at most"):
        decode_entry(head + too_long)


def test_a_record_is_signed_by_the_administrator() -> None:
    body = sign_record(b"{}", KEY)
    assert open_record(body, KEY.identity) == b"{}"
    for wrong in (body + b" ", body[:63], b""):
        with pytest.raises(SignatureError):
            open_record(wrong, KEY.identity)
    with pytest.raises(SignatureError):
        open_record(body, PartyKey.generate(random.Random(2)).identity)
