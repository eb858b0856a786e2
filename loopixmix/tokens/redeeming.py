"""Redeeming, for services that take tokens: a token is verified, and spent in the transaction of what it buys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeAlias

from sqlalchemy import Connection

from loopixmix.errors import FormatError
from loopixmix.tokens import BadTokenError, Token, TokenKey, decode_token, verify_token
from loopixmix.tokens.spent import SpentTokens

Checked: TypeAlias = tuple[Token, TokenKey]


class TakenKeys(Protocol):
    """The keys whose tokens are taken."""

    def keys(self) -> Mapping[bytes, TokenKey]:
        """Return them by their ids."""


class FixedKeys:
    """Keys that do not change, such as those of a record that an application has pinned."""

    def __init__(self, keys: Iterable[TokenKey]) -> None:
        """`keys`: those whose tokens are taken; with none, no token counts."""
        self._keys = {key.key_id: key for key in keys}

    def keys(self) -> Mapping[bytes, TokenKey]:
        """Return them by their ids."""
        return self._keys


class Redeeming:
    """Takes tokens for one purpose."""

    def __init__(self, keys: TakenKeys, spent: SpentTokens) -> None:
        """`keys`: whose tokens are taken. `spent`: the table of those that were."""
        self._keys = keys
        self._spent = spent

    def check(self, data: bytes, now_s: float) -> Checked | None:
        """Return the token in `data` with its key, or None if it does not count; whether it was spent is not known yet.

        It takes a signature's check, whatever is in `data`.
        """
        return check_token(data, self._keys.keys(), now_s)

    def counts(self, connection: Connection, checked: Checked | None) -> bool:
        """Tell whether a token that `check` found good could be spent now."""
        return checked is not None and not self._spent.has(connection, *checked)

    def spend(self, connection: Connection, checked: Checked | None) -> bool:
        """Spend a token that `check` found good; false if it was spent before, or is none.

        It is spent when the transaction is on the disk.
        """
        if checked is None:
            return False
        try:
            self._spent.put(connection, *checked)
        except BadTokenError:
            return False
        return True

    def erase_old(self, connection: Connection, now_s: float) -> None:
        """Forget the tokens of periods that have ended."""
        self._spent.erase_old(connection, now_s)


def check_token(data: bytes, keys: Mapping[bytes, TokenKey], now_s: float) -> Checked | None:
    """Return the token in `data` with its key, or None if it does not count; whether it was spent is not known yet.

    `keys`: those that count, by their ids. It takes a signature's check, whatever is in `data`.
    """
    try:
        token = decode_token(data)
        key = keys[token.key_id]
    except (FormatError, KeyError):
        # The work is done all the same: its time would tell a forged token from one that came too late.
        for any_key in list(keys.values())[:1]:
            _counts(Token(any_key.key_id, bytes(32), bytes(any_key.modulus_bytes)), any_key, now_s)
        return None
    return (token, key) if _counts(token, key, now_s) else None


def _counts(token: Token, key: TokenKey, now_s: float) -> bool:
    try:
        verify_token(token, key, now_s)
    except BadTokenError:
        return False
    return True
