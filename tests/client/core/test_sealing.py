from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.core.sealing import (
    ENCAPSULATION_BYTES,
    SEALING_OVERHEAD_BYTES,
    HpkeSealer,
    NotForUsError,
    PlainSealer,
    Sealer,
    message_info,
)
from loopixmix.cards import SEALING_KEY_BYTES, SealingKey
from loopixmix.errors import FormatError, MisuseError

RNG = random.Random(3)
ALICE = HpkeSealer(SealingKey.generate(RNG))
BOB = HpkeSealer(SealingKey.generate(RNG))
PLAIN_ALICE = PlainSealer(RNG.randbytes(SEALING_KEY_BYTES), rng=RNG)
PLAIN_BOB = PlainSealer(RNG.randbytes(SEALING_KEY_BYTES), rng=RNG)
INFO = message_info(b"b" * 32)

both = pytest.mark.parametrize(("alice", "bob"), [(ALICE, BOB), (PLAIN_ALICE, PLAIN_BOB)], ids=["hpke", "plain"])


@given(plaintext=st.binary(max_size=2000))
def test_what_is_sealed_is_opened(plaintext: bytes) -> None:
    for alice, bob in ((ALICE, BOB), (PLAIN_ALICE, PLAIN_BOB)):
        sealed = alice.seal(bob.public, INFO, plaintext)
        assert len(sealed) == len(plaintext) + SEALING_OVERHEAD_BYTES
        assert bob.open(INFO, sealed) == plaintext


@both
def test_only_the_recipient_opens_it(alice: Sealer, bob: Sealer) -> None:
    with pytest.raises(NotForUsError):
        alice.open(INFO, alice.seal(bob.public, INFO, b"for bob"))


@both
def test_it_is_bound_to_whom_it_is_for(alice: Sealer, bob: Sealer) -> None:
    with pytest.raises(NotForUsError):
        bob.open(message_info(b"c" * 32), alice.seal(bob.public, INFO, b"for bob"))


@both
@pytest.mark.parametrize("position", [0, 20, ENCAPSULATION_BYTES - 40, ENCAPSULATION_BYTES + 1, -1])
def test_a_changed_byte_is_noticed(alice: Sealer, bob: Sealer, position: int) -> None:
    sealed = bytearray(alice.seal(bob.public, INFO, b"for bob"))
    sealed[position] ^= 1
    with pytest.raises(NotForUsError):
        bob.open(INFO, bytes(sealed))


@both
@pytest.mark.parametrize("length", [0, 16, ENCAPSULATION_BYTES, SEALING_OVERHEAD_BYTES - 1])
def test_too_short_is_not_for_us(alice: Sealer, bob: Sealer, length: int) -> None:
    with pytest.raises(NotForUsError):
        bob.open(INFO, alice.seal(bob.public, INFO, b"for bob")[:length])


def test_sealing_twice_gives_nothing_in_common() -> None:
    first, second = (ALICE.seal(BOB.public, INFO, bytes(100)) for _ in range(2))
    assert first[:16] != second[:16]
    assert first[-32:] != second[-32:]


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(FormatError):
        ALICE.seal(bytes(SEALING_KEY_BYTES), INFO, b"x")
    with pytest.raises(MisuseError):
        PlainSealer(b"short", rng=RNG)


def test_a_plain_sealer_repeats_with_its_seed() -> None:
    first, second = (PlainSealer(PLAIN_BOB.public, rng=random.Random(1)).seal(ALICE.public, INFO, b"x") for _ in "ab")
    assert first == second
