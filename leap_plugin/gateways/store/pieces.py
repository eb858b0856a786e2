"""Orders in several pieces: kept until all are there, in bounds."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, delete, func, insert, select

from leap_plugin.gateways.store.schema import pieces
from leap_plugin.gateways.store.sealing import RecordSealer
from leap_plugin.mail.envelope import EnclosedMail, decode_envelope
from leap_plugin.mail.splitting import Piece
from loopixmix.errors import FormatError

TABLE = "pieces"
MOST_INCOMPLETE = 16
"""So many orders may miss pieces: about 600 MB at most. The one that waited longest makes room."""
PATIENCE_S = 5 * 86_400.0


class PieceShelf:
    """Pieces of orders in a store."""

    def __init__(self, sealer: RecordSealer) -> None:
        """`sealer`: of the store."""
        self._sealer = sealer

    def put(self, connection: Connection, piece: Piece, sender: str | None, now_s: float) -> EnclosedMail | None:
        """Keep a piece; return what all of them bring once none is missing, again if the last one comes once more.

        They are kept until `drop`: after a crash in between the last one comes again.
        Raises `FormatError` if it contradicts the pieces before it, or if together they are not what they promised.
        """
        mail = _key(piece, sender)
        known = select(pieces.c.number, pieces.c.count, pieces.c.digest).where(pieces.c.mail == mail)
        rows = connection.execute(known).all()
        # By keys: `count` is a method of every row.
        if any(row[1] != piece.count or row[2] != piece.digest for row in rows):
            raise FormatError("a piece of a mail contradicts the pieces before it")
        if all(row[0] != piece.number for row in rows):
            if not rows:
                self._make_room(connection, now_s)
            values = {"mail": mail, "number": piece.number, "count": piece.count, "digest": piece.digest}
            values |= {"received_at_s": now_s, "sealed": self._sealer.seal(piece.content, TABLE)}
            connection.execute(insert(pieces), values)
        if len({piece.number, *(row[0] for row in rows)}) == piece.count:
            return self._whole(connection, mail, piece.digest)
        return None

    def drop(self, connection: Connection, piece: Piece, sender: str | None) -> None:
        """Forget the pieces of the mail that a piece belongs to: it was dealt with."""
        connection.execute(delete(pieces).where(pieces.c.mail == _key(piece, sender)))

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

    def _make_room(self, connection: Connection, now_s: float) -> None:
        newest = func.max(pieces.c.received_at_s)
        mails = connection.execute(select(pieces.c.mail, newest).group_by(pieces.c.mail).order_by(newest.desc())).all()
        late = [
            mail for rank, (mail, at_s) in enumerate(mails, 1) if rank >= MOST_INCOMPLETE or now_s - at_s > PATIENCE_S
        ]
        if late:
            connection.execute(delete(pieces).where(pieces.c.mail.in_(late)))


def _key(piece: Piece, sender: str | None) -> bytes:
    return hashlib.sha256(piece.mail_id + ("" if sender is None else f"from {sender}").encode()).digest()
