"""Cards: the address of a person or program and the key to seal messages to it, signed by its identity.

A card is what the `keys` service hands out. It always has `CARD_BYTES` bytes, so that nobody can tell cards apart by
length. Specification: docs/protocol/message.md.
"""

from __future__ import annotations

import hashlib
import struct

import msgspec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey

from loopixmix.errors import FormatError, MisuseError
from loopixmix.keys import KEY_BYTES, SIGNATURE_BYTES, IdentityKey, verify
from loopixmix.requests.names import MAX_NAME_BYTES, check_name
from loopixmix.seams import Identity, Rng

CARD_VERSION = 1
CARD_DOMAIN = b"loopixmix/card/v1"
FINGERPRINT_DOMAIN = b"loopixmix/fingerprint/v1"
MLKEM_PUBLIC_BYTES = 1184
MLKEM_SEED_BYTES = 64
SEALING_KEY_BYTES = MLKEM_PUBLIC_BYTES + KEY_BYTES
SEALING_SEED_BYTES = MLKEM_SEED_BYTES + KEY_BYTES
DAY_S = 86_400

_DAY_BYTES = 4
_HEAD = struct.Struct(f">BB{MAX_NAME_BYTES}s{KEY_BYTES}s{KEY_BYTES}sI")
CARD_BYTES = _HEAD.size + SEALING_KEY_BYTES + SIGNATURE_BYTES


class SealingKey:
    """The key pair with which a recipient opens what was sealed to it: ML-KEM-768 beside X25519, for HPKE."""

    __slots__ = ("private", "public", "seed")

    def __init__(self, seed: bytes) -> None:
        """`seed`: private, 96 bytes: 64 of ML-KEM-768 (FIPS 203: d, z), 32 of X25519."""
        if len(seed) != SEALING_SEED_BYTES:
            raise MisuseError(f"a sealing seed has {SEALING_SEED_BYTES} bytes, not {len(seed)}")
        mlkem = MLKEM768PrivateKey.from_seed_bytes(seed[:MLKEM_SEED_BYTES])
        x25519 = X25519PrivateKey.from_private_bytes(seed[MLKEM_SEED_BYTES:])
        self.seed = seed
        self.private = MLKEM768X25519PrivateKey(mlkem, x25519)
        self.public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()

    @classmethod
    def generate(cls, rng: Rng) -> SealingKey:
        """Make a new key from `rng`."""
        return cls(rng.randbytes(SEALING_SEED_BYTES))

    def __repr__(self) -> str:
        return f"SealingKey({sealing_key_name(self.public)})"


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """The card of `name` at `provider`: an identity key that signs, a sealing key, and the day it was made (coarse)."""

    name: str
    provider: Identity
    identity: Identity
    sealing_key: bytes
    made_at_s: int
    signature: bytes


def make_card(identity_key: IdentityKey, *, name: str, provider: Identity, sealing_key: bytes, now_s: float) -> Card:
    """Make and sign a card; only the day of `now_s` is kept. Raises `FormatError` if a field has the wrong form."""
    made_at_s = int(now_s // DAY_S) * DAY_S
    card = Card(
        name=name,
        provider=provider,
        identity=identity_key.public,
        sealing_key=sealing_key,
        made_at_s=made_at_s,
        signature=bytes(SIGNATURE_BYTES),
    )
    signed = encode_card(card)[:-SIGNATURE_BYTES]
    return msgspec.structs.replace(card, signature=identity_key.sign(CARD_DOMAIN, signed))


def encode_card(card: Card) -> bytes:
    """Encode a card into `CARD_BYTES` bytes; raise `FormatError` if a field has the wrong form."""
    check_name(card.name)
    lengths = (len(card.provider), len(card.identity), len(card.sealing_key), len(card.signature))
    if lengths != (KEY_BYTES, KEY_BYTES, SEALING_KEY_BYTES, SIGNATURE_BYTES):
        raise FormatError("a key or the signature of a card has the wrong length")
    day, rest_s = divmod(card.made_at_s, DAY_S)
    if rest_s or not 0 <= day < 2**32:
        raise FormatError("a card tells the day it was made, nothing finer")
    name = card.name.encode("ascii")
    head = _HEAD.pack(CARD_VERSION, len(name), name, card.provider, card.identity, day)
    return head + card.sealing_key + card.signature


def day_of_card(data: bytes) -> int:
    """Return the day since the Unix epoch on which an encoded card was made; it is not checked."""
    return int.from_bytes(data[_HEAD.size - _DAY_BYTES : _HEAD.size])


def decode_card(data: bytes) -> Card:
    """Decode a card and check its signature and keys.

    Raises `FormatError` if the bytes are no card, `SignatureError` if its identity did not sign it.
    """
    if len(data) != CARD_BYTES:
        raise FormatError(f"a card has {CARD_BYTES} bytes, not {len(data)}")
    version, name_bytes, padded_name, provider, identity, day = _HEAD.unpack_from(data)
    if version != CARD_VERSION:
        raise FormatError(f"unknown card version {version}")
    card = Card(
        name=_unpad_name(padded_name, name_bytes),
        provider=provider,
        identity=identity,
        sealing_key=data[_HEAD.size : -SIGNATURE_BYTES],
        made_at_s=day * DAY_S,
        signature=data[-SIGNATURE_BYTES:],
    )
    verify(identity, card.signature, CARD_DOMAIN, data[:-SIGNATURE_BYTES])
    decode_sealing_key(card.sealing_key)
    return card


def decode_sealing_key(data: bytes) -> MLKEM768X25519PublicKey:
    """Return the public key to seal to: 1184 bytes of ML-KEM-768, 32 of X25519.

    Raises `FormatError` for a wrong length, coefficients out of range (FIPS 203, 7.2) and X25519 points of low order.
    """
    if len(data) != SEALING_KEY_BYTES:
        raise FormatError(f"a sealing key has {SEALING_KEY_BYTES} bytes, not {len(data)}")
    try:
        mlkem = MLKEM768PublicKey.from_public_bytes(data[:MLKEM_PUBLIC_BYTES])
        x25519 = X25519PublicKey.from_public_bytes(data[MLKEM_PUBLIC_BYTES:])
        X25519PrivateKey.from_private_bytes(bytes(KEY_BYTES)).exchange(x25519)
    except ValueError as error:
        raise FormatError("a sealing key is not a valid public key") from error
    return MLKEM768X25519PublicKey(mlkem, x25519)


def fingerprint(identity: Identity) -> str:
    """Return what two people compare to be sure of an identity key: 32 hexadecimal digits in groups of four."""
    digits = hashlib.sha256(bytes([len(FINGERPRINT_DOMAIN)]) + FINGERPRINT_DOMAIN + identity).hexdigest()
    return "-".join(digits[start : start + 4] for start in range(0, 32, 4))


def split_address(address: str) -> tuple[str, str]:
    """Split `name@provider` into its two names; raise `FormatError` if it is no address."""
    name, at, provider = address.partition("@")
    if not at:
        raise FormatError("an address is name@provider")
    check_name(name)
    check_name(provider)
    return name, provider


def sealing_key_name(public: bytes) -> str:
    """Return a short name of a public sealing key, for logs."""
    return hashlib.sha256(public).hexdigest()[:16]


def _unpad_name(padded: bytes, length: int) -> str:
    if length > MAX_NAME_BYTES or any(padded[length:]):
        raise FormatError("the name of a card is not padded with zeros")
    try:
        name = padded[:length].decode("ascii")
    except UnicodeDecodeError as error:
        raise FormatError("the name of a card is not ASCII") from error
    check_name(name)
    return name
