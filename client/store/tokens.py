"""Tokens in the store: those that are to be fetched, and those that are there."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from client.api import TokenStock
from client.store.schema import taken_tokens, token_keys, token_orders, tokens
from loopixmix.tokens import (
    PendingToken,
    Token,
    TokenKey,
    decode_token,
    decode_token_key,
    encode_token,
    encode_token_key,
)

_ADD_ORDER = insert(token_orders)
_FIND_DUE = (
    select(token_orders).where(token_orders.c.due_at_s <= bindparam("now_s")).order_by(token_orders.c.due_at_s).limit(1)
)
_NEXT_DUE = select(func.min(token_orders.c.due_at_s))
_BEGIN = (
    update(token_orders)
    .where(token_orders.c.number == bindparam("of_number"))
    .values(token_key=bindparam("new_key"), pending=bindparam("new_pending"))
)
_POSTPONE = (
    update(token_orders).where(token_orders.c.number == bindparam("of_number")).values(due_at_s=bindparam("new_due_s"))
)
_REMOVE_ORDER = delete(token_orders).where(token_orders.c.number == bindparam("of_number"))
_FIND_KEYS = select(token_keys.c.token_key).where(
    token_keys.c.issuer == bindparam("of_issuer"),
    token_keys.c.purpose == bindparam("of_purpose"),
    token_keys.c.begins_s < bindparam("before_s"),
    token_keys.c.ends_s > bindparam("after_s"),
)
_ADD_KEY = insert(token_keys)
_FORGET_KEYS = delete(token_keys).where(token_keys.c.ends_s <= bindparam("now_s"))
_ADD_TOKEN = insert(tokens)
_FORGET_TOKENS = delete(tokens).where(tokens.c.ends_s <= bindparam("now_s"))
_FIND_TOKENS = select(tokens.c.number, tokens.c.token).where(
    tokens.c.purpose == bindparam("of_purpose"),
    tokens.c.begins_s <= bindparam("now_s"),
    tokens.c.ends_s > bindparam("now_s"),
    tokens.c.rests_until_s <= bindparam("now_s"),
)
_COUNT_TOKENS = (
    select(tokens.c.purpose, tokens.c.rests_until_s <= bindparam("now_s"), func.count())
    .where(tokens.c.ends_s > bindparam("now_s"))
    .group_by(tokens.c.purpose, tokens.c.rests_until_s <= bindparam("now_s"))
)
_COUNT_ORDERED = select(token_orders.c.purpose, func.sum(token_orders.c.size)).group_by(token_orders.c.purpose)
_REMOVE_TOKEN = delete(tokens).where(tokens.c.number == bindparam("of_number"))
_secrets = msgspec.msgpack.Decoder(list[tuple[bytes, bytes, bytes]])


class TokenOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A wish for tokens; `pending` is empty until the first attempt."""

    number: int
    issuer: str
    purpose: str
    credential: bytes
    size: int
    key: TokenKey | None
    pending: tuple[PendingToken, ...]

    def __repr__(self) -> str:
        return f"TokenOrder({self.size} for {self.purpose} of {self.issuer})"


def add_order(
    connection: Connection,
    *,
    issuer: str,
    purpose: str,
    credential: bytes,
    size: int,
    due_at_s: float,
    key: TokenKey | None,
) -> None:
    """Keep a wish for tokens. `key`: the one that the application has pinned, if it has."""
    values = {
        "issuer": issuer,
        "purpose": purpose,
        "credential": credential,
        "size": size,
        "due_at_s": due_at_s,
        "token_key": None if key is None else encode_token_key(key),
    }
    connection.execute(_ADD_ORDER, values)


def due_order(connection: Connection, now_s: float) -> TokenOrder | None:
    """Return the wish that has been due for longest, if one is."""
    row = connection.execute(_FIND_DUE, {"now_s": now_s}).one_or_none()
    if row is None:
        return None
    key = None if row.token_key is None else decode_token_key(row.token_key)
    pending = () if row.pending is None or key is None else _read_pending(key, row.pending)
    return TokenOrder(
        number=row.number,
        issuer=row.issuer,
        purpose=row.purpose,
        credential=row.credential,
        size=row.size,
        key=key,
        pending=pending,
    )


def next_due_s(connection: Connection) -> float | None:
    """Return when the next wish is due, or was; None if there is none."""
    return connection.execute(_NEXT_DUE).scalar()


def begin_order(connection: Connection, order: TokenOrder, key: TokenKey, pending: Sequence[PendingToken]) -> None:
    """Keep what is asked for, before it is: the same is asked for again if the answer is lost."""
    secrets = msgspec.msgpack.encode([(each.prefix, each.inverse, each.blinded) for each in pending])
    values = {"of_number": order.number, "new_key": encode_token_key(key), "new_pending": secrets}
    connection.execute(_BEGIN, values)


def postpone_order(connection: Connection, order: TokenOrder, due_at_s: float) -> None:
    """Try again at another time."""
    connection.execute(_POSTPONE, {"of_number": order.number, "new_due_s": due_at_s})


def remove_order(connection: Connection, order: TokenOrder) -> None:
    """Forget a wish that was fulfilled, or will never be."""
    connection.execute(_REMOVE_ORDER, {"of_number": order.number})


def pin_key(connection: Connection, issuer: str, key: TokenKey) -> bool:
    """Remember the key of an issuer for its period; false if there is another one for a part of it."""
    values = {"of_issuer": issuer, "of_purpose": key.purpose, "before_s": key.ends_s, "after_s": key.begins_s}
    pinned = list(connection.execute(_FIND_KEYS, values).scalars())
    encoded = encode_token_key(key)
    if not pinned:
        row = {"issuer": issuer, "purpose": key.purpose, "begins_s": key.begins_s, "ends_s": key.ends_s}
        connection.execute(_ADD_KEY, row | {"token_key": encoded})
    return pinned in ([], [encoded])


def add_token(connection: Connection, token: Token, key: TokenKey, rests_until_s: float) -> None:
    """Keep a token that may be spent after it has rested."""
    values = {
        "purpose": key.purpose,
        "begins_s": key.begins_s,
        "ends_s": key.ends_s,
        "rests_until_s": rests_until_s,
        "token": encode_token(token),
    }
    connection.execute(_ADD_TOKEN, values)


def usable_tokens(connection: Connection, purpose: str, now_s: float) -> list[tuple[int, Token]]:
    """Return the tokens that may be spent now, with their numbers."""
    rows = connection.execute(_FIND_TOKENS, {"of_purpose": purpose, "now_s": now_s})
    return [(row.number, decode_token(row.token)) for row in rows]


def count_stock(connection: Connection, now_s: float) -> list[TokenStock]:
    """Return how many tokens there are and are ordered, by purpose."""
    counts: dict[str, dict[str, int]] = {}
    for purpose, rested, count in connection.execute(_COUNT_TOKENS, {"now_s": now_s}):
        counts.setdefault(purpose, {})["usable" if rested else "resting"] = count
    for purpose, count in connection.execute(_COUNT_ORDERED):
        counts.setdefault(purpose, {})["ordered"] = int(count)
    none = {"usable": 0, "resting": 0, "ordered": 0}
    return [TokenStock(purpose=purpose, **none | found) for purpose, found in sorted(counts.items())]


def remove_token(connection: Connection, number: int) -> None:
    """Forget a token before it is spent: with the power it may be lost, but it is never spent twice."""
    connection.execute(_REMOVE_TOKEN, {"of_number": number})


def note_taken(connection: Connection, key: str, purpose: str, token: Token, forget_at_s: float) -> None:
    """Note which token was taken by a key."""
    values = {"idempotency_key": key, "purpose": purpose, "token": encode_token(token), "forget_at_s": forget_at_s}
    connection.execute(insert(taken_tokens), values)


def find_taken(connection: Connection, key: str) -> tuple[str, Token] | None:
    """Return purpose and token that a key got; None if it got none, or too long ago."""
    its_row = select(taken_tokens.c.purpose, taken_tokens.c.token).where(taken_tokens.c.idempotency_key == key)
    row = connection.execute(its_row).one_or_none()
    return None if row is None else (row.purpose, decode_token(row.token))


def forget_old(connection: Connection, now_s: float) -> None:
    """Forget the keys and tokens of periods that have ended."""
    connection.execute(_FORGET_KEYS, {"now_s": now_s})
    connection.execute(_FORGET_TOKENS, {"now_s": now_s})
    forget_taken(connection, now_s)


def forget_taken(connection: Connection, now_s: float) -> float | None:
    """Forget the tokens that were taken long enough ago; return when the next one is to be, None if there is none."""
    connection.execute(delete(taken_tokens).where(taken_tokens.c.forget_at_s <= now_s))
    return connection.execute(select(func.min(taken_tokens.c.forget_at_s))).scalar()


def _read_pending(key: TokenKey, data: bytes) -> tuple[PendingToken, ...]:
    return tuple(PendingToken(key, *secrets) for secrets in _secrets.decode(data))
