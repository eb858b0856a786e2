"""What is asked of the collector, as bytes (docs/protocol/stats.md, 4): the kind, and its body."""

from __future__ import annotations

from enum import IntEnum

from loopixmix.errors import FormatError

SERVICE = "stats"
"""The name of the hosted service."""
ACCEPTED = b"\x01"
"""The answer to a report or share that counts."""


class AskedOfCollector(IntEnum):
    """The first byte of a request."""

    REPORT = 1
    QUESTIONNAIRE = 2
    SHARE = 3


def encode_asked(kind: AskedOfCollector, body: bytes) -> bytes:
    """Return a request: an encoded report, the id of a survey, or a share."""
    return bytes([kind]) + body


def decode_asked(data: bytes) -> tuple[AskedOfCollector, bytes]:
    """Return the kind and the body of a request; raise `FormatError` if there is no such kind."""
    if not data or data[0] not in AskedOfCollector.__members__.values():
        raise FormatError(f"a request begins with its kind, 1 to {len(AskedOfCollector)}")
    return AskedOfCollector(data[0]), data[1:]
