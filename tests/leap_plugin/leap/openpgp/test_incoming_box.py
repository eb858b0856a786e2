"""What an Incoming Box holds: the JSON object of LEAP's mail exchanger, from which a mail comes out byte for byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_plugin.leap.openpgp.incoming_box import incoming_document, without_claims
from tests.worlds.leap import read_document

MAIL = b'From: a@b.example\r\nSubject: \xc3\xa4 "quoted" \\ \t\r\n\r\nBody\r\n'


def test_a_mail_of_text_is_valid_json() -> None:
    found = json.loads(incoming_document(MAIL))
    assert found == {"incoming": True, "content": MAIL.decode()}


@given(st.binary(max_size=400))
def test_any_bytes_come_out_as_they_were(mail: bytes) -> None:
    assert read_document(incoming_document(mail)) == mail


@pytest.mark.parametrize(
    "claim",
    [
        b"X-Leap-Signature: valid; pubkey=ABC\r\n",
        b"x-leap-ENCRYPTION : decrypted\r\n",
        b"X-Leap-Encryption:\r\n decrypted\r\n\tagain\r\n",
        b"X-Leap-Provenance: from afar\n",
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_lines_that_only_the_recipients_program_may_write_are_taken_out(claim: bytes, place: int) -> None:
    lines = [b"From: a@b.example\r\n", b"Subject: one\r\n two\r\n"]
    head = b"".join([*lines[:place], claim, *lines[place:]])
    assert without_claims(head + b"\r\nX-Leap-Signature: in the body\r\n") == (
        b"".join(lines) + b"\r\nX-Leap-Signature: in the body\r\n"
    )


@pytest.mark.parametrize(
    "mail",
    [
        b"",
        b"\r\nX-Leap-Signature: in the body\r\n",
        b"\nX-Leap-Signature: in the body\n",
        b"From: a@b.example\r\nX-Leap-Signatures: plural\r\nSubject: X-Leap-Signature: quoted\r\n\r\n",
        b"no head at all",
    ],
)
def test_all_else_stays(mail: bytes) -> None:
    assert without_claims(mail) == mail


def test_a_mail_that_is_only_a_claim_is_left_empty() -> None:
    assert without_claims(b"X-Leap-Signature: valid") == b""
