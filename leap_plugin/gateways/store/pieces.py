"""Orders in several pieces: kept until all are there, in bounds.

Whoever pays nothing must not displace the orders of those who pay. The first piece has the token of the order at its
beginning. It is spent as soon as that piece comes, and then the order keeps its place until it is whole, or too late.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from sqlalchemy import Connection, delete, distinct, func, insert, select

from leap_plugin.gateways.store.schema import pieces
from leap_plugin.gateways.store.sealing import RecordSealer
from leap_plugin.mail.envelope import EnclosedMail, decode_envelope
from leap_plugin.mail.splitting import Piece
from loopixmix.errors import FormatError

TABLE = "pieces"
MOST_UNPAID = 16
"""So many orders without a spent token may miss pieces, about 600 MB. The one that waited longest makes room."""
MOST_PAID = 48
"""So many with one may: about 1.8 GB at most. None of them makes room; a further one counts as unpaid."""
PATIENCE_S = 5 * 86_400.0


class PieceShelf:
    """Pieces of orders in a store."""

    def __init__(self, sealer: RecordSealer) -> None:
        """`sealer`: of the store."""
        self._sealer = sealer

    def put(
        self, connection: Connection, piece: Piece, sender: str | None, now_s: float, *, pay: Callable[[], bool]
    ) -> EnclosedMail | None:
        """Keep a piece; return what all of them bring once none is missing, again if the last one comes once more.

        They are kept until `drop`: after a crash in between the last one comes again. `pay`: spends the token that the
        first piece has, in this transaction; false if it does not count.
        Raises `FormatError` if it contradicts the pieces before it, or if together they are not what they promised.
        """
        mail = _key(piece, sender)
        known = select(pieces.c.number, pieces.c.count, pieces.c.digest).where(pieces.c.mail == mail)
        rows = connection.execute(known).all()
        # By keys: `count` is a method of every row.
        if any(row[1] != piece.count or row[2] != piece.digest for row in rows):
            raise FormatError("a piece of a mail contradicts the pieces before it")
        if all(row[0] != piece.number for row in rows):
            self._forget_late(connection, now_s)
            paid = piece.number == 0 and self._paid_count(connection) < MOST_PAID and pay()
            if not rows and not paid:
                self._make_room(connection)
            values = {"mail": mail, "number": piece.number, "count": piece.count, "digest": piece.digest}
            values |= {"received_at_s": now_s, "sealed": self._sealer.seal(piece.content, TABLE), "paid": paid}
            connection.execute(insert(pieces), values)
        if len({piece.number, *(row[0] for row in rows)}) == piece.count:
            return self._whole(connection, mail, piece.digest)
        return None

    def drop(self, connection: Connection, piece: Piece, sender: str | None) -> None:
        """Forget the pieces of the mail that a piece belongs to: it was dealt with."""
        connection.execute(delete(pieces).where(pieces.c.mail == _key(piece, sender)))

    def is_paid(self, connection: Connection, piece: Piece, sender: str | None) -> bool:
        """Tell whether the token of the order that a piece belongs to was spent already."""
        its_rows = select(pieces.c.paid).where(pieces.c.mail == _key(piece, sender), pieces.c.paid)
        return connection.execute(its_rows).first() is not None

    def _whole(self, connection: Connection, mail: bytes, digest: bytes) -> EnclosedMail:
        rows = connection.execute(select(pieces.c.sealed).where(pieces.c.mail == mail).order_by(pieces.c.number))
        envelope = b"".join(self._sealer.open(sealed, bytes, TABLE) for sealed in rows.scalars())
        try:
            if hashlib.sha256(envelope).digest() != digest:
                raise FormatError("the pieces of a mail do not make what they promised")
            return decode_envelope(envelope)
        except FormatError:
            connection.execute(delete(pieces).where(pieces.c.mail == mail))
            raise

    def _forget_late(self, connection: Connection, now_s: float) -> None:
        newest = func.max(pieces.c.received_at_s)
        late = select(pieces.c.mail).group_by(pieces.c.mail).having(newest < now_s - PATIENCE_S)
        connection.execute(delete(pieces).where(pieces.c.mail.in_(late)))

    def _paid_count(self, connection: Connection) -> int:
        paid = select(func.count(distinct(pieces.c.mail))).where(pieces.c.paid)
        return int(connection.execute(paid).scalar_one())

    def _make_room(self, connection: Connection) -> None:
        newest = func.max(pieces.c.received_at_s)
        paid = select(pieces.c.mail).where(pieces.c.paid)
        unpaid = select(pieces.c.mail).where(pieces.c.mail.not_in(paid)).group_by(pieces.c.mail)
        mails = list(connection.execute(unpaid.order_by(newest.desc())).scalars())
        if too_many := mails[MOST_UNPAID - 1 :]:
            connection.execute(delete(pieces).where(pieces.c.mail.in_(too_many)))


def _key(piece: Piece, sender: str | None) -> bytes:
    return hashlib.sha256(piece.mail_id + ("" if sender is None else f"from {sender}").encode()).digest()
