"""Fingerprints: 32 bytes that stand for an election, and a form of them that people read aloud."""

from __future__ import annotations

import hashlib

from votes.record.base32 import base32, in_groups
from votes.record.transcript import DOMAIN

FINGERPRINT_BYTES = 32
_SHOWN_BYTES = 25
"""200 bits. A shorter form would be found twice by an administrator who tries long enough (2^100 attempts here)."""


def fingerprint_of(record: bytes) -> bytes:
    """Return the fingerprint of an election's record (canonical bytes): SHA-256, 32 bytes."""
    return hashlib.sha256(DOMAIN + b"record\0" + record).digest()


def shown(fingerprint: bytes) -> str:
    """Return a form to read aloud and compare: eight groups of five letters."""
    return in_groups(base32(fingerprint[:_SHOWN_BYTES]))
