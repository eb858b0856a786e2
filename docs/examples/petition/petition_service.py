"""A petition at a provider: each holder of a token signs once, and nobody learns who signed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import petition_migrations
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert, select

from loopixmix.store.commits import SharedCommits
from loopixmix.store.schema import Schema
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from loopixmix.tokens.keyfile import KeyFile
from loopixmix.tokens.redeeming import Redeeming
from loopixmix.tokens.spent import SpentTokens
from provider.api import ServiceContext, ServiceRefusedError

PURPOSE = "petition"

metadata = MetaData()
signatures = Table(
    "signatures",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("comment", String(500), nullable=False),
)
SPENT = SpentTokens(metadata)
SCHEMA = Schema(
    owner="a petition",
    head="0001",
    older_versions=frozenset(),
    migrations=Path(petition_migrations.__file__).parent,
)


class Sign(msgspec.Struct, tag="sign", forbid_unknown_fields=True):
    """Spend a token for a signature, with a comment."""

    token: bytes
    comment: Annotated[str, msgspec.Meta(max_length=500)]


class Read(msgspec.Struct, tag="read", forbid_unknown_fields=True):
    """Return the text of the petition, and the comments of all who signed."""


class Signed(msgspec.Struct):
    """The answer to `Read`."""

    text: str
    comments: list[str]


requests: msgspec.msgpack.Decoder[Sign | Read] = msgspec.msgpack.Decoder(Sign | Read)


class Petition:
    """Takes `Sign` and `Read`, in MessagePack."""

    name = "petition"

    def __init__(self, context: ServiceContext) -> None:
        self._clock = context.clock
        self._text = str(context.settings["text"])
        # Where the issuer of the same provider keeps them, unless the operator says otherwise.
        own = context.directory.parent / "issuer" / "public.keys"
        keys = Path(str(context.settings.get("keys", own)))
        self._redeeming = Redeeming(KeyFile(keys, PURPOSE), SPENT)
        self._store = Store(SCHEMA, sqlite_url(context.directory / "petition.sqlite3"), exclusive=True)
        self._commits = SharedCommits(self._store)

    def answer(self, body: bytes) -> bytes:
        """Return the answer to one anonymous request; a plain `def`, because it waits for the disk."""
        try:
            request = requests.decode(body)
        except msgspec.MsgspecError as error:
            raise ServiceRefusedError("neither a signature nor a question") from error
        if isinstance(request, Sign):
            return self._sign(request)
        comments = self._store.read(lambda connection: list(connection.execute(select(signatures.c.comment)).scalars()))
        return msgspec.msgpack.encode(Signed(self._text, comments))

    async def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _sign(self, request: Sign) -> bytes:
        now_s = self._clock.seconds()
        # Verifying is arithmetic: it need not keep other transactions waiting.
        checked = self._redeeming.check(request.token, now_s)

        def sign(connection: Connection) -> bool:
            self._redeeming.erase_old(connection, now_s)
            # Both in one transaction: a crash leaves neither a token that bought nothing nor a signature for free.
            if not self._redeeming.spend(connection, checked):
                return False
            connection.execute(insert(signatures), {"comment": request.comment})
            return True

        if not self._commits.write(sign):
            # One refusal for all: the reason would tell something of the token.
            raise ServiceRefusedError("the token does not count")
        return b"signed"
