"""What trustees say on the board before and beside their shares (docs/protocol/votes.md, 7.1)."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from loopixmix.errors import FormatError, SignatureError
from votes.record.canonical import Hex, encode_canonical
from votes.record.election import Election
from votes.record.signing import SIGNATURE_BYTES, PartyKey, SigningPurpose, verify_signature
from votes.record.statements import Statement, reason_problem

LIST_BYTES = 32
"""Of what stands for a list that is decrypted: `votes/trustees/guard.py::list_digest`."""
MOST_LISTS = 64
MOST_OBJECTIONS = 8
"""Of one trustee: a log is no place for conversations."""


class RecordApproval(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trustee found that the frozen record is what the trustees made the key for. `trustee`: its number, from 1."""

    purpose = SigningPurpose.APPROVAL

    trustee: int


class ListCommitment(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trustee is about to decrypt these lists, and no others. `trustee`: its number, from 1.

    `lists`: what stands for the list of each poll, in the order of the record.
    """

    purpose = SigningPurpose.LISTS

    trustee: int
    lists: tuple[Hex, ...]

    def problem(self) -> str | None:
        """Say what is wrong."""
        if not 1 <= len(self.lists) <= MOST_LISTS:
            return f"lists has {len(self.lists)} entries; allowed are 1 to {MOST_LISTS}"
        wrong = next((number for number, each in enumerate(self.lists) if len(each) != LIST_BYTES), None)
        if wrong is not None:
            return f"lists[{wrong}] has {len(self.lists[wrong])} bytes; allowed are {LIST_BYTES}"
        return super().problem()


class TrusteeObjection(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trustee tells everybody that something is wrong. `at_s`: Unix seconds by its own clock; `reason`: what."""

    purpose = SigningPurpose.OBJECTION

    trustee: int
    at_s: int = msgspec.field(name="time")
    reason: str

    def problem(self) -> str | None:
        """Say what is wrong."""
        return super().problem() or reason_problem(self.reason, 1)


def trustee_identity(election: Election, number: int) -> bytes:
    """Return the identity of trustee `number`, from 1. Raises `FormatError` if there is none."""
    if not 1 <= number <= len(election.trustees):
        raise FormatError(f"there is no trustee {number}")
    return election.trustees[number - 1].identity


def unsigned_by(election: Election, approved: Collection[int]) -> str | None:
    """Say which trustees have not signed the record yet; None if all have. `approved`: the numbers of those who did."""
    missing = [
        f"{number} ({trustee.name})" for number, trustee in enumerate(election.trustees, 1) if number not in approved
    ]
    return f"the record is not signed by trustee {', '.join(missing)}" if missing else None


def approval_signatures(bodies: Collection[bytes]) -> bytes:
    """Return the signatures alone, from the bodies of approvals in the order of the trustees."""
    return b"".join(body[:SIGNATURE_BYTES] for body in bodies)


def check_signatures(election: Election, fingerprint: bytes, signatures: bytes) -> None:
    """Check that each trustee signed the record; `signatures` has 64 bytes for each, in the order of the record.

    Raises `SignatureError`, which names the first trustee who did not.
    """
    if len(signatures) != SIGNATURE_BYTES * len(election.trustees):
        raise SignatureError(
            f"{len(signatures)} bytes are not the signatures of the {len(election.trustees)} trustees under the record"
        )
    for number, trustee in enumerate(election.trustees, 1):
        message = encode_canonical(RecordApproval(fingerprint=Hex(fingerprint), trustee=number))
        signature = signatures[(number - 1) * SIGNATURE_BYTES : number * SIGNATURE_BYTES]
        try:
            verify_signature(trustee.identity, signature, SigningPurpose.APPROVAL, message)
        except SignatureError:
            raise SignatureError(f"trustee {number} ({trustee.name}) did not sign this record") from None


def sign_approval(fingerprint: bytes, number: int, key: PartyKey) -> bytes:
    """Return the body of the entry in which trustee `number` signs the record."""
    message = encode_canonical(RecordApproval(fingerprint=Hex(fingerprint), trustee=number))
    return key.sign(SigningPurpose.APPROVAL, message) + message
