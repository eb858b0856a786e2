"""Orders in several pieces: no crash loses one."""

from __future__ import annotations

import random
from pathlib import Path

from sqlalchemy import Connection, select

from leap_plugin.gateways.store.pieces import MOST_PAID, MOST_UNPAID, PATIENCE_S, PieceShelf
from leap_plugin.gateways.store.schema import SCHEMA, pieces
from leap_plugin.gateways.store.sealing import RecordSealer
from leap_plugin.mail.splitting import PIECE_BYTES, Piece, bodies_of, decode_body
from loopixmix.errors import FormatError
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store


def unpaid() -> bool:
    return False


def test_the_last_piece_brings_the_order_until_it_is_dealt_with(tmp_path: Path) -> None:
    rng = random.Random(1)
    store, shelf = Store(SCHEMA, sqlite_url(tmp_path / "gateway.db")), PieceShelf(RecordSealer(bytes(32), rng))
    mail = rng.randbytes(PIECE_BYTES + 1000)
    first, last = (decode_body(body) for body in bodies_of(mail, rng))
    assert isinstance(first, Piece)
    assert isinstance(last, Piece)
    assert store.write(lambda connection: shelf.put(connection, first, None, 1.0, pay=unpaid)) is None
    for _ in range(2):
        # As after a crash between this and the transaction that carries the order out.
        order = store.write(lambda connection: shelf.put(connection, last, None, 2.0, pay=unpaid))
        assert order is not None
        assert order.mail == mail
    store.write(lambda connection: shelf.drop(connection, last, None))
    assert store.write(lambda connection: shelf.put(connection, last, None, 3.0, pay=unpaid)) is None
    store.close()


def test_pieces_that_make_no_order_are_forgotten(tmp_path: Path) -> None:
    store = Store(SCHEMA, sqlite_url(tmp_path / "gateway.db"))
    shelf = PieceShelf(RecordSealer(bytes(32), random.Random(1)))
    first = Piece(1, bytes(16), 0, 2, bytes(32), bytes(PIECE_BYTES))
    last = Piece(1, bytes(16), 1, 2, bytes(32), b"x")

    def put(piece: Piece) -> bool:
        def work(connection: Connection) -> bool:
            try:
                return shelf.put(connection, piece, None, 1.0, pay=unpaid) is not None
            except FormatError:
                return True

        return store.write(work)

    assert [put(first), put(last), put(last)] == [False, True, False]
    store.close()


def test_orders_that_pay_nothing_displace_each_other_and_none_that_is_paid(tmp_path: Path) -> None:
    store = Store(SCHEMA, sqlite_url(tmp_path / "gateway.db"))
    shelf = PieceShelf(RecordSealer(bytes(32), random.Random(1)))

    def put(number: int, mail: int, at_s: float, *, paid: bool) -> None:
        piece = Piece(1, bytes([mail] * 16), number, 2, bytes(32), b"x")
        store.write(lambda connection: shelf.put(connection, piece, None, at_s, pay=lambda: paid))

    def paid_and_all() -> tuple[int, int]:
        def count(connection: Connection) -> tuple[int, int]:
            rows = connection.execute(select(pieces.c.mail, pieces.c.paid)).all()
            return sum(row.paid for row in rows), len({row.mail for row in rows})

        return store.read(count)

    put(0, 200, 1.0, paid=True)
    for mail in range(20):
        put(1, mail, 2.0 + mail, paid=False)
    assert paid_and_all() == (1, 1 + MOST_UNPAID)
    for mail in range(100, 100 + MOST_PAID):
        put(0, mail, 50.0, paid=True)
    # The one that is too many counts as unpaid, and displaces one of those.
    assert paid_and_all() == (MOST_PAID, MOST_PAID + MOST_UNPAID)
    put(0, 250, PATIENCE_S + 55.0, paid=False)
    assert paid_and_all() == (0, 1)
    store.close()
