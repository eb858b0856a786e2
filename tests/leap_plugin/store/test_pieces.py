"""Mails in pieces: out of order, doubled, missing, mixed up, contradictory, and through restarts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest

from leap_plugin.mail.envelope import EnclosedMail
from leap_plugin.mail.splitting import PIECE_BYTES, Piece, bodies_of, decode_body
from leap_plugin.store.pieces import (
    PATIENCE_S,
    REMEMBERED_S,
    PieceRepeated,
    PiecesMissing,
    PiecesSpoilt,
    PieceTaken,
    WholeMail,
    give_up_late,
    incomplete_mails,
    take_piece,
)
from tests.worlds.mail_stores import MailStoreOnDisk

RNG = Random(12)
LONG = RNG.randbytes(2 * PIECE_BYTES + 1000)


def pieces_of(mail: bytes, seed: int = 1) -> list[Piece]:
    pieces = [decode_body(body) for body in bodies_of(mail, Random(seed), to="erin@example.org", token=b"token")]
    return [piece for piece in pieces if isinstance(piece, Piece)]


PIECES = pieces_of(LONG)
WHOLE = WholeMail(EnclosedMail(LONG, "erin@example.org", b"token"))
# What fits into no mail, but costs the tests less.
SMALL = [msgspec.structs.replace(piece, content=b"short") for piece in PIECES]


class Shelf:
    """The pieces of one account in a store that can be opened again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.store = MailStoreOnDisk(directory)
        self.account = self.store.account()

    def take(self, piece: Piece, sender: str | None = "bob@p", now_s: float = 0.0) -> PieceTaken:
        return self.store.opened.write(lambda c: take_piece(c, self.account, piece, sender, now_s))

    def give_up(self, now_s: float) -> int:
        return self.store.opened.write(lambda c: give_up_late(c, now_s)).get(self.account, 0)

    def incomplete(self) -> int:
        return self.store.opened.read(lambda c: incomplete_mails(c, self.account))

    def restart(self) -> None:
        self.store.close()
        self.store = MailStoreOnDisk(self._directory)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path)
    yield made
    made.store.close()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_pieces_come_in_any_order_and_survive_restarts(shelf: Shelf, order: tuple[int, ...]) -> None:
    told = []
    for number in order:
        told.append(shelf.take(PIECES[number]))
        shelf.restart()
    assert told == [PiecesMissing(2), PiecesMissing(1), WHOLE]
    assert shelf.incomplete() == 0


def test_a_doubled_piece_changes_nothing_before_and_after_the_end(shelf: Shelf) -> None:
    told = [type(shelf.take(PIECES[number])) for number in (0, 0, 1, 2, 1)]
    assert told == [PiecesMissing, PieceRepeated, PiecesMissing, WholeMail, PieceRepeated]


def test_mails_and_senders_are_kept_apart(shelf: Shelf) -> None:
    others = pieces_of(bytes(reversed(LONG)), 2)
    for number, (theirs, ours) in enumerate(zip(others, PIECES, strict=True)):
        one, two = shelf.take(theirs), shelf.take(ours)
        # Another sender who knows the id gets a mail of its own.
        if number == 0:
            assert shelf.take(ours, "eve@p") == PiecesMissing(2)
    assert isinstance(one, WholeMail)
    assert (one.enclosed.mail, two) == (bytes(reversed(LONG)), WHOLE)


def test_a_sender_pushes_out_only_its_own_mails(shelf: Shelf) -> None:
    shelf.take(SMALL[0], "bob@p")
    mails = [msgspec.structs.replace(SMALL[0], mail_id=bytes([number]) * 16) for number in range(9)]
    told = [shelf.take(mail, "eve@p", 1.0) for mail in mails[:3]]
    assert told == [PiecesMissing(2), PiecesMissing(2), PiecesMissing(2, displaced=1)]
    # The one that was given up does not begin again.
    assert shelf.take(SMALL[1], "eve@p", 1.0) == PiecesMissing(2, displaced=1)
    assert shelf.take(msgspec.structs.replace(mails[0], number=1), "eve@p", 1.0) == PieceRepeated()
    assert shelf.take(SMALL[1], "bob@p", 2.0) == PiecesMissing(1)


def test_with_all_places_taken_the_sender_that_has_most_loses_one(shelf: Shelf) -> None:
    mails = [msgspec.structs.replace(SMALL[0], mail_id=bytes([number]) * 16) for number in range(9)]
    for number, mail in enumerate(mails[:8]):
        assert shelf.take(mail, f"s{number // 2 if number < 2 else number}@p", float(number)) == PiecesMissing(2)
    assert shelf.take(mails[8], None, 9.0) == PiecesMissing(2, displaced=1)
    assert shelf.incomplete() == 8
    assert shelf.take(msgspec.structs.replace(mails[0], number=1), "s0@p", 9.0) == PieceRepeated()


def test_an_incomplete_mail_is_given_up_in_the_end(shelf: Shelf) -> None:
    shelf.take(SMALL[0], now_s=0.0)
    shelf.take(SMALL[1], now_s=8.0)
    assert shelf.give_up(PATIENCE_S + 8.0) == 0
    assert shelf.give_up(PATIENCE_S + 8.1) == 1
    assert shelf.take(SMALL[2], now_s=PATIENCE_S + 9.0) == PieceRepeated()
    shelf.give_up(PATIENCE_S + REMEMBERED_S)
    assert shelf.take(SMALL[2], now_s=PATIENCE_S + REMEMBERED_S) == PiecesMissing(2)


@pytest.mark.parametrize("changed", [{"digest": bytes(32)}, {"count": 4}], ids=str)
def test_a_contradiction_is_refused_and_what_was_there_stays(shelf: Shelf, changed: dict[str, object]) -> None:
    shelf.take(PIECES[0])
    assert shelf.take(msgspec.structs.replace(PIECES[1], **changed)) == PiecesSpoilt()  # type: ignore[arg-type]
    assert [type(shelf.take(piece)) for piece in PIECES[1:]] == [PiecesMissing, WholeMail]


def test_pieces_that_make_something_else_are_refused(shelf: Shelf) -> None:
    assert [type(shelf.take(piece)) for piece in SMALL] == [PiecesMissing, PiecesMissing, PiecesSpoilt]
    assert shelf.take(SMALL[0]) == PieceRepeated()
