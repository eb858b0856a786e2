"""What a client and an issuer say to each other: the bodies of a request and its answer.

A request is `version u8 | key id 32 | length u8 | credential | blinded messages`, its answer the blind signatures,
each as long as the key's modulus. The credential says why the client may have tokens: a code, a voter's number. Which
ones count is the issuer's affair.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from loopixmix.errors import FormatError, MisuseError
from loopixmix.tokens.keys import KEY_ID_BYTES, TokenKey

ISSUER_SERVICE = "issuer"
REDEEMER_SERVICE = "redeemer"
ISSUE_VERSION = 1
MAX_CREDENTIAL_BYTES = 128
MAX_BODY_BYTES = 2000
"""The longest request: it fits into one packet."""
MAX_MESSAGES = 64

_HEAD_BYTES = 1 + KEY_ID_BYTES + 1


class IssueRequest(msgspec.Struct, frozen=True):
    """A wish for tokens of the key `key_id`. `messages` are the blinded ones, one after another."""

    key_id: bytes
    credential: bytes
    messages: bytes

    def __repr__(self) -> str:
        return f"IssueRequest(key_id={self.key_id.hex()[:16]})"


def most_messages(key: TokenKey) -> int:
    """Return how many tokens of a key fit into one request, whatever the credential."""
    return (MAX_BODY_BYTES - _HEAD_BYTES - MAX_CREDENTIAL_BYTES) // key.modulus_bytes


def encode_issue_request(key: TokenKey, credential: bytes, blinded: Sequence[bytes]) -> bytes:
    """Encode a request; raise `MisuseError` if the credential is too long, or there are too many messages."""
    if len(credential) > MAX_CREDENTIAL_BYTES:
        raise MisuseError(f"a credential has at most {MAX_CREDENTIAL_BYTES} bytes, not {len(credential)}")
    if not 1 <= len(blinded) <= most_messages(key) or any(len(each) != key.modulus_bytes for each in blinded):
        raise MisuseError(f"a request has 1 to {most_messages(key)} messages of {key.modulus_bytes} bytes")
    return bytes([ISSUE_VERSION]) + key.key_id + bytes([len(credential)]) + credential + b"".join(blinded)


def decode_issue_request(body: bytes) -> IssueRequest:
    """Decode a request; raise `FormatError` if it is none."""
    if len(body) < _HEAD_BYTES or body[0] != ISSUE_VERSION:
        raise FormatError(f"a wish for tokens begins with its version {ISSUE_VERSION} and the id of a key")
    length = body[_HEAD_BYTES - 1]
    if length > MAX_CREDENTIAL_BYTES or len(body) < _HEAD_BYTES + length:
        raise FormatError("a wish for tokens is shorter than its credential's length says, or that is over 128")
    end = _HEAD_BYTES + length
    return IssueRequest(body[1 : 1 + KEY_ID_BYTES], body[_HEAD_BYTES:end], body[end:])


def split_messages(data: bytes, key: TokenKey) -> list[bytes]:
    """Return the blinded messages or signatures of a key in `data`; raise `FormatError` if they are not whole.

    1 to 64 of them, each below the modulus, no two the same.
    """
    length = key.modulus_bytes
    parts = [data[place : place + length] for place in range(0, len(data), length)]
    if not 1 <= len(parts) <= MAX_MESSAGES or len(data) % length:
        raise FormatError(f"there are 1 to {MAX_MESSAGES} messages of {length} bytes, not {len(data)} bytes")
    if any(int.from_bytes(part) >= key.modulus for part in parts) or len(set(parts)) != len(parts):
        raise FormatError("a message is not below the modulus, or comes twice")
    return parts
