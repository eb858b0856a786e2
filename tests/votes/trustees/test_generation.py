from __future__ import annotations

import hashlib
import random

import pytest

from loopixmix.errors import FormatError, MisuseError
from loopixmix.group.group import Scalars
from loopixmix.group.ristretto import ristretto255
from votes.trustees.generation import (
    Ceremony,
    KeyGenerationError,
    KeyOpening,
    KeyPart,
    begin,
    decode_opening,
    decode_share,
    finish,
    join_openings,
    share_fits,
)

GROUP = ristretto255()
CEREMONY = Ceremony(GROUP, b"d" * 32, trustees=3, threshold=2)


@pytest.fixture
def parts(rng: random.Random) -> dict[int, KeyPart]:
    return {number: begin(CEREMONY, number, rng) for number in CEREMONY.numbers}


def openings_of(parts: dict[int, KeyPart]) -> dict[int, KeyOpening]:
    return {
        number: decode_opening(CEREMONY, number, part.opening.encode(), part.opening.promise())
        for number, part in parts.items()
    }


def shares_for(parts: dict[int, KeyPart], recipient: int) -> dict[int, Scalars]:
    return {number: decode_share(CEREMONY, part.share_for(recipient).encode()) for number, part in parts.items()}


def test_each_trustee_ends_with_a_share_of_one_key(parts: dict[int, KeyPart]) -> None:
    openings = openings_of(parts)
    key = join_openings(CEREMONY, openings)
    for number in CEREMONY.numbers:
        share = finish(CEREMONY, number, openings, shares_for(parts, number))
        assert GROUP.generator.times(share.secret) == key.public_share(number)
    total = GROUP.join_scalars([part.polynomial.coefficients[0:1] for part in parts.values()]).sum()
    assert key.public_key == GROUP.generator.times(total)
    assert key.threshold == 2


def test_a_single_trustee_is_enough_if_there_is_but_one(rng: random.Random) -> None:
    alone = Ceremony(GROUP, b"d" * 32, trustees=1, threshold=1)
    part = begin(alone, 1, rng)
    share = finish(alone, 1, {1: part.opening}, {1: part.share_for(1)})
    assert GROUP.generator.times(share.secret) == join_openings(alone, {1: part.opening}).public_key


def test_an_opening_that_was_not_promised_is_refused(parts: dict[int, KeyPart], rng: random.Random) -> None:
    # The last to open could otherwise choose its part so that the key ends as it likes.
    rushed = begin(CEREMONY, 3, rng).opening
    with pytest.raises(KeyGenerationError, match="trustee 3: the opening is not the one that was promised"):
        decode_opening(CEREMONY, 3, rushed.encode(), parts[3].opening.promise())


def test_a_part_that_cancels_the_others_is_refused(parts: dict[int, KeyPart], rng: random.Random) -> None:
    own = begin(CEREMONY, 3, rng)
    rogue = own.opening.commitments - parts[1].opening.commitments - parts[2].opening.commitments
    opening = KeyOpening(rogue, own.opening.proof_commitment, own.opening.proof_reply)
    with pytest.raises(KeyGenerationError, match="does not prove"):
        decode_opening(CEREMONY, 3, opening.encode(), opening.promise())


@pytest.mark.parametrize(
    "other",
    [
        Ceremony(GROUP, b"e" * 32, trustees=3, threshold=2),
        Ceremony(GROUP, b"d" * 32, trustees=4, threshold=2),
    ],
)
def test_a_part_for_another_election_is_refused(other: Ceremony, parts: dict[int, KeyPart]) -> None:
    opening = parts[1].opening
    with pytest.raises(KeyGenerationError, match="does not prove"):
        decode_opening(other, 1, opening.encode(), opening.promise())


def test_a_part_of_another_trustee_is_refused(parts: dict[int, KeyPart]) -> None:
    opening = parts[1].opening
    with pytest.raises(KeyGenerationError, match="trustee 2: it does not prove"):
        decode_opening(CEREMONY, 2, opening.encode(), opening.promise())


def test_an_opening_of_another_length_is_refused(parts: dict[int, KeyPart]) -> None:
    for encoded in (parts[1].opening.encode() + b"\0", parts[1].opening.encode()[:-32], b""):
        opening = _promised(encoded)
        with pytest.raises(KeyGenerationError, match="bytes, which does not fit"):
            decode_opening(CEREMONY, 1, encoded, opening)


def test_an_opening_with_what_is_no_element_or_scalar_is_refused(parts: dict[int, KeyPart]) -> None:
    encoded = parts[1].opening.encode()
    for broken in (b"\xff" * 32 + encoded[32:], encoded[:-32] + b"\xff" * 32):
        with pytest.raises(KeyGenerationError, match=r"canonical|below the order"):
            decode_opening(CEREMONY, 1, broken, _promised(broken))


def test_a_wrong_share_names_its_author(parts: dict[int, KeyPart]) -> None:
    openings = openings_of(parts)
    shares = shares_for(parts, 1)
    shares[2] = shares[2] + GROUP.scalars_of([1])
    assert not share_fits(CEREMONY, openings[2], 1, shares[2])
    with pytest.raises(KeyGenerationError) as caught:
        finish(CEREMONY, 1, openings, shares)
    assert caught.value.number == 2


def test_a_share_for_another_trustee_does_not_fit(parts: dict[int, KeyPart]) -> None:
    assert not share_fits(CEREMONY, parts[2].opening, 1, parts[2].share_for(3))


def test_a_key_needs_every_part(parts: dict[int, KeyPart]) -> None:
    openings = openings_of(parts)
    del openings[2]
    with pytest.raises(MisuseError, match=r"openings of trustees \[1, 3\]"):
        join_openings(CEREMONY, openings)
    with pytest.raises(MisuseError, match="shares of trustees"):
        finish(CEREMONY, 1, openings, {1: parts[1].share_for(1)})


def test_a_key_that_encrypts_nothing_is_refused(rng: random.Random) -> None:
    alone = Ceremony(GROUP, b"d" * 32, trustees=1, threshold=1)
    part = begin(alone, 1, rng)
    empty = KeyOpening(GROUP.identity, part.opening.proof_commitment, part.opening.proof_reply)
    with pytest.raises(KeyGenerationError, match="encrypts nothing"):
        join_openings(alone, {1: empty})


@pytest.mark.parametrize("encoded", [b"", b"\0" * 31, b"\0" * 64, b"\xff" * 32])
def test_a_share_is_one_canonical_scalar(encoded: bytes) -> None:
    with pytest.raises(FormatError, match="share of a key"):
        decode_share(CEREMONY, encoded)


def test_absurd_ceremonies_are_refused(rng: random.Random) -> None:
    with pytest.raises(MisuseError, match="1 to 32 trustees, not 33"):
        Ceremony(GROUP, b"d" * 32, trustees=33, threshold=2)
    with pytest.raises(MisuseError, match="threshold is 1 to the number of trustees, 3, not 4"):
        Ceremony(GROUP, b"d" * 32, trustees=3, threshold=4)
    with pytest.raises(MisuseError, match="32 bytes, not 1"):
        Ceremony(GROUP, b"d", trustees=3, threshold=2)
    with pytest.raises(MisuseError, match="numbered 1 to 3"):
        begin(CEREMONY, 4, rng)


def test_secrets_are_in_no_representation(parts: dict[int, KeyPart]) -> None:
    share = finish(CEREMONY, 1, openings_of(parts), shares_for(parts, 1))
    assert "secret" not in repr(share)
    assert "polynomial" not in repr(parts[1])


def _promised(encoded: bytes) -> bytes:
    return hashlib.sha256(encoded).digest()
