"""Which public keys a sender wraps for: X25519 keys of prime order, in their one encoding."""

from __future__ import annotations

import random

import pytest
from nacl.bindings import crypto_scalarmult

from loopixmix.errors import MisuseError
from loopixmix.keys import MixKey
from loopixmix.sphinx.points import check_public_keys, is_canonical
from tests.worlds.packets.sphinx_paths import (
    FIELD_PRIME,
    LOW_ORDER_POINTS,
    LOW_ORDER_U,
    TWIST_POINT,
    encode_u,
    every_encoding,
)

BASE_POINT = 9


def test_every_generated_key_is_accepted(rng: random.Random) -> None:
    check_public_keys([encode_u(BASE_POINT)])
    for _ in range(50):
        check_public_keys([MixKey.generate(rng).public])


def test_the_low_order_list_is_complete_and_right(rng: random.Random) -> None:
    """Five points on the curve or its twist, two of them below 19 and so with an unreduced encoding, each with and
    without the top bit; X25519 of each is zero."""
    assert len(set(LOW_ORDER_POINTS)) == 14
    for point in LOW_ORDER_POINTS:
        with pytest.raises(RuntimeError):  # PyNaCl, for an all-zero result
            crypto_scalarmult(rng.randbytes(32), point)


@pytest.mark.parametrize("point", LOW_ORDER_POINTS, ids=bytes.hex)
def test_low_order_keys_are_refused(point: bytes) -> None:
    with pytest.raises(MisuseError):
        check_public_keys([point])


def test_twist_keys_are_refused(rng: random.Random) -> None:
    """Half of all field elements are on the twist: Euler's criterion finds them."""
    refused = 0
    for _ in range(50):
        u = rng.randrange(2, FIELD_PRIME - 1)
        right_side = (u**3 + 486662 * u**2 + u) % FIELD_PRIME
        if pow(right_side, (FIELD_PRIME - 1) // 2, FIELD_PRIME) != 1:
            with pytest.raises(MisuseError):
                check_public_keys([encode_u(u)])
            refused += 1
    assert refused > 10
    with pytest.raises(MisuseError):
        check_public_keys([TWIST_POINT])


def test_a_key_with_a_low_order_part_is_refused(rng: random.Random) -> None:
    """On the curve there are eight times as many points as in the subgroup that keys come from."""
    accepted, on_curve = 0, 0
    while on_curve < 80:
        u = rng.randrange(2, FIELD_PRIME - 1)
        if pow((u**3 + 486662 * u**2 + u) % FIELD_PRIME, (FIELD_PRIME - 1) // 2, FIELD_PRIME) != 1:
            continue
        on_curve += 1
        try:
            check_public_keys([encode_u(u)])
        except MisuseError:
            continue
        accepted += 1
    assert 1 <= accepted <= 30


def test_only_the_reduced_encoding_is_canonical() -> None:
    for u in (*LOW_ORDER_U, BASE_POINT, 18, 2**200):
        canonical, *others = every_encoding(u)
        assert is_canonical(canonical)
        assert not any(is_canonical(other) for other in others)
    assert is_canonical(encode_u(FIELD_PRIME - 1))
    assert not is_canonical(encode_u(FIELD_PRIME))
    assert not is_canonical(encode_u(2**255 - 1))


@pytest.mark.parametrize("point", every_encoding(BASE_POINT)[1:], ids=bytes.hex)
def test_a_good_key_in_another_encoding_is_refused(point: bytes) -> None:
    with pytest.raises(MisuseError):
        check_public_keys([point])


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_length_is_refused(size: int) -> None:
    assert not is_canonical(bytes([9]) * size)
    with pytest.raises(MisuseError):
        check_public_keys([bytes([9]) * size])
