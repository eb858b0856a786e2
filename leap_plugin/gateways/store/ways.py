"""Ways back to the senders of outside mails: `reply-WORD@DOMAIN` for as long as the way works.

The word is drawn at random and stands in the mail that leaves. The store has its digest alone.
"""

from __future__ import annotations

import hashlib
import re
from random import Random

import msgspec
from sqlalchemy import Connection, delete, func, insert, select

from leap_plugin.gateways.store.schema import ways_back
from leap_plugin.gateways.store.sealing import RecordSealer

TABLE = "ways_back"
PREFIX = "reply-"
WORD_LENGTH = 20
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_NAME = re.compile(rf"reply-([{_LETTERS}]{{{WORD_LENGTH}}})")


class WayBack(msgspec.Struct, frozen=True, kw_only=True):
    """Where mail to a word goes. `to`: as `Client.send` takes it, a way to answer or an address of the network."""

    to: str


def draw_word(rng: Random) -> str:
    """Return a new word, of 100 random bits."""
    return "".join(rng.choice(_LETTERS) for _ in range(WORD_LENGTH))


def word_in(name: str) -> str | None:
    """Return the word in the name of an address, the part before the @; None if it is no way back."""
    found = _NAME.fullmatch(name.lower())
    return found[1] if found else None


class WaysBack:
    """The words and where they lead, in a store."""

    def __init__(self, sealer: RecordSealer) -> None:
        """`sealer`: of the store."""
        self._sealer = sealer

    def put(self, connection: Connection, word: str, way: WayBack, expires_s: float) -> None:
        """Let a word lead somewhere until `expires_s`."""
        values = {"mark": _mark(word), "expires_s": expires_s, "sealed": self._sealer.seal(way, TABLE)}
        connection.execute(insert(ways_back), values)

    def find(self, connection: Connection, word: str, now_s: float) -> WayBack | None:
        """Return where a word leads; None if it never did, or does no more."""
        row = connection.execute(
            select(ways_back.c.sealed).where(ways_back.c.mark == _mark(word), ways_back.c.expires_s > now_s)
        ).first()
        return None if row is None else self._sealer.open(row.sealed, WayBack, TABLE)

    def erase_old(self, connection: Connection, now_s: float) -> None:
        """Forget the ways that work no more."""
        connection.execute(delete(ways_back).where(ways_back.c.expires_s <= now_s))


def count_ways(connection: Connection) -> int:
    """Return how many ways back there are."""
    return int(connection.execute(select(func.count()).select_from(ways_back)).scalar_one())


def _mark(word: str) -> bytes:
    return hashlib.sha256(f"LoopixMix way back 1\0{word}".encode()).digest()
