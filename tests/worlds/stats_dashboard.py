"""What the tests of analysts and of the dashboard share."""

from __future__ import annotations

from nacl.pwhash import argon2id

from stats.analysts.passwords import HashingCost

NOW_S = 1_800_000_000
CHEAP = HashingCost(passes=argon2id.OPSLIMIT_MIN, memory_bytes=argon2id.MEMLIMIT_MIN)
"""As little as libsodium allows: a test is not to wait for a hash."""
