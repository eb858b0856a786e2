"""Mails in several pieces, in any order, kept until they are complete. Works in the transaction of its caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection, delete, func, insert, select, update

from leap_plugin.mail.envelope import EnclosedMail
from leap_plugin.mail.splitting import Piece, put_together
from leap_plugin.store.schema import incoming_mails, incoming_pieces
from loopixmix.errors import FormatError

MOST_OF_SENDER = 2
"""So many incomplete mails are kept of one sender, the anonymous ones together being one."""
MOST_INCOMPLETE = 8
"""So many are kept of all senders: about 300 MB."""
PATIENCE_S = 5 * 86_400.0
"""For so long after its last piece an incomplete mail is kept."""
REMEMBERED_S = 30 * 86_400.0


@dataclass(frozen=True)
class WholeMail:
    """The last missing piece came: this is what they bring."""

    enclosed: EnclosedMail


@dataclass(frozen=True)
class PiecesMissing:
    """So many pieces are missing still. `displaced`: how many incomplete mails were given up for this one."""

    missing: int
    displaced: int = 0


@dataclass(frozen=True)
class PieceRepeated:
    """This piece was here before, or its mail is complete or given up; it changes nothing."""


@dataclass(frozen=True)
class PiecesSpoilt:
    """It contradicts the pieces before it, which are kept; or all of them do not make a mail, which is given up."""


PieceTaken: TypeAlias = WholeMail | PiecesMissing | PieceRepeated | PiecesSpoilt


def take_piece(connection: Connection, account: int, piece: Piece, sender: str | None, now_s: float) -> PieceTaken:
    """Keep a piece that `leap_plugin.mail.splitting.decode_body` gave; return what came of it.

    A sender with too many incomplete mails loses the one that waited longest. If there are too many of all, the sender
    that has most loses one: one sender cannot push out the others.
    """
    its_mail = (
        incoming_mails.c.account == account,
        incoming_mails.c.sender == (sender or ""),
        incoming_mails.c.mail_id == piece.mail_id,
    )
    row = connection.execute(select(incoming_mails).where(*its_mail)).one_or_none()
    displaced = 0
    if row is None:
        displaced = _make_room(connection, account, sender or "")
        values = {
            "account": account,
            "sender": sender or "",
            "mail_id": piece.mail_id,
            "piece_count": piece.count,
            "digest": piece.digest,
            "touched_s": now_s,
            "ended": False,
        }
        mail = connection.execute(insert(incoming_mails).returning(incoming_mails.c.number), values).scalar_one()
    elif row.ended:
        return PieceRepeated()
    elif (row.piece_count, row.digest) != (piece.count, piece.digest):
        return PiecesSpoilt()
    else:
        mail = row.number
    return _add(connection, mail, piece, displaced, now_s)


def give_up_late(connection: Connection, now_s: float) -> dict[int, int]:
    """Give up the mails of which no piece came for too long; return how many of each account."""
    late = (incoming_mails.c.ended.is_(False), incoming_mails.c.touched_s < now_s - PATIENCE_S)
    rows = connection.execute(select(incoming_mails.c.number, incoming_mails.c.account).where(*late)).all()
    counts: dict[int, int] = {}
    for number, account in rows:
        _end(connection, number)
        counts[account] = counts.get(account, 0) + 1
    old = (incoming_mails.c.ended.is_(True), incoming_mails.c.touched_s < now_s - REMEMBERED_S)
    connection.execute(delete(incoming_mails).where(*old))
    return counts


def incomplete_mails(connection: Connection, account: int) -> int:
    """Return of how many mails pieces are missing."""
    which = (incoming_mails.c.account == account, incoming_mails.c.ended.is_(False))
    return int(connection.execute(select(func.count()).select_from(incoming_mails).where(*which)).scalar_one())


def _add(connection: Connection, mail: int, piece: Piece, displaced: int, now_s: float) -> PieceTaken:
    here = set(connection.execute(select(incoming_pieces.c.number).where(incoming_pieces.c.mail == mail)).scalars())
    if piece.number in here:
        return PieceRepeated()
    connection.execute(insert(incoming_pieces), {"mail": mail, "number": piece.number, "content": piece.content})
    connection.execute(update(incoming_mails).where(incoming_mails.c.number == mail).values(touched_s=now_s))
    missing = piece.count - len(here) - 1
    if missing:
        return PiecesMissing(missing, displaced)
    in_order = (
        select(incoming_pieces.c.content).where(incoming_pieces.c.mail == mail).order_by(incoming_pieces.c.number)
    )
    contents = connection.execute(in_order).scalars().all()
    _end(connection, mail)
    try:
        return WholeMail(put_together(contents, piece.digest))
    except FormatError:
        return PiecesSpoilt()


def _end(connection: Connection, mail: int) -> None:
    connection.execute(delete(incoming_pieces).where(incoming_pieces.c.mail == mail))
    connection.execute(update(incoming_mails).where(incoming_mails.c.number == mail).values(ended=True))


def _make_room(connection: Connection, account: int, sender: str) -> int:
    which = (incoming_mails.c.account == account, incoming_mails.c.ended.is_(False))
    oldest_first = select(incoming_mails.c.number, incoming_mails.c.sender).where(*which)
    rows = connection.execute(oldest_first.order_by(incoming_mails.c.touched_s, incoming_mails.c.number)).all()
    owners = [row.sender for row in rows]
    if owners.count(sender) >= MOST_OF_SENDER:
        loser = sender
    elif len(owners) >= MOST_INCOMPLETE:
        loser = max(owners, key=owners.count)
    else:
        return 0
    _end(connection, next(row.number for row in rows if row.sender == loser))
    return 1
