"""What trustees publish while they make a key (docs/protocol/votes.md, 5.1), signed, for one election and author."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from loopixmix.errors import FormatError
from loopixmix.seams import Identity
from votes.record.signing import SIGNATURE_BYTES, PartyKey, SigningPurpose, verify_signature
from votes.trustees.generation import DRAFT_BYTES, PROMISE_BYTES, Ceremony
from votes.trustees.sealing import SEALED_BYTES_OVER

VIEW_BYTES = 32
_HEAD_BYTES = 1 + DRAFT_BYTES + 2


class KeyStep(IntEnum):
    """The steps of key generation, in their order."""

    PROMISE = 1
    """The hash of the opening."""
    OPENING = 2
    SHARES = 3
    """A sealed share for each other trustee, by number."""
    WORD = 4
    """What its author has seen, and of whom it complains."""
    ANSWER = 5
    """A share in the open, after a complaint."""
    BACKUP = 6
    """The backup of the key was read, and opens."""


_PURPOSES: Mapping[KeyStep, SigningPurpose] = {
    KeyStep.PROMISE: SigningPurpose.KEY_PROMISE,
    KeyStep.OPENING: SigningPurpose.KEY_OPENING,
    KeyStep.SHARES: SigningPurpose.KEY_SHARES,
    KeyStep.WORD: SigningPurpose.KEY_WORD,
    KeyStep.ANSWER: SigningPurpose.KEY_ANSWER,
    KeyStep.BACKUP: SigningPurpose.KEY_BACKUP,
}


@dataclass(frozen=True)
class KeyStatement:
    """What one trustee published. `body` is as its kind wants it; the signature was checked when it was read."""

    kind: KeyStep
    author: int
    body: bytes
    signature: bytes

    def encode(self, ceremony: Ceremony) -> bytes:
        """Return the bytes that travel and are kept."""
        return _signed_part(ceremony, self.kind, self.author, self.body) + self.signature


def sign_key_statement(ceremony: Ceremony, key: PartyKey, kind: KeyStep, author: int, body: bytes) -> KeyStatement:
    """Make a statement of trustee `author`, whose key is `key`."""
    message = _signed_part(ceremony, kind, author, body)
    return KeyStatement(kind, author, body, key.sign(_PURPOSES[kind], message))


def decode_key_statement(ceremony: Ceremony, identities: Sequence[Identity], encoded: bytes) -> KeyStatement:
    """Read a statement; `identities` are the trustees', in order.

    Raises `FormatError` for another election, an unknown kind or author, or a body of the wrong form, and
    `SignatureError` if its author did not sign it.
    """
    if len(encoded) < _HEAD_BYTES + SIGNATURE_BYTES:
        raise FormatError(f"a statement has at least {_HEAD_BYTES + SIGNATURE_BYTES} bytes, not {len(encoded)}")
    message, signature = encoded[:-SIGNATURE_BYTES], encoded[-SIGNATURE_BYTES:]
    kind = _kind_of(message[0])
    if message[1 : 1 + DRAFT_BYTES] != ceremony.draft:
        raise FormatError("the statement is about another election, or another draft of this one")
    author, body = int.from_bytes(message[_HEAD_BYTES - 2 : _HEAD_BYTES], "big"), message[_HEAD_BYTES:]
    if author not in ceremony.numbers:
        raise FormatError(f"the trustees are numbered 1 to {ceremony.trustees}: {author} is none of them")
    if not _FITS[kind](ceremony, len(body)):
        raise FormatError(f"{len(body)} bytes are no {kind.name.lower()} of a key")
    verify_signature(identities[author - 1], signature, _PURPOSES[kind], message)
    return KeyStatement(kind, author, body, signature)


def _kind_of(number: int) -> KeyStep:
    try:
        return KeyStep(number)
    except ValueError:
        raise FormatError(f"there is no statement of kind {number}") from None


def _signed_part(ceremony: Ceremony, kind: KeyStep, author: int, body: bytes) -> bytes:
    return bytes([kind]) + ceremony.draft + author.to_bytes(2, "big") + body


def sealed_share_bytes(ceremony: Ceremony) -> int:
    """Return the length of one sealed share."""
    return ceremony.group.scalar_bytes + SEALED_BYTES_OVER


def _opening_bytes(ceremony: Ceremony) -> int:
    return (ceremony.threshold + 1) * ceremony.group.element_bytes + ceremony.group.scalar_bytes


def _is_word(ceremony: Ceremony, length: int) -> bool:
    complaints, rest = divmod(length - VIEW_BYTES, 2)
    return rest == 0 and 0 <= complaints < ceremony.trustees


_FITS: Mapping[KeyStep, Callable[[Ceremony, int], bool]] = {
    KeyStep.PROMISE: lambda _, length: length == PROMISE_BYTES,
    KeyStep.OPENING: lambda ceremony, length: length == _opening_bytes(ceremony),
    KeyStep.SHARES: lambda ceremony, length: length == (ceremony.trustees - 1) * sealed_share_bytes(ceremony),
    KeyStep.WORD: _is_word,
    KeyStep.ANSWER: lambda ceremony, length: length == 2 + ceremony.group.scalar_bytes,
    KeyStep.BACKUP: lambda _, length: length == 0,
}
