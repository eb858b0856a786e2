"""RSABSSA-SHA384-PSS-Randomized (RFC 9474, sections 4 and 5): the client's steps, and verification.

Numbers are Python's integers. The client's secrets, message and blind, count for one token only, and the time that they
take is seen by nobody else: it works ahead of every request. The signer, who is asked often, is in `signing`.
"""

from __future__ import annotations

import functools
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from loopixmix.errors import MisuseError, PeerError
from loopixmix.tokens.keys import PUBLIC_EXPONENT, decode_public

PREFIX_BYTES = 32
"""The random bytes before a message (RFC 9474, section 4.1)."""
SALT_BYTES = 48
HASH_BYTES = 48

_PADDING = PSS(mgf=MGF1(hashes.SHA384()), salt_length=SALT_BYTES)


class BadSignatureError(PeerError):
    """The issuer gave a signature that is not one."""


def prepare(message: bytes, prefix: bytes) -> bytes:
    """Return the message to be signed, PrepareRandomize of RFC 9474, section 4.1; `prefix`: 32 random bytes."""
    if len(prefix) != PREFIX_BYTES:
        raise MisuseError(f"a prefix has {PREFIX_BYTES} bytes, not {len(prefix)}")
    return prefix + message


def blind(public: bytes, prepared: bytes, *, salt: bytes, blinding: int) -> tuple[bytes, bytes]:
    """Return the blinded message and what takes the blind off again (RFC 9474, section 4.2, Blind).

    `public`: the issuer's key in DER. `salt`: 48 random bytes. `blinding`: random, 1 to the modulus - 1. Raises
    `MisuseError` if the last has no inverse, which happens to nobody who does not know the factors.
    """
    modulus = decode_public(public)
    length = (modulus.bit_length() + 7) // 8
    encoded = int.from_bytes(encode_pss(prepared, modulus.bit_length() - 1, salt))
    try:
        inverse = pow(blinding, -1, modulus)
        pow(encoded, -1, modulus)
    except ValueError as error:
        raise MisuseError("a message or blind shares a factor with the modulus") from error
    blinded = encoded * pow(blinding, PUBLIC_EXPONENT, modulus) % modulus
    return blinded.to_bytes(length), inverse.to_bytes(length)


def finalize(public: bytes, prepared: bytes, blind_signature: bytes, inverse: bytes) -> bytes:
    """Take the blind off a signature and check it (RFC 9474, section 4.4, Finalize); raise `BadSignatureError`."""
    modulus = decode_public(public)
    length = (modulus.bit_length() + 7) // 8
    if len(blind_signature) != length:
        raise BadSignatureError(f"a blind signature has {length} bytes, not {len(blind_signature)}")
    signature = int.from_bytes(blind_signature) * int.from_bytes(inverse) % modulus
    data = signature.to_bytes(length)
    if not is_signature(public, prepared, data):
        raise BadSignatureError("the issuer's signature does not belong to this message and key")
    return data


def is_signature(public: bytes, prepared: bytes, signature: bytes) -> bool:
    """Tell whether this is a signature of `prepared`: RSASSA-PSS-VERIFY of RFC 8017, section 8.1.2."""
    try:
        _loaded(public).verify(signature, prepared, _PADDING, hashes.SHA384())
    except InvalidSignature:
        return False
    return True


def encode_pss(message: bytes, bits: int, salt: bytes) -> bytes:
    """Return EMSA-PSS-ENCODE (RFC 8017, section 9.1.1) of `message`, of at most `bits` bits."""
    if len(salt) != SALT_BYTES:
        raise MisuseError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    length = (bits + 7) // 8
    digest = hashlib.sha384(bytes(8) + hashlib.sha384(message).digest() + salt).digest()
    data = bytes(length - SALT_BYTES - HASH_BYTES - 2) + b"\x01" + salt
    mask = _mask(digest, len(data))
    # The topmost bits, which do not count, are set to nought: otherwise the number could exceed the modulus.
    masked = (int.from_bytes(data) ^ int.from_bytes(mask)) & ((1 << (bits - 8 * (HASH_BYTES + 1))) - 1)
    return masked.to_bytes(len(data)) + digest + b"\xbc"


def _mask(seed: bytes, length: int) -> bytes:
    """Return MGF1 (RFC 8017, appendix B.2.1)."""
    blocks = range((length + HASH_BYTES - 1) // HASH_BYTES)
    return b"".join(hashlib.sha384(seed + block.to_bytes(4)).digest() for block in blocks)[:length]


@functools.lru_cache(maxsize=256)
def _loaded(public: bytes) -> RSAPublicKey:
    return RSAPublicNumbers(PUBLIC_EXPONENT, decode_public(public)).public_key()
