from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from loopixmix.errors import FormatError, SignatureError
from loopixmix.group.ristretto import ristretto255
from tests.worlds.elections import new_election
from votes.record.canonical import Hex
from votes.record.rules.reading import decode_election
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


VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "votes-trustees.json").read_text(encoding="utf-8"))
RECORD = json.loads(VECTORS["record"])


def opened_by_the_page(body: bytes, name: str, trustee: int) -> dict[str, object]:
    """Read a signed statement by the page alone: section 1 for signatures, 7.1 for statements, 2 for their form."""
    identity = bytes.fromhex(RECORD["trustees"][trustee - 1]["identity"])
    VerifyKey(identity).verify(b"loopixmix-votes-1/" + name.encode() + b"\0" + body[64:], body[:64])
    told: dict[str, object] = json.loads(body[64:])
    assert json.dumps(told, sort_keys=True, separators=(",", ":")).encode() == body[64:]
    assert told["fingerprint"] == VECTORS["fingerprint"]
    return told


def list_by_the_page(poll: int, width: int, columns: bytes) -> str:
    """Compute what stands for a list by sections 1.1 and 5.2."""
    size = len(columns) // (2 * width)
    digests = [hashlib.sha512(columns[at : at + size]).digest() for at in range(0, len(columns), size)]
    numbers = [number.to_bytes(8, "big") for number in (poll, width, size // 32)]
    items = [b"loopixmix-votes-1/decrypted-list", bytes.fromhex(VECTORS["fingerprint"]), b"ristretto255"]
    hashed = b"".join(len(item).to_bytes(8, "big") + item for item in (*items, *numbers, *digests))
    return hashlib.shake_256(hashed).hexdigest(32)


def test_the_vectors_are_those_of_the_page() -> None:
    record = VECTORS["record"].encode()
    assert RECORD["version"] == 2
    assert hashlib.sha256(b"loopixmix-votes-1/record\0" + record).hexdigest() == VECTORS["fingerprint"]
    for number, body in enumerate(VECTORS["approvals"], 1):
        assert opened_by_the_page(bytes.fromhex(body), "approval", number)["trustee"] == number
    lists = [list_by_the_page(each["poll"], each["width"], bytes.fromhex(each["columns"])) for each in VECTORS["lists"]]
    assert lists == [each["list"] for each in VECTORS["lists"]]
    assert opened_by_the_page(bytes.fromhex(VECTORS["binding"]), "lists", 2)["lists"] == lists
    assert opened_by_the_page(bytes.fromhex(VECTORS["objection"]), "objection", 2)["reason"]


@pytest.mark.parametrize("case", VECTORS["refused"], ids=lambda case: str(case["what"]))
def test_what_the_vectors_refuse_is_refused(case: dict[str, str]) -> None:
    body = bytes.fromhex(case["body"])
    identities = [bytes.fromhex(trustee["identity"]) for trustee in RECORD["trustees"]]
    with pytest.raises((FormatError, SignatureError)):
        open_statement(body, RecordApproval, lambda each: identities[each.trustee - 1])
    with pytest.raises((BadSignatureError, AssertionError)):
        opened_by_the_page(body, "approval", 2)


def test_our_own_code_reads_the_vectors() -> None:
    election = decode_election(VECTORS["record"].encode(), ristretto255())
    signatures = approval_signatures([bytes.fromhex(body) for body in VECTORS["approvals"]])
    check_signatures(election, bytes.fromhex(VECTORS["fingerprint"]), signatures)
