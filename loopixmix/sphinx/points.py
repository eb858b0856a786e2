"""Which 32-byte strings are Curve25519 points that a packet may use."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from nacl.bindings import crypto_core_ed25519_is_valid_point

from loopixmix.errors import MisuseError
from loopixmix.sphinx.geometry import POINT_BYTES

_FIELD_PRIME = 2**255 - 19


def is_canonical(point: bytes) -> bool:
    """Tell whether `point` is the one encoding of its u-coordinate (RFC 7748 section 5 accepts others; we do not).

    Sphinx's MAC does not cover alpha: two encodings of one point would be two packets with one replay tag.
    """
    return len(point) == POINT_BYTES and (point[31] < 0x7F or int.from_bytes(point, "little") < _FIELD_PRIME)


# Remembered: the same few mix keys come with every packet that a client makes.
@lru_cache(maxsize=4096)
def _is_in_prime_order_subgroup(point: bytes) -> bool:
    """Map u to the Edwards form, y = (u - 1)/(u + 1) (RFC 7748 section 4.1), and let libsodium check y.

    It refuses what is not on the curve, of low order, or has a low-order component. Public keys only: the time taken
    depends on the point.
    """
    if not is_canonical(point):
        return False
    u = int.from_bytes(point, "little")
    if u == _FIELD_PRIME - 1:  # no y; on the twist
        return False
    y = (u - 1) * pow(u + 1, -1, _FIELD_PRIME) % _FIELD_PRIME
    return bool(crypto_core_ed25519_is_valid_point(y.to_bytes(POINT_BYTES, "little")))


def check_public_keys(public_keys: Iterable[bytes]) -> None:
    """Raise `MisuseError` unless all of `public_keys` can be mix keys: canonical and of prime order.

    On such keys, and only there, laddering once per blinding factor (sphinxmix) and multiplying by the product of
    the factors modulo the group order (native arithmetic) give the same point.
    """
    if not all(map(_is_in_prime_order_subgroup, public_keys)):
        raise MisuseError("a mix key on the path is not a valid X25519 public key")
