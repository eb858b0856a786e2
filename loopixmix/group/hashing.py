"""Expanding messages to uniform bytes, for hashing to a group: RFC 9380, section 5.3.1, with SHA-512.

With the one-way map of RFC 9496 behind it, this is the suite `ristretto255_XMD:SHA-512_R255MAP_RO_` of RFC 9380,
appendix B.
"""

from __future__ import annotations

from hashlib import sha512

MOST_DOMAIN_BYTES = 255
NUMBER_BYTES = 8
UNIFORM_BYTES = 64
"""What the one-way map of RFC 9496 (section 4.3.4) takes."""
_DIGEST_BYTES = 64
_BLOCK_BYTES = 128
_MOST_DIGESTS = 255


def check_domain(domain: bytes) -> None:
    """Raise `ValueError` if a domain separation tag has no byte, or more than 255.

    RFC 9380 (section 5.3.3) hashes longer ones; nobody here needs them, and section 3.1 forbids empty ones.
    """
    if not 1 <= len(domain) <= MOST_DOMAIN_BYTES:
        raise ValueError(f"a domain separation tag has 1 to {MOST_DOMAIN_BYTES} bytes, not {len(domain)}")


def expand_message(domain: bytes, message: bytes, length: int) -> bytes:
    """Return `length` uniform bytes made from `message`: `expand_message_xmd` of RFC 9380.

    Raises `ValueError` if the domain separation tag is empty or too long, or if more than 255 digests were needed.
    """
    check_domain(domain)
    digests = -(-length // _DIGEST_BYTES)
    if not 1 <= digests <= _MOST_DIGESTS:
        raise ValueError(f"a message is expanded to 1 to {_MOST_DIGESTS * _DIGEST_BYTES} bytes, not {length}")
    suffix = domain + len(domain).to_bytes(1)
    first = sha512(bytes(_BLOCK_BYTES) + message + length.to_bytes(2) + bytes(1) + suffix).digest()
    digest, uniform = bytes(_DIGEST_BYTES), b""
    for counter in range(1, digests + 1):
        mixed = bytes(a ^ b for a, b in zip(first, digest, strict=True))
        digest = sha512(mixed + counter.to_bytes(1) + suffix).digest()
        uniform += digest
    return uniform[:length]


def check_numbers_fit(first: int, count: int) -> None:
    """Raise `ValueError` if one of `count` numbers from `first` on does not fit into 8 bytes."""
    if first < 0 or count < 0 or first + count > 1 << (8 * NUMBER_BYTES):
        raise ValueError(f"{count} numbers from {first} on do not fit into {NUMBER_BYTES} bytes")


def numbered_messages(seed: bytes, first: int, count: int) -> list[bytes]:
    """Return the messages of `Group.derive_elements`. Raises `ValueError` if a number does not fit into 8 bytes."""
    check_numbers_fit(first, count)
    return [seed + number.to_bytes(NUMBER_BYTES) for number in range(first, first + count)]
