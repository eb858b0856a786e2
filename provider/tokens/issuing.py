"""Issuing: a wish for tokens is judged, counted and signed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection, Integer, bindparam, delete, func, insert, select

from loopixmix.errors import FormatError
from loopixmix.store.commits import SharedCommits
from loopixmix.tokens import TokenKey
from loopixmix.tokens.exchange import decode_issue_request, split_messages
from provider.api import ServiceRefusedError
from provider.mailbox import day_of
from provider.tokens.keys import IssuerKeys
from provider.tokens.store import codes, issued

_HOLDER_DOMAIN = b"loopixmix/tokens/holder/v1"

_IS_HOLDERS = (issued.c.ends_s == bindparam("of_end")) & (issued.c.holder == bindparam("of_holder"))
_COUNT = select(func.count()).select_from(issued).where(_IS_HOLDERS)
_FIND_SIGNED = select(issued.c.message).where(_IS_HOLDERS, issued.c.message.in_(bindparam("messages", expanding=True)))
_ADD_SIGNED = insert(issued)
_ERASE_SIGNED = delete(issued).where(issued.c.ends_s <= bindparam("now_s"))
_ERASE_CODES = delete(codes).where(codes.c.last_day < bindparam("day", type_=Integer))


class Credentials(Protocol):
    """Knows who may have tokens: holders of codes, voters, respondents."""

    def allowed(self, connection: Connection, credential: bytes, key: TokenKey, now_s: float) -> int:
        """Return how many tokens of `key` may be had for a credential; 0 if it is unknown."""


def erase_issued(connection: Connection, now_s: float) -> None:
    """Forget what was signed under keys whose period has ended, and codes that are good no more."""
    connection.execute(_ERASE_SIGNED, {"now_s": now_s})
    connection.execute(_ERASE_CODES, {"day": day_of(now_s)})


class Issuing:
    """Signs for those who have a credential, so many messages for each and key."""

    def __init__(self, *, keys: IssuerKeys, credentials: Credentials, commits: SharedCommits) -> None:
        """`keys`: sign. `credentials`: say how much. `commits`: write to the token store."""
        self._keys = keys
        self._credentials = credentials
        self._commits = commits

    def issue(self, body: bytes, now_s: float) -> bytes:
        """Return the answer to a request; raise `ServiceRefusedError`, the same for every reason.

        A message that was signed before is signed again, whatever became of the credential: it counts once.
        """
        try:
            request = decode_issue_request(body)
            found = self._keys.signer(request.key_id, now_s)
            if found is None:
                raise FormatError("no such key")
            key, signer = found
            messages = split_messages(request.messages, key)
        except FormatError as error:
            raise _refusal() from error
        allowed = self._commits.write(
            lambda connection: self._count(connection, request.credential, key, messages, now_s)
        )
        if not allowed:
            raise _refusal()
        # After the commit: whoever has a signature has been counted. The other way round a crash would give some away.
        return b"".join(signer.sign_many(messages))

    def _count(
        self, connection: Connection, credential: bytes, key: TokenKey, messages: Sequence[bytes], now_s: float
    ) -> bool:
        holder = hashlib.sha256(_HOLDER_DOMAIN + key.key_id + credential).digest()
        hashes = [hashlib.sha256(message).digest() for message in messages]
        whose = {"of_end": key.ends_s, "of_holder": holder}
        signed = set(connection.execute(_FIND_SIGNED, whose | {"messages": hashes}).scalars())
        new = [each for each in hashes if each not in signed]
        if not new:
            return True
        before = connection.execute(_COUNT, whose).scalar_one()
        if before + len(new) > self._credentials.allowed(connection, credential, key, now_s):
            return False
        rows = [{"ends_s": key.ends_s, "holder": holder, "message": each} for each in new]
        connection.execute(_ADD_SIGNED, rows)
        return True


def _refusal() -> ServiceRefusedError:
    return ServiceRefusedError("no tokens for this request")
