"""One token: begun by the client, signed blindly by the issuer, finished by the client, checked by the redeemer."""

from __future__ import annotations

import hashlib

import msgspec

from loopixmix.errors import FormatError, PeerError
from loopixmix.seams import Rng
from loopixmix.tokens.blinding import PREFIX_BYTES, SALT_BYTES, blind, finalize, is_signature, prepare
from loopixmix.tokens.keys import KEY_ID_BYTES, MODULUS_BITS, TokenKey

TOKEN_VERSION = 1

_DOMAIN = b"loopixmix/token/v1"
_SPENT_DOMAIN = b"loopixmix/token/spent/v1"
_HEAD_BYTES = 1 + KEY_ID_BYTES + PREFIX_BYTES
_SIGNATURE_BYTES = frozenset(bits // 8 for bits in MODULUS_BITS)


class BadTokenError(PeerError):
    """The token does not count."""


class Token(msgspec.Struct, frozen=True):
    """A token as it is spent: whoever has it may spend it, once.

    `key_id` names the key, `prefix` makes the token differ from all others, `signature` is the issuer's.
    """

    key_id: bytes
    prefix: bytes
    signature: bytes

    def __repr__(self) -> str:
        # It is money: it must not get into a log.
        return f"Token(key_id={self.key_id.hex()[:16]})"


class PendingToken(msgspec.Struct, frozen=True):
    """A token that is not signed yet. `blinded` goes to the issuer; `prefix` and `inverse` are the client's secrets."""

    key: TokenKey
    prefix: bytes
    inverse: bytes
    blinded: bytes

    def __repr__(self) -> str:
        return f"PendingToken(purpose={self.key.purpose})"


def begin_token(key: TokenKey, rng: Rng) -> PendingToken:
    """Make a token under `key` that the issuer has yet to sign."""
    prefix, salt, blinding = rng.randbytes(PREFIX_BYTES), rng.randbytes(SALT_BYTES), rng.randrange(1, key.modulus)
    blinded, inverse = blind(key.public, _signed_bytes(key.key_id, prefix), salt=salt, blinding=blinding)
    return PendingToken(key, prefix, inverse, blinded)


def finish_token(pending: PendingToken, blind_signature: bytes) -> Token:
    """Return the token that the issuer has signed; raise `BadSignatureError` if it has not."""
    key_id = pending.key.key_id
    prepared = _signed_bytes(key_id, pending.prefix)
    signature = finalize(pending.key.public, prepared, blind_signature, pending.inverse)
    return Token(key_id, pending.prefix, signature)


def verify_token(token: Token, key: TokenKey, now_s: float) -> None:
    """Raise `BadTokenError` if the token is not one of `key`, or cannot be spent at `now_s`.

    Whether it has been spent before, `spent` knows.
    """
    signed = is_signature(key.public, _signed_bytes(key.key_id, token.prefix), token.signature)
    if not signed or token.key_id != key.key_id or not key.holds_at(now_s):
        raise BadTokenError("the token does not count")


def spent_hash(token: Token) -> bytes:
    """Return what is kept of a spent token, 32 bytes.

    The signature is left out: a client can have one message signed several times, under several salts, and still has
    one token. The hash tells nothing of the token to those who do not have it.
    """
    return hashlib.sha256(_SPENT_DOMAIN + token.key_id + token.prefix).digest()


def encode_token(token: Token) -> bytes:
    """Encode a token: version, key id, prefix, signature."""
    return bytes([TOKEN_VERSION]) + token.key_id + token.prefix + token.signature


def decode_token(data: bytes) -> Token:
    """Decode a token; raise `FormatError` if it is none."""
    if data[:1] != bytes([TOKEN_VERSION]) or len(data) - _HEAD_BYTES not in _SIGNATURE_BYTES:
        raise FormatError(f"a token has version {TOKEN_VERSION}, and 256, 384 or 512 bytes after its head")
    return Token(data[1 : 1 + KEY_ID_BYTES], data[1 + KEY_ID_BYTES : _HEAD_BYTES], data[_HEAD_BYTES:])


def _signed_bytes(key_id: bytes, prefix: bytes) -> bytes:
    # The key's id is signed as well, so that nothing else that the issuer may sign with it is taken for a token.
    return prepare(_DOMAIN + key_id, prefix)
