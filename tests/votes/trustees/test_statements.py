from __future__ import annotations

import random

import pytest

from loopixmix.errors import FormatError, SignatureError
from loopixmix.group.ristretto import ristretto255
from votes.record.signing import PartyKey
from votes.trustees.generation import Ceremony
from votes.trustees.statements import KeyStatement, KeyStep, decode_key_statement, sign_key_statement

CEREMONY = Ceremony(ristretto255(), b"d" * 32, trustees=3, threshold=2)
KEYS = [PartyKey(bytes([number]) * 32) for number in (1, 2, 3)]
IDENTITIES = [key.identity for key in KEYS]
BODIES = {
    KeyStep.PROMISE: b"p" * 32,
    KeyStep.OPENING: b"o" * 128,
    KeyStep.SHARES: b"s" * 160,
    KeyStep.WORD: b"v" * 32 + b"\0\3",
    KeyStep.ANSWER: b"\0\1" + b"a" * 32,
    KeyStep.BACKUP: b"",
}


def made(kind: KeyStep, author: int = 2) -> KeyStatement:
    return sign_key_statement(CEREMONY, KEYS[author - 1], kind, author, BODIES[kind])


@pytest.mark.parametrize("kind", KeyStep)
def test_each_kind_is_read_as_it_was_written(kind: KeyStep) -> None:
    statement = made(kind)
    assert decode_key_statement(CEREMONY, IDENTITIES, statement.encode(CEREMONY)) == statement


@pytest.mark.parametrize("kind", KeyStep)
def test_each_kind_has_a_body_of_its_length(kind: KeyStep) -> None:
    for body in (BODIES[kind] + b"\0", BODIES[kind] + bytes(64)):
        encoded = sign_key_statement(CEREMONY, KEYS[1], kind, 2, body).encode(CEREMONY)
        with pytest.raises(FormatError, match=f"no {kind.name.lower()} of a key"):
            decode_key_statement(CEREMONY, IDENTITIES, encoded)


def test_a_statement_counts_for_its_author_kind_and_election_only() -> None:
    encoded = made(KeyStep.PROMISE).encode(CEREMONY)
    other = Ceremony(CEREMONY.group, b"e" * 32, trustees=3, threshold=2)
    with pytest.raises(FormatError, match="another election"):
        decode_key_statement(other, IDENTITIES, encoded)
    with pytest.raises(SignatureError):
        decode_key_statement(CEREMONY, [IDENTITIES[1], IDENTITIES[0], IDENTITIES[2]], encoded)
    renumbered = encoded[:33] + b"\0\1" + encoded[35:]
    with pytest.raises(SignatureError):
        decode_key_statement(CEREMONY, IDENTITIES, renumbered)


def test_an_altered_statement_is_refused() -> None:
    encoded = bytearray(made(KeyStep.PROMISE).encode(CEREMONY))
    encoded[40] ^= 1
    with pytest.raises(SignatureError):
        decode_key_statement(CEREMONY, IDENTITIES, bytes(encoded))


def test_unknown_kinds_authors_and_stumps_are_refused(rng: random.Random) -> None:
    encoded = made(KeyStep.PROMISE).encode(CEREMONY)
    for broken, why in (
        (b"\7" + encoded[1:], "no statement of kind 7"),
        (encoded[:33] + b"\0\4" + encoded[35:], "4 is none of them"),
        (encoded[:33] + b"\0\0" + encoded[35:], "0 is none of them"),
        (encoded[:98], "at least 99 bytes"),
        (b"", "at least 99 bytes"),
    ):
        with pytest.raises(FormatError, match=why):
            decode_key_statement(CEREMONY, IDENTITIES, broken)
