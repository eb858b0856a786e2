from __future__ import annotations

import random
from dataclasses import replace
from itertools import combinations

import pytest

from loopixmix.errors import MisuseError
from loopixmix.group.group import Elements
from loopixmix.group.ristretto import ristretto255
from votes.ballot.ciphertexts import Ciphertexts, Pair, encrypt
from votes.record.transcript import Transcript, coefficients, column_digest
from votes.trustees.decryption import (
    DecryptionError,
    DecryptionStatement,
    PartialDecryption,
    check_partial,
    checked_partials,
    combine,
    decode_partial,
    decrypt_partially,
)
from votes.trustees.generation import Ceremony, JointKey, KeyShare, begin, finish, join_openings

GROUP = ristretto255()
ROWS, WIDTH = 5, 2


class Trust:
    """A key of three trustees, two of whom decrypt, and a list of ballots under it."""

    def __init__(self, rng: random.Random) -> None:
        ceremony = Ceremony(GROUP, b"d" * 32, trustees=3, threshold=2)
        parts = {number: begin(ceremony, number, rng) for number in ceremony.numbers}
        openings = {number: part.opening for number, part in parts.items()}
        self.key: JointKey = join_openings(ceremony, openings)
        self.shares: dict[int, KeyShare] = {
            number: finish(ceremony, number, openings, {k: part.share_for(number) for k, part in parts.items()})
            for number in parts
        }
        self.messages: list[Elements] = [
            GROUP.embed([rng.randbytes(GROUP.data_bytes) for _ in range(ROWS)]) for _ in range(WIDTH)
        ]
        randomness = [GROUP.random_scalars(rng, ROWS) for _ in range(WIDTH)]
        self.statement = DecryptionStatement(
            GROUP, b"f" * 32, 0, encrypt(GROUP, self.key.public_key, self.messages, randomness), self.key
        )
        self.rng = rng

    def decrypt(self, number: int) -> PartialDecryption:
        return decrypt_partially(self.statement, self.shares[number], self.rng)


@pytest.fixture
def trust(rng: random.Random) -> Trust:
    return Trust(rng)


def test_every_threshold_of_trustees_finds_the_same_messages(trust: Trust) -> None:
    partials = {number: trust.decrypt(number) for number in trust.shares}
    for numbers in combinations(partials, 2):
        found = combine(trust.statement, {number: partials[number] for number in numbers})
        assert list(found) == trust.messages
    assert list(combine(trust.statement, partials)) == trust.messages


def test_what_was_written_is_read_and_passes(trust: Trust) -> None:
    partial = trust.decrypt(2)
    again = decode_partial(trust.statement, 2, partial.encode())
    check_partial(trust.statement, again)
    assert again == partial


def test_too_few_trustees_decrypt_nothing(trust: Trust) -> None:
    with pytest.raises(MisuseError, match="1 of the 2 trustees"):
        combine(trust.statement, {1: trust.decrypt(1)})


def test_one_bad_trustee_is_named_and_stops_nobody(trust: Trust) -> None:
    good = {number: trust.decrypt(number).encode() for number in (1, 3)}
    bad = trust.decrypt(2).encode()
    other = GROUP.generator.encode()
    partials, errors = checked_partials(trust.statement, {**good, 2: other + bad[32:]})
    assert list(errors) == [2]
    assert "trustee 2: its share is not the decryption of this list" in str(errors[2])
    assert list(combine(trust.statement, partials)) == trust.messages


def test_two_wrong_rows_that_cancel_in_a_plain_sum_are_found(trust: Trust) -> None:
    partial = trust.decrypt(1)
    shift = GROUP.join([GROUP.generator, -GROUP.generator, *[GROUP.identity] * (ROWS - 2)])
    with pytest.raises(DecryptionError):
        check_partial(trust.statement, replace(partial, columns=(partial.columns[0] + shift, partial.columns[1])))


@pytest.mark.parametrize("covered", [True, False])
def test_shares_that_are_chosen_after_their_coefficients_are_refused(trust: Trust, covered: bool) -> None:
    """Pitfall 2: who knows the coefficients moves two rows so that their weighted sum stays the same.

    They are those of the right shares, and those that would come out if the challenge left the shares out.
    """
    partial, pairs = trust.decrypt(1), trust.statement.ciphertexts.pairs
    seed = Transcript(
        "decryption",
        *(trust.statement.fingerprint, GROUP.name, trust.statement.poll, 1, WIDTH, ROWS),
        *(column_digest(pair.a) for pair in pairs),
        *(column_digest(column) for column in partial.columns if covered),
        trust.key.public_share(1).encode(),
    ).seed()
    one, other = (coefficients(GROUP, seed, 2)[place : place + 1] for place in (0, 1))
    shift = GROUP.join([GROUP.generator.times(other), -GROUP.generator.times(one), *[GROUP.identity] * (ROWS - 2)])
    with pytest.raises(DecryptionError):
        check_partial(trust.statement, replace(partial, columns=(partial.columns[0] + shift, partial.columns[1])))


def test_columns_that_change_places_are_found(trust: Trust) -> None:
    partial = trust.decrypt(1)
    with pytest.raises(DecryptionError):
        check_partial(trust.statement, replace(partial, columns=partial.columns[::-1]))


def test_a_share_passes_for_its_own_statement_only(trust: Trust) -> None:
    partial = trust.decrypt(1)
    pairs = trust.statement.ciphertexts.pairs
    other_key = JointKey(GROUP, trust.key.commitments + GROUP.generator)
    for statement in (
        replace(trust.statement, fingerprint=b"g" * 32),
        replace(trust.statement, poll=1),
        replace(trust.statement, key=other_key),
        replace(trust.statement, ciphertexts=Ciphertexts((Pair(pairs[1].a, pairs[1].b), pairs[1]))),
    ):
        with pytest.raises(DecryptionError):
            check_partial(statement, partial)
    with pytest.raises(DecryptionError):
        check_partial(trust.statement, replace(partial, number=2))


@pytest.mark.parametrize("place", [0, -1])
def test_a_changed_proof_is_refused(trust: Trust, place: int) -> None:
    partial = trust.decrypt(1)
    commitments = GROUP.join([partial.commitments[0:1], partial.commitments[1:2] + GROUP.generator])
    changed = (
        replace(partial, reply=partial.reply + GROUP.scalars_of([1])),
        replace(partial, commitments=commitments),
    )[place]
    with pytest.raises(DecryptionError):
        check_partial(trust.statement, changed)


def test_sizes_come_from_the_list_and_not_from_the_share(trust: Trust) -> None:
    encoded = trust.decrypt(1).encode()
    for changed in (encoded + b"\0", encoded[32:], b""):
        with pytest.raises(DecryptionError, match="bytes instead of"):
            decode_partial(trust.statement, 1, changed)
    partial = trust.decrypt(1)
    with pytest.raises(DecryptionError, match="as many rows"):
        check_partial(trust.statement, replace(partial, columns=partial.columns[:1]))


def test_what_is_no_element_or_scalar_is_refused(trust: Trust) -> None:
    encoded = trust.decrypt(1).encode()
    for changed in (b"\xff" * 32 + encoded[32:], encoded[:-32] + b"\xff" * 32):
        with pytest.raises(DecryptionError, match=r"trustee 1: (element|scalar) 0"):
            decode_partial(trust.statement, 1, changed)


def test_a_share_of_another_key_is_a_mistake_that_is_told(trust: Trust) -> None:
    stranger = KeyShare(1, trust.shares[2].secret)
    with pytest.raises(MisuseError, match="not the share of trustee 1"):
        decrypt_partially(trust.statement, stranger, trust.rng)


def test_an_empty_list_is_decrypted_to_nothing(trust: Trust) -> None:
    empty = Ciphertexts(tuple(Pair(pair.a[0:0], pair.b[0:0]) for pair in trust.statement.ciphertexts.pairs))
    statement = replace(trust.statement, ciphertexts=empty)
    partials = {number: decrypt_partially(statement, trust.shares[number], trust.rng) for number in (1, 2)}
    for partial in partials.values():
        check_partial(statement, partial)
    assert [len(column) for column in combine(statement, partials)] == [0, 0]


def test_progress_counts_every_multiplication(trust: Trust) -> None:
    told: list[int] = []
    decrypt_partially(trust.statement, trust.shares[1], trust.rng, told.append)
    assert told == [ROWS, ROWS * WIDTH]
