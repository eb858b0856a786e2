from __future__ import annotations

import random

import msgspec
import pytest

from loopixmix.errors import FormatError, SignatureError
from votes.record.canonical import Hex, encode_canonical
from votes.record.signing import PartyKey, SigningPurpose
from votes.record.statements import (
    ErasureStatement,
    Exclusion,
    MixAnnouncement,
    ResultAnnouncement,
    SharesAnnouncement,
    Statement,
    open_statement,
    sign_statement,
)

KEY, OTHER = PartyKey.generate(random.Random(1)), PartyKey.generate(random.Random(2))
ELECTION, DIGEST = Hex(bytes(range(32))), Hex(bytes(range(64)))
EXCLUSION = Exclusion(fingerprint=ELECTION, entry=7, reason="its proof is wrong")
MIX = MixAnnouncement(fingerprint=ELECTION, poll=0, mixer=1, output=DIGEST, proof=DIGEST)
SHARES = SharesAnnouncement(fingerprint=ELECTION, poll=0, trustee=1, shares=DIGEST)
RESULT = ResultAnnouncement(fingerprint=ELECTION, result=DIGEST)
ERASURE = ErasureStatement(fingerprint=ELECTION, at_s=1_800_000_000, erased=(DIGEST,))
WRONG = {
    "at_s": (-1, "time is -1; allowed is 0 to"),
    "erased": ((DIGEST, Hex()), r"erased\[1\] has 0 bytes; allowed are 64"),
    "fingerprint": (Hex(bytes(31)), "fingerprint has 31 bytes; allowed are 32"),
    "entry": (2**53, "entry is 9007199254740992; allowed is 0 to"),
    "reason": ("", "reason has 0 characters; allowed are 1 to 2000"),
    "poll": (-1, "poll is -1; allowed is 0 to"),
    "mixer": (-1, "mixer is -1; allowed is 0 to"),
    "trustee": (-1, "trustee is -1; allowed is 0 to"),
    "output": (Hex(bytes(63)), "output has 63 bytes; allowed are 64"),
    "proof": (Hex(), "proof has 0 bytes; allowed are 64"),
    "shares": (Hex(bytes(65)), "shares has 65 bytes; allowed are 64"),
    "result": (Hex(bytes(32)), "result has 32 bytes; allowed are 64"),
}


@pytest.mark.parametrize("statement", [EXCLUSION, MIX, SHARES, RESULT, ERASURE])
def test_a_statement_comes_back_from_its_bytes(statement: Statement) -> None:
    body = sign_statement(statement, KEY)
    assert open_statement(body, type(statement), lambda _: KEY.identity) == statement
    assert body[64:] == encode_canonical(statement)
    for wrong in (body[:-1], body + b" ", body[:63], b""):
        with pytest.raises((FormatError, SignatureError)):
            open_statement(wrong, type(statement), lambda _: KEY.identity)


@pytest.mark.parametrize("statement", [EXCLUSION, MIX, SHARES, RESULT, ERASURE])
def test_each_field_is_checked_by_writer_and_reader(statement: Statement) -> None:
    for field in statement.__struct_fields__:
        value, problem = WRONG[field]
        wrong = msgspec.structs.replace(statement, **{field: value})
        with pytest.raises(FormatError, match=problem):
            sign_statement(wrong, KEY)
        message = encode_canonical(wrong)
        with pytest.raises(FormatError, match=problem):
            open_statement(KEY.sign(statement.purpose, message) + message, type(statement), lambda _: KEY.identity)


def test_only_the_signer_counts_and_only_for_this_purpose() -> None:
    with pytest.raises(SignatureError):
        open_statement(sign_statement(MIX, OTHER), MixAnnouncement, lambda _: KEY.identity)
    message = encode_canonical(MIX)
    with pytest.raises(SignatureError):
        open_statement(KEY.sign(SigningPurpose.SHARES, message) + message, MixAnnouncement, lambda _: KEY.identity)
    with pytest.raises(FormatError):
        open_statement(sign_statement(MIX, KEY), SharesAnnouncement, lambda _: KEY.identity)


def test_who_has_to_sign_may_depend_on_the_statement() -> None:
    mixers = [OTHER.identity, KEY.identity]
    assert open_statement(sign_statement(MIX, KEY), MixAnnouncement, lambda mix: mixers[mix.mixer]) == MIX
