"""Ballots as bytes: exact lengths, one version, one election."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from tests.worlds.voters import Voters
from votes.ballot.ballots import BallotError, decode_ballot

VOTERS = Voters()
FORM = VOTERS.form
HEAD = 1 + 32 + 32
ROWS = HEAD + 4
PATH = ROWS + 32 * 2 * 4 + 32 * 5 + 32 * 5


def test_a_ballot_has_its_parts_in_the_order_of_the_page() -> None:
    made = VOTERS.made(1, counter=7)
    encoding, voter = made.ballot.encoding, VOTERS.voters[1]
    assert encoding[:1] == b"\1"
    assert encoding[1:33] == VOTERS.world.fingerprint
    assert encoding[33:HEAD] == voter.credential
    assert encoding[HEAD:ROWS] == bytes([0, 0, 0, 7])
    assert encoding[PATH] == len(voter.place.path)
    assert encoding[PATH + 1 : PATH + 9] == (1).to_bytes(8, "big")
    assert encoding[PATH + 9 :] == b"".join(voter.place.path)
    assert decode_ballot(FORM, encoding) == made.ballot


def test_the_tracking_code_is_100_bits_of_the_ballots_hash() -> None:
    ballot = VOTERS.made().ballot
    code = ballot.tracking_code
    assert [len(group) for group in code.split("-")] == [5, 5, 5, 5]
    number = 0
    for letter in code.replace("-", ""):
        number = number * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(letter)
    assert number == int.from_bytes(hashlib.sha256(ballot.encoding).digest(), "big") >> 156


def _with(at: int, content: bytes) -> Callable[[bytes], bytes]:
    return lambda encoding: encoding[:at] + content + encoding[at + len(content) :]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda encoding: b"", "the ballot has 0 bytes, which is too short"),
        (lambda encoding: encoding[:-1], "too short"),
        (lambda encoding: encoding + b"\0", "1 bytes follow the ballot"),
        (_with(0, b"\2"), "the ballot has version 2; only 1 is known"),
        (_with(1, b"another election"), "the ballot is for another election"),
        (_with(HEAD, bytes(4)), "the ballot has counter 0; counters begin at 1"),
        (_with(PATH, bytes([25])), "a proof of 25 hashes for credential 0; at most 24 fit"),
        (_with(PATH, bytes(8) + b"\1"), "a proof of 0 hashes for credential 1"),
    ],
)
def test_bytes_that_are_no_ballot_are_refused(change: Callable[[bytes], bytes], reason: str) -> None:
    with pytest.raises(BallotError, match=reason):
        decode_ballot(FORM, change(VOTERS.cast()))
