"""Docs/protocol/mail.md is enough: a program written from it alone reads what this one writes, and the other way."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from client.api import Verified
from leap_plugin.mail.envelope import EnclosedMail, decode_envelope, encode_envelope
from leap_plugin.mail.splitting import PIECE_BYTES, bodies_of
from leap_plugin.mail.trace import Origin, make_trace_key, mark
from tests.worlds.mails import SAMPLES
from tests.worlds.packets.mail_by_the_page import (
    PageMail,
    RefusedError,
    lines_before,
    packed_envelope,
    put_together,
    read_envelope,
    read_piece,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "mail-envelope.json").read_text())
# The page leaves the form of an address to RFC 5321; the second implementation looks for an @ alone.
NOT_ON_THE_PAGE = {"a recipient with a line end"}
RNG = Random(3)


@pytest.mark.parametrize("name", SAMPLES)
def test_envelopes_are_read_by_the_page(name: str) -> None:
    envelope = encode_envelope(SAMPLES[name], to="erin@example.org", token=b"token")
    assert read_envelope(envelope) == PageMail(SAMPLES[name], "erin@example.org", b"token")


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_the_page_refuses_the_bad_ones(vector: dict[str, str]) -> None:
    if vector["name"] not in NOT_ON_THE_PAGE:
        with pytest.raises(RefusedError):
            read_envelope(bytes.fromhex(vector["envelope"]))


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["name"])
def test_the_page_reads_the_good_ones(vector: dict[str, str]) -> None:
    expected = PageMail(bytes.fromhex(vector["mail"]), vector["to"], bytes.fromhex(vector["token"]))
    assert read_envelope(bytes.fromhex(vector["envelope"])) == expected


def test_an_envelope_made_by_the_page_is_read() -> None:
    mail = b"a line of a mail\r\n" * 5000
    assert decode_envelope(packed_envelope(mail, "erin@example.org")) == EnclosedMail(mail, "erin@example.org")


def test_pieces_are_read_by_the_page() -> None:
    mail = RNG.randbytes(2 * PIECE_BYTES + 1000)
    pieces = [read_piece(body) for body in bodies_of(mail, RNG)]
    assert put_together(pieces[::-1]) == PageMail(mail, "", b"")
    with pytest.raises(RefusedError):
        put_together(pieces[:2])


@pytest.mark.parametrize("gateway", [None, "example.org"])
def test_the_bridges_lines_are_those_of_the_page(gateway: str | None) -> None:
    trace_key = make_trace_key(RNG)
    marked = mark(SAMPLES["plain"], Origin("alice@provider-1", Verified.PINNED, gateway), trace_key)
    sealed = "end-to-end" if gateway is None else f"to the gateway of {gateway}"
    lines = lines_before(
        SAMPLES["plain"],
        word=trace_key.word,
        key=trace_key.key,
        sender="alice@provider-1",
        verified="pinned",
        sealed=sealed,
    )
    assert marked == lines + SAMPLES["plain"]


def test_the_lines_of_an_anonymous_mail_are_those_of_the_page() -> None:
    trace_key, mail = make_trace_key(RNG), SAMPLES["plain"]
    reply = "reply-abcdefghjkmnpqrs@mix.invalid"
    lines = lines_before(
        mail,
        word=trace_key.word,
        key=trace_key.key,
        sender="anonymous",
        verified="unknown",
        sealed="end-to-end",
        reply=reply,
    )
    assert mark(mail, Origin(None, Verified.UNKNOWN, None, reply), trace_key) == lines + mail
