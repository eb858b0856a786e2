"""Mails in pieces: cut, checked, put together."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from client.api import MAX_BODY_BYTES
from leap_plugin.mail.envelope import EnclosedMail
from leap_plugin.mail.splitting import PIECE_BYTES, Piece, bodies_of, decode_body, put_together
from loopixmix.errors import FormatError

RNG = Random(12)
LONG = RNG.randbytes(2 * PIECE_BYTES + 1000)


def pieces_of(mail: bytes, seed: int = 1) -> list[Piece]:
    pieces = [decode_body(body) for body in bodies_of(mail, Random(seed))]
    assert all(isinstance(piece, Piece) for piece in pieces)
    return [piece for piece in pieces if isinstance(piece, Piece)]


PIECES = pieces_of(LONG)


def test_a_short_mail_is_one_body() -> None:
    (body,) = bodies_of(b"short", RNG)
    assert decode_body(body) == EnclosedMail(b"short")


def test_a_long_mail_is_several_bodies_that_the_network_takes() -> None:
    bodies = bodies_of(LONG, Random(1))
    assert [len(body) <= MAX_BODY_BYTES for body in bodies] == [True] * 3
    assert bodies == bodies_of(LONG, Random(1))
    assert bodies != bodies_of(LONG, Random(2))


def test_the_longest_envelope_that_fits_is_not_cut() -> None:
    mail = RNG.randbytes(MAX_BODY_BYTES - 21)
    assert [len(body) for body in bodies_of(mail, RNG)] == [MAX_BODY_BYTES]
    assert len(bodies_of(mail + b"a", RNG)) == 2


def test_pieces_make_the_mail_with_its_recipient_and_token() -> None:
    bodies = bodies_of(LONG, RNG, to="erin@example.org", token=b"token")
    pieces = [piece for body in bodies if isinstance(piece := decode_body(body), Piece)]
    enclosed = put_together([piece.content for piece in pieces], pieces[0].digest)
    assert enclosed == EnclosedMail(LONG, "erin@example.org", b"token")


def test_pieces_that_make_something_else_are_refused() -> None:
    contents = [piece.content for piece in PIECES]
    with pytest.raises(FormatError, match="promised"):
        put_together([*contents[:2], contents[0]], PIECES[0].digest)


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("version", 2, "version 2"),
        ("mail_id", bytes(15), "mail id"),
        ("digest", bytes(31), "digest"),
        ("number", 3, "piece 3 of 3"),
        ("number", -1, "piece -1 of 3"),
        ("count", 1, "piece 0 of 1"),
        ("count", 99, "piece 0 of 99"),
        ("content", b"", "not 0"),
        ("content", bytes(PIECE_BYTES - 1), "only the last one fewer"),
        ("content", bytes(PIECE_BYTES + 1), "only the last one fewer"),
    ],
)
def test_each_field_is_checked(field: str, value: object, problem: str) -> None:
    body = msgspec.msgpack.encode(msgspec.structs.replace(PIECES[0], **{field: value}))  # type: ignore[arg-type]
    with pytest.raises(FormatError, match=problem):
        decode_body(body)


def test_other_forms_of_a_piece_are_refused() -> None:
    body = msgspec.msgpack.encode(PIECES[2])
    longer = body.replace(b"\xa5piece\x01", b"\xa5piece\xcc\x01")
    for wrong in (body[:-1], body + b"\0", longer):
        with pytest.raises(FormatError, match="not a piece"):
            decode_body(wrong)
