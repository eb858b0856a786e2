"""Signatures of the parties of an election: Ed25519 (RFC 8032), each for one purpose (docs/protocol/votes.md, 1)."""

from __future__ import annotations

from enum import Enum

from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from loopixmix.errors import FormatError, MisuseError, SignatureError
from loopixmix.seams import Identity, Rng
from votes.record.transcript import DOMAIN

IDENTITY_BYTES = 32
SIGNATURE_BYTES = 64
SEED_BYTES = 32


class SigningPurpose(Enum):
    """What a signature is for. A signature for one purpose never counts for another."""

    RECORD = "record"
    TRANSITION = "transition"
    EXCLUSION = "exclusion"
    MIX = "mix"
    SHARES = "shares"
    RESULT = "result"
    HEAD = "head"
    RECEIPT = "receipt"
    UPLOAD = "upload"
    ERASURE = "erasure"
    CREDENTIALS = "credentials"
    APPROVAL = "approval"
    LISTS = "lists"
    OBJECTION = "objection"
    KEY_PROMISE = "key-promise"
    KEY_OPENING = "key-opening"
    KEY_SHARES = "key-shares"
    KEY_WORD = "key-word"
    KEY_ANSWER = "key-answer"
    KEY_BACKUP = "key-backup"


class PartyKey:
    """The private key of a party; its public half is the party's identity."""

    __slots__ = ("_key", "identity")

    def __init__(self, seed: bytes) -> None:
        """`seed`: private, 32 bytes (RFC 8032, section 5.1.5)."""
        if len(seed) != SEED_BYTES:
            raise MisuseError(f"the seed of a key has {SEED_BYTES} bytes, not {len(seed)}")
        self._key = SigningKey(seed)
        self.identity: Identity = bytes(self._key.verify_key)

    @classmethod
    def generate(cls, rng: Rng) -> PartyKey:
        """Make a new key from `rng`."""
        return cls(rng.randbytes(SEED_BYTES))

    @property
    def seed(self) -> bytes:
        """The private seed, for the file of the key only."""
        return bytes(self._key)

    def sign(self, purpose: SigningPurpose, message: bytes) -> bytes:
        """Sign `message` for one purpose; 64 bytes."""
        return self._key.sign(_signed_bytes(purpose, message)).signature

    def __repr__(self) -> str:
        return f"PartyKey(identity={self.identity.hex()})"


def check_identity(identity: bytes) -> None:
    """Raise `FormatError` unless `identity` is the canonical encoding of a point of the large prime order.

    A key of low order would let one signature fit every message; another spelling of a key would be a second identity
    of one party (Chalkias, Garillot, Nikolaenko 2020).
    """
    if len(identity) != IDENTITY_BYTES:
        raise FormatError(f"an identity has {IDENTITY_BYTES} bytes, not {len(identity)}")
    if not crypto_core_ed25519_is_valid_point(bytes(identity)):
        raise FormatError("an identity is the canonical form of an Ed25519 key, and not of low order")


def verify_signature(identity: Identity, signature: bytes, purpose: SigningPurpose, message: bytes) -> None:
    """Check a signature made by `PartyKey.sign`.

    Raises `SignatureError` if it is not one, `FormatError` if `identity` is none.
    """
    check_identity(identity)
    try:
        VerifyKey(bytes(identity)).verify(_signed_bytes(purpose, message), signature)
    except (BadSignatureError, ValueError, TypeError) as error:
        raise SignatureError(f"the signature ({purpose.value}) does not belong to this message and key") from error


def _signed_bytes(purpose: SigningPurpose, message: bytes) -> bytes:
    return DOMAIN + purpose.value.encode() + b"\0" + message
