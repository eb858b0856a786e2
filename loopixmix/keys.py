"""Keys: Ed25519 identities that sign, X25519 mix keys that unwrap. Both are made from the injected randomness."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.bindings import crypto_scalarmult_base
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from loopixmix.errors import MisuseError, SignatureError
from loopixmix.seams import Identity, Rng
from loopixmix.wiping import wipe

KEY_BYTES = 32
SIGNATURE_BYTES = 64


class IdentityKey:
    """A node's or client's long-term Ed25519 key; its public half is the `Identity`."""

    __slots__ = ("_private", "public")

    def __init__(self, seed: bytes) -> None:
        """`seed`: private, 32 bytes (RFC 8032)."""
        if len(seed) != KEY_BYTES:
            raise MisuseError(f"an identity seed has {KEY_BYTES} bytes, not {len(seed)}")
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public: Identity = self._private.public_key().public_bytes_raw()

    @classmethod
    def generate(cls, rng: Rng) -> IdentityKey:
        """Make a new key from `rng`."""
        return cls(rng.randbytes(KEY_BYTES))

    @property
    def seed(self) -> bytes:
        """The private seed, for the key file and the TLS certificate only."""
        return self._private.private_bytes_raw()

    def sign(self, domain: bytes, message: bytes) -> bytes:
        """Sign `message` for one purpose.

        `domain` names the purpose and the protocol version, so that a signature made for one purpose never counts
        for another; it is length-prefixed under the signature.
        """
        # Not by PyNaCl, which copies the message four times: of ten megabytes each copy keeps the other threads of a
        # client waiting for milliseconds, and its pulls leave late.
        return self._private.sign(_signed_bytes(domain, message))

    def __repr__(self) -> str:
        return f"IdentityKey(public={self.public.hex()})"


def verify(identity: Identity, signature: bytes, domain: bytes, message: bytes) -> None:
    """Check a signature made by `IdentityKey.sign`; raise `SignatureError` if it is not one."""
    try:
        VerifyKey(identity).verify(_signed_bytes(domain, message), signature)
    except (BadSignatureError, ValueError, TypeError) as error:
        raise SignatureError("the signature does not belong to this message and key") from error


def _signed_bytes(domain: bytes, message: bytes) -> bytes:
    if len(domain) > 255:
        raise MisuseError("a signature domain has at most 255 bytes")
    return bytes([len(domain)]) + domain + message


class MixKey:
    """The X25519 key with which a node unwraps packets during one epoch."""

    __slots__ = ("private", "public")

    def __init__(self, private: bytes) -> None:
        """`private`: the scalar, 32 bytes (RFC 7748; clamped at use). It is kept as it is, and `wipe` overwrites it."""
        if len(private) != KEY_BYTES:
            raise MisuseError(f"a mix key has {KEY_BYTES} bytes, not {len(private)}")
        self.private = private
        self.public = crypto_scalarmult_base(private)

    @classmethod
    def generate(cls, rng: Rng) -> MixKey:
        """Make a new key from `rng`."""
        return cls(rng.randbytes(KEY_BYTES))

    def __repr__(self) -> str:
        return f"MixKey(public={self.public.hex()})"

    def wipe(self) -> None:
        """Overwrite the private half in memory: whoever still holds it has zeros."""
        wipe(self.private)
