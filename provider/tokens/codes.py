"""The codes for which an issuer gives tokens: made by its operator, kept as hashes."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Integer, bindparam, insert, select

from loopixmix.process.files import make_directory
from loopixmix.seams import Rng
from loopixmix.tokens import TokenKey
from loopixmix.tokens.exchange import ISSUER_SERVICE
from provider.accounts import hash_invitation, make_invitation
from provider.hosting.loading.loader import SERVICES_DIRECTORY
from provider.mailbox import day_of
from provider.tokens.store import codes, open_token_store

_ADD = insert(codes)
_FIND = select(codes.c.tokens).where(
    codes.c.code_hash == bindparam("code_hash"), codes.c.last_day >= bindparam("day", type_=Integer)
)


class CodeList:
    """Says how many tokens may be had for a code; see `provider.tokens.issuing.Credentials`."""

    def allowed(self, connection: Connection, credential: bytes, key: TokenKey, now_s: float) -> int:  # noqa: ARG002
        """Return how many tokens of `key` the code `credential` is good for; 0 if there is no such code."""
        try:
            code = credential.decode("ascii")
        except UnicodeDecodeError:
            return 0
        values = {"code_hash": hash_invitation(code), "day": day_of(now_s)}
        return connection.execute(_FIND, values).scalar() or 0


def add_code(connection: Connection, *, tokens: int, last_day: int, rng: Rng) -> str:
    """Return a new code, good for `tokens` of each key, up to `last_day`; only its hash is kept."""
    code = make_invitation(rng)
    connection.execute(_ADD, {"code_hash": hash_invitation(code), "tokens": tokens, "last_day": last_day})
    return code


def make_codes(directory: Path, *, tokens: int, last_day: int, count: int, rng: Rng) -> list[str]:
    """Return new codes for the issuer at the provider in `directory`, which may be running; raise `StoreError`."""
    own = directory / SERVICES_DIRECTORY / ISSUER_SERVICE
    make_directory(own)
    store = open_token_store(own)
    try:
        return store.write(
            lambda connection: [add_code(connection, tokens=tokens, last_day=last_day, rng=rng) for _ in range(count)]
        )
    finally:
        store.close()
