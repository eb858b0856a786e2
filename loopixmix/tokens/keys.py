"""The public keys under which tokens count: each for one purpose and one period.

A public key is written as RFC 9578, section 8.2.2, writes it: a SubjectPublicKeyInfo whose algorithm is RSASSA-PSS with
SHA-384, MGF1 of the same and a salt of 48 bytes (RFC 4055, section 3.1), in DER. So a key says itself for which variant
of RFC 9474 it is, and other programs can read it; the plain form, with rsaEncryption, would fit any use of RSA.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
from collections.abc import Iterator, Sequence

import msgspec

from loopixmix.errors import FormatError, MisuseError

PUBLIC_EXPONENT = 65_537
MODULUS_BITS = (2048, 3072, 4096)
KEY_ID_BYTES = 32
MAX_PURPOSE_BYTES = 32
MAX_KEYS_OF_SET = 64
MAX_TIME_S = 2**40
MAX_ENCODED_BYTES = 650
"""The length of a token key of 4096 bits with the longest purpose; most have 2048 bits and 390 bytes."""
KEY_VERSION = 1
SET_VERSION = 1

_PURPOSE = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
# The AlgorithmIdentifier: id-RSASSA-PSS, hash [0] SHA-384, mask generation [1] MGF1 with SHA-384, salt length [2] 48.
_ALGORITHM = bytes.fromhex(
    "303d06092a864886f70d01010a3030"
    "a00d300b0609608648016503040202"
    "a11a301806092a864886f70d010108300b0609608648016503040202"
    "a203020130"
)
_SEQUENCE, _INTEGER, _BIT_STRING = 0x30, 0x02, 0x03


class TokenKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key under which tokens for one purpose count during one period.

    `purpose`: 1 to 32 of `a-z 0-9 -`, not `-` first. `begins_s`, `ends_s`: the period in Unix seconds, the end not in
    it. `public`: the key in DER. Raises `MisuseError` if one of them is not so.
    """

    purpose: str
    begins_s: int
    ends_s: int
    public: bytes

    def __post_init__(self) -> None:
        check_purpose(self.purpose)
        if not 0 <= self.begins_s < self.ends_s <= MAX_TIME_S:
            raise MisuseError(f"a period has a begin before its end, not {self.begins_s} to {self.ends_s}")
        try:
            decode_public(self.public)
        except FormatError as error:
            raise MisuseError(str(error)) from error

    @property
    def key_id(self) -> bytes:
        """SHA-256 of the key in DER, 32 bytes (RFC 9578, section 6.5)."""
        return hashlib.sha256(self.public).digest()

    @property
    def modulus(self) -> int:
        """The modulus."""
        return decode_public(self.public)

    @property
    def modulus_bytes(self) -> int:
        """The length of the modulus, of a blinded message and of a signature."""
        return (self.modulus.bit_length() + 7) // 8

    def holds_at(self, now_s: float) -> bool:
        """Tell whether tokens of this key may be spent at `now_s`, in Unix seconds."""
        return self.begins_s <= now_s < self.ends_s


def check_purpose(purpose: str) -> None:
    """Raise `MisuseError` if `purpose` is none: 1 to 32 of `a-z 0-9 -`, not `-` first."""
    if not _PURPOSE.fullmatch(purpose):
        raise MisuseError(f"a purpose has 1 to {MAX_PURPOSE_BYTES} characters of a-z 0-9 -, not {purpose!r}")


def encode_public(modulus: int) -> bytes:
    """Return the DER of the key with this modulus and the exponent 65537; raise `MisuseError` for a wrong size."""
    if modulus.bit_length() not in MODULUS_BITS or modulus % 2 == 0:
        raise MisuseError(f"a modulus is odd and has 2048, 3072 or 4096 bits, not {modulus.bit_length()}")
    key = _der(_SEQUENCE, _integer(modulus) + _integer(PUBLIC_EXPONENT))
    return _der(_SEQUENCE, _ALGORITHM + _der(_BIT_STRING, b"\0" + key))


@functools.lru_cache(maxsize=4096)
def decode_public(public: bytes) -> int:
    """Return the modulus of a public key in DER; raise `FormatError` if it is not the one encoding of a good key."""
    for bits in MODULUS_BITS:
        # Every key of one size is the same but for the modulus. So that is cut out, and what `encode_public` would make
        # of it compared: nothing is left for which a parser could be too lenient.
        template = encode_public((1 << bits) - 1)
        begin = template.index(b"\0" + b"\xff" * (bits // 8)) + 1
        modulus = int.from_bytes(public[begin : begin + bits // 8])
        if modulus.bit_length() == bits and modulus % 2 and encode_public(modulus) == public:
            return modulus
    raise FormatError("this is no RSASSA-PSS key of 2048, 3072 or 4096 bits with exponent 65537, SHA-384 and salt 48")


def encode_token_key(key: TokenKey) -> bytes:
    """Encode a token key: version, purpose, period, key."""
    purpose = key.purpose.encode()
    period = key.begins_s.to_bytes(8) + key.ends_s.to_bytes(8)
    return bytes([KEY_VERSION, len(purpose)]) + purpose + period + len(key.public).to_bytes(2) + key.public


@functools.lru_cache(maxsize=4096)
def decode_token_key(data: bytes) -> TokenKey:
    """Decode a token key; raise `FormatError` if it is none."""
    key, rest = _split_key(data)
    if rest:
        raise FormatError("bytes follow a token key")
    return key


def encode_key_set(keys: Sequence[TokenKey]) -> bytes:
    """Encode a set of keys; raise `MisuseError` if it breaks a rule of `key_faults`, or has too many."""
    for fault in key_faults(keys):
        raise MisuseError(f"key set: {fault}")
    if len(keys) > MAX_KEYS_OF_SET:
        raise MisuseError(f"a key set has at most {MAX_KEYS_OF_SET} keys, not {len(keys)}")
    return bytes([SET_VERSION, len(keys)]) + b"".join(encode_token_key(key) for key in keys)


def decode_key_set(data: bytes) -> tuple[TokenKey, ...]:
    """Decode a set of keys; raise `FormatError` if it is none."""
    if len(data) < 2 or data[0] != SET_VERSION or data[1] > MAX_KEYS_OF_SET:
        raise FormatError(f"a key set begins with its version {SET_VERSION} and the number of its keys, at most 64")
    keys, rest = [], data[2:]
    for _ in range(data[1]):
        key, rest = _split_key(rest)
        keys.append(key)
    if rest:
        raise FormatError("bytes follow the last key of a set")
    for fault in key_faults(keys):
        raise FormatError(f"key set: {fault}")
    return tuple(keys)


def key_faults(keys: Sequence[TokenKey]) -> Iterator[str]:
    """Yield what is wrong with the token keys of one issuer.

    They ascend by purpose and period, and the periods of one purpose do not overlap: at any time there is one key for a
    purpose. An issuer with a choice of keys could give each person another, and know people by them.
    """
    for before, after in itertools.pairwise(keys):
        if (before.purpose, before.begins_s) >= (after.purpose, after.begins_s):
            yield "the token keys are not in ascending order of purpose and period"
        elif before.purpose == after.purpose and before.ends_s > after.begins_s:
            yield f"two periods of token keys for {after.purpose} overlap"
    if len({key.public for key in keys}) != len(keys):
        yield "one token key is used for several purposes or periods"


def _split_key(data: bytes) -> tuple[TokenKey, bytes]:
    if len(data) < 2 or data[0] != KEY_VERSION:
        raise FormatError(f"a token key begins with its version {KEY_VERSION}")
    place = 2 + data[1]
    length = int.from_bytes(data[place + 16 : place + 18])
    end = place + 18 + length
    if len(data) < end:
        raise FormatError("a token key is shorter than its lengths say")
    try:
        key = TokenKey(
            purpose=data[2:place].decode("ascii"),
            begins_s=int.from_bytes(data[place : place + 8]),
            ends_s=int.from_bytes(data[place + 8 : place + 16]),
            public=data[place + 18 : end],
        )
    except (UnicodeDecodeError, MisuseError) as error:
        raise FormatError(f"token key: {error}") from error
    return key, data[end:]


def _der(tag: int, content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def _integer(value: int) -> bytes:
    return _der(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1))
