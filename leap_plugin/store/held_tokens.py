"""By which keys tokens are taken of the client for mails that are not in the queue yet.

The client gives the same token by the same key again, so that only the key need be kept: it is written down before the
token is asked for, and goes in the transaction that puts the mail with its token into the queue.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, insert, select

from leap_plugin.store.schema import held_tokens


def hold(connection: Connection, account: int, key: str, purpose: str, now_s: float) -> None:
    """Note that a token may have been taken by `key` from now on."""
    values = {"account": account, "taken_by": key, "purpose": purpose, "held_at_s": now_s}
    connection.execute(insert(held_tokens), values)


def held_keys(connection: Connection, account: int, purpose: str, *, since_s: float) -> list[str]:
    """Return the keys by which tokens for `purpose` were taken since then, the oldest first."""
    its_rows = (
        held_tokens.c.account == account,
        held_tokens.c.purpose == purpose,
        held_tokens.c.held_at_s >= since_s,
    )
    query = select(held_tokens.c.taken_by).where(*its_rows).order_by(held_tokens.c.held_at_s, held_tokens.c.taken_by)
    return list(connection.execute(query).scalars())


def let_go(connection: Connection, account: int, keys: Collection[str]) -> None:
    """Forget keys: their tokens are in the queue, or there are none."""
    connection.execute(
        delete(held_tokens).where(held_tokens.c.account == account, held_tokens.c.taken_by.in_(list(keys)))
    )


def let_go_old(connection: Connection, account: int, before_s: float) -> None:
    """Forget the keys that the client has forgotten, too."""
    connection.execute(delete(held_tokens).where(held_tokens.c.account == account, held_tokens.c.held_at_s < before_s))
