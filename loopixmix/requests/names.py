"""Requests to the `keys` service, which clients make and providers answer, and the names of accounts.

Specification: docs/protocol/mailbox.md, section 6.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from loopixmix.errors import FormatError, MisuseError
from loopixmix.keys import SIGNATURE_BYTES, IdentityKey, verify
from loopixmix.seams import Identity

MAX_NAME_BYTES = 64
MAX_VERSION = 2**63 - 1
PUBLISH_DOMAIN = b"loopixmix/keys/publish/v1"
NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")

_LOOK_UP = 1
_PUBLISH = 2


class LookUp(msgspec.Struct, frozen=True):
    """Ask for the card of `name`. The answer's body is a card, for an unknown name a decoy."""

    name: str


class Publish(msgspec.Struct, frozen=True):
    """Put `card` (or nothing, with an empty one) under `name`; the answer's body is empty.

    `version` must exceed the one published last, so that nobody can put an old card back. `signature` is made with
    the account's identity key by `sign_publish`.
    """

    name: str
    version: int
    signature: bytes
    card: bytes


KeysRequest: TypeAlias = LookUp | Publish


def check_name(name: str) -> None:
    """Raise `FormatError` if `name` is no account name: 1 to 64 of `a-z 0-9 . _ -`."""
    if not 1 <= len(name) <= MAX_NAME_BYTES or not NAME_CHARACTERS.issuperset(name):
        raise FormatError(f"a name has 1 to {MAX_NAME_BYTES} characters of a-z 0-9 . _ -")


def sign_publish(identity_key: IdentityKey, name: str, version: int, card: bytes) -> Publish:
    """Make a signed `Publish`; raise `MisuseError` if the version is out of range."""
    if not 1 <= version <= MAX_VERSION:
        raise MisuseError(f"a version is 1 to {MAX_VERSION}, not {version}")
    return Publish(name, version, identity_key.sign(PUBLISH_DOMAIN, _published_bytes(name, version, card)), card)


def verify_publish(publish: Publish, identity: Identity) -> None:
    """Check that the account with the public key `identity` signed `publish`; raise `SignatureError` otherwise."""
    message = _published_bytes(publish.name, publish.version, publish.card)
    verify(identity, publish.signature, PUBLISH_DOMAIN, message)


def encode_keys_request(request: KeysRequest) -> bytes:
    """Encode a request to the `keys` service, the body of an `encode_request`."""
    check_name(request.name)
    match request:
        case LookUp(name):
            return bytes([_LOOK_UP]) + _name_bytes(name)
        case Publish(name, version, signature, card):
            return bytes([_PUBLISH]) + signature + _published_bytes(name, version, card)


def decode_keys_request(body: bytes) -> KeysRequest:
    """Decode a request to the `keys` service; raise `FormatError` if it is none."""
    match body[:1]:
        case b"\x01":
            name, rest = _split_name(body[1:])
            if rest:
                raise FormatError("bytes follow the name that is looked up")
            return LookUp(name)
        case b"\x02":
            signature, signed = body[1 : 1 + SIGNATURE_BYTES], body[1 + SIGNATURE_BYTES :]
            name, rest = _split_name(signed)
            if len(rest) < 8:
                raise FormatError("a publication is shorter than its head")
            version = int.from_bytes(rest[:8])
            if not 1 <= version <= MAX_VERSION:
                raise FormatError(f"a version is 1 to {MAX_VERSION}, not {version}")
            return Publish(name, version, signature, rest[8:])
        case _:
            raise FormatError("unknown request to the keys service")


def _published_bytes(name: str, version: int, card: bytes) -> bytes:
    return _name_bytes(name) + version.to_bytes(8) + card


def _name_bytes(name: str) -> bytes:
    return bytes([len(name)]) + name.encode()


def _split_name(data: bytes) -> tuple[str, bytes]:
    if not data or len(data) < 1 + data[0]:
        raise FormatError("a name is shorter than its length says")
    try:
        name = data[1 : 1 + data[0]].decode("ascii")
    except UnicodeDecodeError as error:
        raise FormatError(f"a name has 1 to {MAX_NAME_BYTES} characters of a-z 0-9 . _ -") from error
    check_name(name)
    return name, data[1 + data[0] :]
