"""Passwords of analysts as argon2id hashes."""

from __future__ import annotations

import random

import pytest
from nacl.pwhash import argon2id

from loopixmix.errors import FormatError
from stats.analysts.passwords import HashingCost, hash_password, is_password, make_password
from tests.worlds.stats_dashboard import CHEAP


def test_a_password_has_twenty_letters_that_nobody_mistakes() -> None:
    password = make_password(random.Random(1))
    assert len(password) == 24
    assert set(password.replace("-", "")).isdisjoint("il1o0")
    assert make_password(random.Random(2)) != password


def test_only_the_password_fits_its_hash_however_it_is_typed() -> None:
    hashed = hash_password("abcd-efgh-jkmn", CHEAP, random.Random(1))
    for typed in ("abcd-efgh-jkmn", "Abcdefghjkmn", " ABCD EFGH JKMN "):
        assert is_password(typed, hashed)
    for typed in ("abcd-efgh-jkmp", "", "abcd-efgh"):
        assert not is_password(typed, hashed)


def test_the_hash_is_argon2id_of_libsodium_with_a_salt_of_its_own() -> None:
    rng = random.Random(1)
    first, second = (hash_password("abcd", CHEAP, rng) for _ in range(2))
    assert first != second
    kind, passes, memory_bytes, salt, digest = first.split("$")
    assert (kind, int(passes), int(memory_bytes)) == ("argon2id", CHEAP.passes, CHEAP.memory_bytes)
    assert argon2id.kdf(32, b"abcd", bytes.fromhex(salt), int(passes), int(memory_bytes)).hex() == digest


def test_by_default_a_try_takes_64_mebibytes() -> None:
    assert HashingCost().memory_bytes == 64 * 1024 * 1024


@pytest.mark.parametrize("hashed", ["", "a$b", "scrypt$1$8192$00$00", "argon2id$x$8192$00$00", "argon2id$1$8192$zz$00"])
def test_a_damaged_hash_is_refused(hashed: str) -> None:
    with pytest.raises(FormatError, match="damaged"):
        is_password("abcd", hashed)
