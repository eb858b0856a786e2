from __future__ import annotations

import pytest

from loopixmix.errors import FormatError, SignatureError
from loopixmix.group.ristretto import ristretto255
from tests.worlds.elections import new_election
from votes.record.canonical import Hex
from votes.record.statements import Statement, open_statement, sign_statement
from votes.record.trustees import (
    LIST_BYTES,
    MOST_LISTS,
    ListCommitment,
    RecordApproval,
    TrusteeObjection,
    approval_signatures,
    check_signatures,
    trustee_identity,
    unsigned_by,
)

WORLD = new_election(ristretto255())
ELECTION, FINGERPRINT = WORLD.election, Hex(WORLD.fingerprint)
KEY = WORLD.keys.trustees[0]
LIST = Hex(bytes(LIST_BYTES))


def test_an_approval_has_the_bytes_of_the_page() -> None:
    body = WORLD.approvals()[0]
    assert body[64:] == b'{"fingerprint":"' + FINGERPRINT.hex().encode() + b'","trustee":1}'
    assert open_statement(body, RecordApproval, lambda _: KEY.identity).trustee == 1


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (ListCommitment(fingerprint=FINGERPRINT, trustee=1, lists=()), "lists has 0 entries; allowed are 1 to 64"),
        (ListCommitment(fingerprint=FINGERPRINT, trustee=1, lists=(LIST,) * (MOST_LISTS + 1)), "lists has 65 entries"),
        (ListCommitment(fingerprint=FINGERPRINT, trustee=1, lists=(LIST, Hex(b"short"))), r"lists\[1\] has 5 bytes"),
        (TrusteeObjection(fingerprint=FINGERPRINT, trustee=1, at_s=0, reason=""), "reason has 0 characters"),
        (RecordApproval(fingerprint=Hex(b""), trustee=1), "fingerprint has 0 bytes"),
        (RecordApproval(fingerprint=FINGERPRINT, trustee=-1), "trustee is -1"),
    ],
)
def test_each_field_is_checked(statement: Statement, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        sign_statement(statement, KEY)


def test_who_has_not_signed_is_named() -> None:
    assert unsigned_by(ELECTION, {1, 2, 3}) is None
    assert unsigned_by(ELECTION, {2}) == "the record is not signed by trustee 1 (Trustee 1), 3 (Trustee 3)"


def test_a_voter_checks_the_signatures_alone() -> None:
    good = approval_signatures(WORLD.approvals())
    check_signatures(ELECTION, WORLD.fingerprint, good)
    with pytest.raises(SignatureError, match=r"trustee 2 \(Trustee 2\) did not sign"):
        check_signatures(ELECTION, WORLD.fingerprint, good[:64] + good[:64] + good[128:])
    with pytest.raises(SignatureError, match="trustee 1"):
        check_signatures(ELECTION, bytes(32), good)
    for wrong in (b"", good[:-1], good + bytes(64)):
        with pytest.raises(SignatureError, match="are not the signatures of the 3 trustees"):
            check_signatures(ELECTION, WORLD.fingerprint, wrong)


def test_there_is_no_trustee_0() -> None:
    assert trustee_identity(ELECTION, 3) == WORLD.keys.trustees[2].identity
    for number in (0, 4):
        with pytest.raises(FormatError, match=f"no trustee {number}"):
            trustee_identity(ELECTION, number)
