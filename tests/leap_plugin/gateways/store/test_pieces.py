"""Orders in several pieces: no crash loses one."""

from __future__ import annotations

import random
from pathlib import Path

from sqlalchemy import Connection

from leap_plugin.gateways.store.pieces import PieceShelf
from leap_plugin.gateways.store.schema import SCHEMA
from leap_plugin.gateways.store.sealing import RecordSealer
from leap_plugin.mail.splitting import PIECE_BYTES, Piece, bodies_of, decode_body
from loopixmix.errors import FormatError
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store


def test_the_last_piece_brings_the_order_until_it_is_dealt_with(tmp_path: Path) -> None:
    rng = random.Random(1)
    store, shelf = Store(SCHEMA, sqlite_url(tmp_path / "gateway.db")), PieceShelf(RecordSealer(bytes(32), rng))
    mail = rng.randbytes(PIECE_BYTES + 1000)
    first, last = (decode_body(body) for body in bodies_of(mail, rng))
    assert isinstance(first, Piece)
    assert isinstance(last, Piece)
    assert store.write(lambda connection: shelf.put(connection, first, None, 1.0)) is None
    for _ in range(2):
        # As after a crash between this and the transaction that carries the order out.
        order = store.write(lambda connection: shelf.put(connection, last, None, 2.0))
        assert order is not None
        assert order.mail == mail
    store.write(lambda connection: shelf.drop(connection, last, None))
    assert store.write(lambda connection: shelf.put(connection, last, None, 3.0)) is None
    store.close()


def test_pieces_that_make_no_order_are_forgotten(tmp_path: Path) -> None:
    store = Store(SCHEMA, sqlite_url(tmp_path / "gateway.db"))
    shelf = PieceShelf(RecordSealer(bytes(32), random.Random(1)))
    first = Piece(1, bytes(16), 0, 2, bytes(32), bytes(PIECE_BYTES))
    last = Piece(1, bytes(16), 1, 2, bytes(32), b"x")

    def put(piece: Piece) -> bool:
        def work(connection: Connection) -> bool:
            try:
                return shelf.put(connection, piece, None, 1.0) is not None
            except FormatError:
                return True

        return store.write(work)

    assert [put(first), put(last), put(last)] == [False, True, False]
    store.close()
