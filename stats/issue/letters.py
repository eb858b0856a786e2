"""The two messages about codes (docs/protocol/stats.md, 4): somebody with an account asks for one, and it is sent.

ask    kind "stats/ask-code", body  draft id (32)
code   kind "stats/code",     body  draft id (32) | code
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from loopixmix.errors import FormatError
from stats.issue.codes import LETTERS

ASK_KIND, CODE_KIND = "stats/ask-code", "stats/code"
ISSUER_ACCOUNT = "stats-issuer"
"""The name of the issuer's account, at the provider that hosts it."""
DRAFT_ID_BYTES = 32
_CODE = re.compile(rf"[a-z2-7]{{{LETTERS}}}", re.ASCII)


@dataclass(frozen=True)
class SentCode:
    """A code for the survey of a draft."""

    draft_id: bytes
    code: str = field(repr=False)


def decode_ask(body: bytes) -> bytes:
    """Return the id of the draft for which somebody asks for a code; raise `FormatError`."""
    if len(body) != DRAFT_ID_BYTES:
        raise FormatError(f"who asks for a code names a draft by {DRAFT_ID_BYTES} bytes, not {len(body)}")
    return body


def encode_code(sent: SentCode) -> bytes:
    """Return the body of a message that brings a code."""
    return sent.draft_id + sent.code.encode("ascii")


def decode_code(body: bytes) -> SentCode:
    """Return the code in a message; raise `FormatError` if there is none."""
    draft_id, code = body[:DRAFT_ID_BYTES], body[DRAFT_ID_BYTES:].decode("ascii", errors="replace")
    if not _CODE.fullmatch(code):
        raise FormatError(f"a code has {LETTERS} characters of a-z 2-7")
    return SentCode(draft_id, code)
