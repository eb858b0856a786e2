"""The table of spent tokens: each can be put in once, durably, and all of a key go when its period ends.

The table belongs into the store of whoever redeems, so that a token is spent in the same transaction as the thing that
it buys. The work here is for one transaction; whoever has many of them at once lets them share a commit.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, LargeBinary, MetaData, Table, bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from loopixmix.tokens.keys import TokenKey
from loopixmix.tokens.token import BadTokenError, Token, spent_hash, verify_token


class SpentTokens:
    """The tokens that have been spent, in two tables of a store."""

    def __init__(self, metadata: MetaData) -> None:
        """Describe the tables `spent_tokens` and `spent_until` in `metadata`; a migration of the store makes them."""
        # The end of the period comes first, so that a period is one stretch of the table, and goes as one.
        self._spent = Table(
            "spent_tokens",
            metadata,
            Column("ends_s", BigInteger, primary_key=True, autoincrement=False),
            Column("token", LargeBinary(32), primary_key=True),
            sqlite_with_rowid=False,
        )
        self._until = Table(
            "spent_until", metadata, Column("ends_s", BigInteger, primary_key=True, autoincrement=False)
        )
        self._inserts = {
            "sqlite": sqlite.insert(self._spent).on_conflict_do_nothing().returning(self._spent.c.ends_s),
            "postgresql": postgresql.insert(self._spent).on_conflict_do_nothing().returning(self._spent.c.ends_s),
        }
        self._find = select(self._spent.c.ends_s).where(
            self._spent.c.ends_s == bindparam("ends_s"), self._spent.c.token == bindparam("token")
        )
        is_over = self._spent.c.ends_s <= bindparam("now_s")
        self._newest_over = select(func.max(self._spent.c.ends_s)).where(is_over)
        self._erase = delete(self._spent).where(is_over)
        self._erased_until = select(func.max(self._until.c.ends_s))

    def spend(self, connection: Connection, token: Token, key: TokenKey, now_s: float) -> None:
        """Spend a token of `key`, which the caller has chosen; raise `BadTokenError` if it does not count.

        The reason is the same whether it is forged, of another key or period, or spent. It is spent when the
        transaction is on the disk.
        """
        verify_token(token, key, now_s)
        self.put(connection, token, key)

    def put(self, connection: Connection, token: Token, key: TokenKey) -> None:
        """Spend a token that was verified already; raise `BadTokenError` if it was spent before."""
        # A clock that was set back after an erasure would let every token of that period count again.
        erased_until = connection.execute(self._erased_until).scalar()
        values = {"ends_s": key.ends_s, "token": spent_hash(token)}
        if erased_until is not None and key.ends_s <= erased_until:
            raise BadTokenError("the token does not count")
        if connection.execute(self._inserts[connection.dialect.name], values).first() is None:
            raise BadTokenError("the token does not count")

    def has(self, connection: Connection, token: Token, key: TokenKey) -> bool:
        """Tell whether a token was spent before, or is of a period that was erased."""
        erased_until = connection.execute(self._erased_until).scalar()
        if erased_until is not None and key.ends_s <= erased_until:
            return True
        values = {"ends_s": key.ends_s, "token": spent_hash(token)}
        return connection.execute(self._find, values).first() is not None

    def erase_old(self, connection: Connection, now_s: float) -> None:
        """Forget the tokens of all periods that have ended; none of them counts any more, whatever the clock says."""
        newest = connection.execute(self._newest_over, {"now_s": now_s}).scalar()
        if newest is None:
            return
        connection.execute(self._erase, {"now_s": now_s})
        # No later than what was erased: a clock that ran ahead for a moment must not end the periods to come.
        connection.execute(delete(self._until))
        connection.execute(self._until.insert(), {"ends_s": newest})
