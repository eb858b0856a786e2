"""Signed statements: what a party says on the board, with its signature (docs/protocol/votes.md, 7.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

import msgspec

from loopixmix.errors import FormatError, SignatureError
from loopixmix.seams import Identity
from votes.record.canonical import MOST_NUMBER, Hex, decode_canonical, encode_canonical
from votes.record.fingerprint import FINGERPRINT_BYTES
from votes.record.signing import SIGNATURE_BYTES, PartyKey, SigningPurpose, verify_signature

MOST_STATEMENT_BYTES = 16_384
MOST_REASON = 2_000
"""Characters of the reason of an exclusion, or of the end of an election."""
MOST_ERASED = 16
DIGEST_BYTES = 64
"""SHA-512 of a file."""

_S = TypeVar("_S", bound="Statement")


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a party signs. `fingerprint`: of the election, so that it counts in no other."""

    purpose: ClassVar[SigningPurpose]

    fingerprint: Hex

    def problem(self) -> str | None:
        """Say which field has a value that is not allowed; None if all is well."""
        if len(self.fingerprint) != FINGERPRINT_BYTES:
            return f"fingerprint has {len(self.fingerprint)} bytes; allowed are {FINGERPRINT_BYTES}"
        for field, name in zip(self.__struct_fields__, self.__struct_encode_fields__, strict=True):
            value = getattr(self, field)
            if isinstance(value, int) and not 0 <= value <= MOST_NUMBER:
                return f"{name} is {value}; allowed is 0 to {MOST_NUMBER}"
        return None


class Exclusion(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ballot in an entry does not count. `entry`: its index in the log, from 0."""

    purpose = SigningPurpose.EXCLUSION

    entry: int
    reason: str

    def problem(self) -> str | None:
        """Say what is wrong."""
        return super().problem() or reason_problem(self.reason, 1)


class MixAnnouncement(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mixer made a shuffle. `poll`, `mixer`: their numbers in the record, from 0.

    `output`, `proof`: SHA-512 of the two files.
    """

    purpose = SigningPurpose.MIX

    poll: int
    mixer: int
    output: Hex
    proof: Hex

    def problem(self) -> str | None:
        """Say what is wrong."""
        return super().problem() or digest_problem("output", self.output) or digest_problem("proof", self.proof)


class SharesAnnouncement(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trustee decrypted its part. `poll`: its number in the record, from 0; `trustee`: its number, from 1.

    `shares`: SHA-512 of the file.
    """

    purpose = SigningPurpose.SHARES

    poll: int
    trustee: int
    shares: Hex

    def problem(self) -> str | None:
        """Say what is wrong."""
        return super().problem() or digest_problem("shares", self.shares)


class ResultAnnouncement(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The result of the election. `result`: SHA-512 of the file."""

    purpose = SigningPurpose.RESULT

    result: Hex

    def problem(self) -> str | None:
        """Say what is wrong."""
        return super().problem() or digest_problem("result", self.result)


class ErasureStatement(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The credential authority erased who has which credential. `at_s`: Unix seconds.

    `erased`: SHA-512 of each file that was erased, as it was sealed.
    """

    purpose = SigningPurpose.ERASURE

    at_s: int = msgspec.field(name="time")
    erased: tuple[Hex, ...]

    def problem(self) -> str | None:
        """Say what is wrong."""
        if len(self.erased) > MOST_ERASED:
            return f"erased has {len(self.erased)} entries; allowed are 0 to {MOST_ERASED}"
        problems = (digest_problem(f"erased[{number}]", each) for number, each in enumerate(self.erased))
        return super().problem() or next((each for each in problems if each is not None), None)


def sign_statement(statement: Statement, key: PartyKey) -> bytes:
    """Return signature and statement. Raises `FormatError` for a statement that nobody would accept."""
    _check(statement)
    message = encode_canonical(statement)
    return key.sign(statement.purpose, message) + message


def open_statement(body: bytes, kind: type[_S], signer: Callable[[_S], Identity]) -> _S:
    """Return the statement in `body`. `signer`: tells whose it has to be; it raises `FormatError` if nobody's.

    Raises `FormatError` or `SignatureError`: a statement that is not signed is never returned.
    """
    signature, message = body[:SIGNATURE_BYTES], body[SIGNATURE_BYTES:]
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureError(f"a signed statement begins with a signature of {SIGNATURE_BYTES} bytes")
    statement = decode_canonical(message, kind, most_bytes=MOST_STATEMENT_BYTES)
    _check(statement)
    verify_signature(signer(statement), signature, kind.purpose, message)
    return statement


def digest_problem(name: str, digest: bytes) -> str | None:
    """Say that a digest has another length; None if it has not."""
    return None if len(digest) == DIGEST_BYTES else f"{name} has {len(digest)} bytes; allowed are {DIGEST_BYTES}"


def reason_problem(reason: str, least: int) -> str | None:
    """Say that a reason is too short or too long; None if it is neither."""
    if least <= len(reason) <= MOST_REASON:
        return None
    return f"reason has {len(reason)} characters; allowed are {least} to {MOST_REASON}"


def _check(statement: Statement) -> None:
    problem = statement.problem()
    if problem is not None:
        raise FormatError(f"a statement ({statement.purpose.value}): {problem}")
