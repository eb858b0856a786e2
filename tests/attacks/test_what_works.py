"""Attacks that work: what they gain, so that a remedy can be seen, and the page does not say less than there is."""

from __future__ import annotations

import random

from client.core.retry import round_trip_policy
from client.core.sealing import ENCAPSULATION_BYTES, HpkeSealer, message_info
from client.core.settings import ClientSettings
from loopixmix.cards import SealingKey
from loopixmix.params import NetworkParams

PRIME = 2**255 - 19
A = 486_662
POINT_BYTES = 32


def looks_like_a_point(data: bytes) -> bool:
    """Tell whether bytes are the u-coordinate of a point of Curve25519: half of all numbers are, below half of all."""
    u = int.from_bytes(data, "little")
    square = (u**3 + A * u**2 + u) % PRIME
    return u < PRIME and pow(square, (PRIME - 1) // 2, PRIME) in (0, 1)


def test_first_fragments_are_told_by_the_point_at_the_beginning_of_what_is_sealed() -> None:
    rng = random.Random(1)
    key = SealingKey.generate(rng)
    sealer, info = HpkeSealer(key), message_info(bytes(32))
    firsts = [sealer.seal(key.public, info, b"hello")[:ENCAPSULATION_BYTES][-POINT_BYTES:] for _ in range(60)]
    others = [rng.randbytes(POINT_BYTES) for _ in range(400)]
    assert all(map(looks_like_a_point, firsts))
    # By the point alone, a later fragment is taken for a first one in a quarter of cases.
    assert 0.15 < sum(map(looks_like_a_point, others)) / len(others) < 0.35


def test_a_provider_that_never_acknowledges_sees_one_fragment_a_hundred_times() -> None:
    settings = ClientSettings()
    rng = random.Random(2)
    policy = round_trip_policy(NetworkParams(), longest_s=settings.longest_retry_s)
    seen = []
    for _ in range(50):
        at_s, attempts = 0.0, 0
        while at_s < settings.give_up_s:
            attempts += 1
            at_s += policy.timeout_s(attempts, rng.random())
        seen.append(attempts)
    assert 80 < sum(seen) / len(seen) < 125
