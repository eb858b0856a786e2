"""Issuing: a wish for a token is judged, written down, and signed. Each person has one for each sheet and period."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from loopixmix.errors import FormatError
from loopixmix.store.commits import SharedCommits
from loopixmix.tokens import TokenKey
from loopixmix.tokens.exchange import IssueRequest, decode_issue_request, split_messages
from loopixmix.tokens.signing import Signer
from provider.api import ServiceRefusedError
from stats.issue.codes import hash_code
from stats.issue.people import is_known, put_signed

_HOLDER_DOMAIN = b"loopixmix/stats/holder/v1"


@dataclass(frozen=True)
class HeldKey:
    """A key of a survey, and what signs with it."""

    draft_id: bytes
    key: TokenKey
    signer: Signer


class HeldKeys(Protocol):
    """The keys of all surveys."""

    def find(self, key_id: bytes, now_s: float) -> HeldKey | None:
        """Return the key of this id, if its period has not ended."""


class SurveyIssuing:
    """Signs one token of each key for those who have a code."""

    def __init__(self, *, keys: HeldKeys, commits: SharedCommits) -> None:
        """`keys`: sign. `commits`: write to the store."""
        self._keys = keys
        self._commits = commits

    def issue(self, body: bytes, now_s: float) -> bytes:
        """Return the blind signature that a request asks for; raise `ServiceRefusedError`, the same for every reason.

        The message that was signed before is signed again: the answer may have been lost. Any thread may call.
        """
        try:
            request = decode_issue_request(body)
            held = self._keys.find(request.key_id, now_s)
            if held is None:
                raise FormatError("no such key")
            [message] = split_messages(request.messages, held.key)
        except (FormatError, ValueError) as error:
            raise _refusal() from error
        if not self._commits.write(lambda connection: _is_granted(connection, held, request, message)):
            raise _refusal()
        # After the commit: whoever has a signature has been counted. The other way round a crash would give one away.
        return held.signer.sign_many([message])[0]


def _is_granted(connection: Connection, held: HeldKey, request: IssueRequest, message: bytes) -> bool:
    key_id = held.key.key_id
    if not is_known(connection, held.draft_id, hash_code(held.draft_id, request.credential)):
        return False
    # Not the hash of the code itself: the table is not to say at a glance which of the codes were used.
    holder = hashlib.sha256(_HOLDER_DOMAIN + key_id + request.credential).digest()
    return put_signed(connection, key_id, holder, hashlib.sha256(message).digest())


def _refusal() -> ServiceRefusedError:
    return ServiceRefusedError("no token for this request")
