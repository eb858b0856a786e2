"""Mails in pieces: out of order, doubled, missing, mixed up, contradictory."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from client.api import MAX_BODY_BYTES
from leap_plugin.mail.envelope import EnclosedMail
from leap_plugin.mail.splitting import (
    PIECE_BYTES,
    Collector,
    Piece,
    PieceRepeated,
    PiecesMissing,
    WholeMail,
    bodies_of,
    decode_body,
)
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


def test_the_recipient_and_the_token_come_along_with_pieces_too() -> None:
    collector = Collector()
    bodies = bodies_of(LONG, RNG, to="erin@example.org", token=b"token")
    pieces = [piece for body in bodies if isinstance(piece := decode_body(body), Piece)]
    told = [collector.add(piece, "bob@p", 0.0) for piece in pieces]
    assert told[-1] == WholeMail(EnclosedMail(LONG, "erin@example.org", b"token"))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_pieces_come_in_any_order(order: tuple[int, ...]) -> None:
    collector = Collector()
    told = [collector.add(PIECES[number], "bob@p", 0.0) for number in order]
    assert told == [PiecesMissing(2), PiecesMissing(1), WholeMail(EnclosedMail(LONG))]


def test_a_doubled_piece_changes_nothing_before_and_after_the_end() -> None:
    collector = Collector()
    numbers = (0, 0, 1, 2, 1)
    told = [type(collector.add(PIECES[number], "bob@p", 0.0)) for number in numbers]
    assert told == [PiecesMissing, PieceRepeated, PiecesMissing, WholeMail, PieceRepeated]


def test_mails_and_senders_are_kept_apart() -> None:
    other = bytes(reversed(LONG))
    collector = Collector()
    for theirs, ours in zip(pieces_of(other, 2), PIECES, strict=True):
        one = collector.add(theirs, "bob@p", 0.0)
        two = collector.add(ours, "bob@p", 0.0)
        # Another sender who knows the id gets a collection of its own.
        assert not isinstance(collector.add(ours, "eve@p", 0.0), PieceRepeated)
    assert (one, two) == (WholeMail(EnclosedMail(other)), WholeMail(EnclosedMail(LONG)))


def test_a_sender_pushes_out_only_its_own_mails() -> None:
    collector = Collector(most_per_sender=2, most=3)
    collector.add(PIECES[0], "bob@p", 0.0)
    mails = [msgspec.structs.replace(PIECES[0], mail_id=bytes([number]) * 16) for number in range(4)]
    assert [collector.add(mail, "eve@p", 1.0) for mail in mails[:3]] == [
        PiecesMissing(2),
        PiecesMissing(2),
        PiecesMissing(2, (("eve@p", mails[0].mail_id),)),
    ]
    # With all places taken, the sender that has most loses one.
    assert collector.add(mails[3], None, 1.0) == PiecesMissing(2, (("eve@p", mails[1].mail_id),))
    assert collector.add(PIECES[1], "bob@p", 2.0) == PiecesMissing(1)


def test_an_incomplete_mail_is_given_up_in_the_end() -> None:
    collector = Collector(patience_s=10.0)
    collector.add(PIECES[0], "bob@p", 0.0)
    collector.add(PIECES[1], "bob@p", 8.0)
    assert collector.give_up(18.0) == ()
    assert collector.give_up(18.1) == (("bob@p", PIECES[0].mail_id),)
    assert collector.add(PIECES[2], "bob@p", 19.0) == PiecesMissing(2)


def test_a_contradiction_is_refused_and_what_was_there_stays() -> None:
    collector = Collector()
    collector.add(PIECES[0], "bob@p", 0.0)
    for changed in ({"digest": bytes(32)}, {"count": 4}):
        with pytest.raises(FormatError, match="contradicts"):
            collector.add(msgspec.structs.replace(PIECES[1], **changed), "bob@p", 0.0)  # type: ignore[arg-type]
    assert [type(collector.add(piece, "bob@p", 0.0)) for piece in PIECES[1:]] == [PiecesMissing, WholeMail]


def test_pieces_that_make_something_else_are_refused() -> None:
    collector = Collector()
    spoilt = msgspec.structs.replace(PIECES[1], content=bytes(PIECE_BYTES))
    for piece in (PIECES[0], spoilt):
        collector.add(piece, "bob@p", 0.0)
    with pytest.raises(FormatError, match="promised"):
        collector.add(PIECES[2], "bob@p", 0.0)


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
