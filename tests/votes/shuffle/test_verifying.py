"""Whatever is changed in a shuffle or around it, its proof no longer holds."""

from __future__ import annotations

import functools
from dataclasses import fields, replace

import pytest

from loopixmix.group.group import Elements
from loopixmix.group.ristretto import engine_names, ristretto255
from tests.worlds.shuffles import (
    FINGERPRINT,
    DishonestDraws,
    ShuffledList,
    a_dishonest_shuffle,
    a_shuffle,
    changed,
)
from votes.shuffle.chunks import chunks
from votes.shuffle.draws import Draws
from votes.shuffle.generators import DerivedGenerators
from votes.shuffle.preparation import ChunkPreparing, PreparedRows
from votes.shuffle.proof import ProofParts, proof_bytes, split_proof
from votes.shuffle.proving import NoParts, Prover
from votes.shuffle.statement import ShuffleError
from votes.shuffle.verifying import verify_shuffle

SIZE = 6
ELEMENT_PARTS = ("commitments", "chain", "chain_masks", "masks")
SCALAR_PARTS = ("chain_replies", "order_replies", "replies")
ROWS = 3  # where in a column something is changed


@functools.cache
def shuffled(width: int = 1, size: int = SIZE) -> ShuffledList:
    return a_shuffle(size, width)


def with_changed_part(mixed: ShuffledList, name: str, place: int, *, to: bytes | None = None) -> bytes:
    """Return the proof with one element or scalar replaced by another, or by the bytes `to`."""
    proof = bytearray(mixed.shuffled.proof)
    part: memoryview = getattr(split_proof(mixed.statement, proof), name)
    entry = part[32 * place : 32 * place + 32]
    entry[:] = to or another(mixed, name, bytes(entry))
    return bytes(proof)


def another(mixed: ShuffledList, name: str, entry: bytes) -> bytes:
    group = mixed.group
    if name in SCALAR_PARTS:
        return (group.scalars(entry) + group.scalars_of([1])).encode()
    return (group.elements(entry) + group.generator).encode()


def places() -> list[tuple[str, int, int]]:
    """Return part, place and width for each entry of the sums, and one of each column."""
    columns = [(name, ROWS) for name in ("commitments", "chain", "chain_masks", "chain_replies", "order_replies")]
    return [
        (name, place, width)
        for width in (1, 3)
        for name, place in (
            *columns,
            *(("masks", place) for place in range(3 + 2 * width)),
            *(("replies", place) for place in range(3 + width)),
        )
    ]


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("engine", engine_names())
def test_an_honest_shuffle_is_accepted_and_keeps_all_contents(engine: str, width: int) -> None:
    mixed = a_shuffle(10, width, group=ristretto255(engine))
    mixed.verify()
    before, after = mixed.contents(mixed.before), mixed.contents(mixed.shuffled.output)
    assert sorted(before) == sorted(after)
    assert before != after


@pytest.mark.parametrize("chunk_rows", [1, 2, 5, 6, 7])
def test_the_verdict_does_not_depend_on_the_size_of_chunks(chunk_rows: int) -> None:
    shuffled().verify(chunk_rows=chunk_rows)
    with pytest.raises(ShuffleError, match=r"wrong equations: 2 for row 3$"):
        shuffled().verify(proof=with_changed_part(shuffled(), "chain_replies", 3), chunk_rows=chunk_rows)


@pytest.mark.parametrize(("name", "place", "width"), places())
def test_no_entry_of_the_proof_can_be_changed(name: str, place: int, width: int) -> None:
    mixed = shuffled(width)
    with pytest.raises(ShuffleError, match="wrong equations"):
        mixed.verify(proof=with_changed_part(mixed, name, place))


def test_each_part_of_the_proof_is_tried() -> None:
    assert {field.name for field in fields(ProofParts)} == {*ELEMENT_PARTS, *SCALAR_PARTS}
    assert {name for name, _, _ in places()} == {*ELEMENT_PARTS, *SCALAR_PARTS}


@pytest.mark.parametrize("row", range(2 * 3 * SIZE))
def test_no_element_of_the_output_can_be_changed(row: int) -> None:
    mixed = shuffled(3)
    output = bytearray(mixed.shuffled.output)
    output[32 * row : 32 * row + 32] = another(mixed, "output", bytes(output[32 * row : 32 * row + 32]))
    with pytest.raises(ShuffleError, match="wrong equations"):
        mixed.verify(after=bytes(output))


@pytest.mark.parametrize("column", range(2 * 3))
def test_no_element_of_the_input_can_be_changed(column: int) -> None:
    mixed = shuffled(3)
    group, before = mixed.group, mixed.group.elements(mixed.before)
    other = changed(before, column * SIZE + 2, group.generator).encode()
    with pytest.raises(ShuffleError, match="wrong equations"):
        verify_shuffle(mixed.statement, other, mixed.shuffled.output, mixed.shuffled.proof, mixed.generators)


def test_a_proof_holds_for_its_election_poll_mixer_and_key_only() -> None:
    mixed = shuffled()
    statement = mixed.statement
    for other in (
        replace(statement, fingerprint=bytes(32)),
        replace(statement, poll=0),
        replace(statement, mixer=3),
        replace(statement, poll=statement.mixer, mixer=statement.poll),
        replace(statement, public_key=statement.public_key + mixed.group.generator),
    ):
        with pytest.raises(ShuffleError, match="wrong equations"):
            verify_shuffle(other, mixed.before, mixed.shuffled.output, mixed.shuffled.proof, mixed.generators)


def test_generators_are_those_that_the_verifier_derives_and_not_the_mixers_own() -> None:
    mixed = shuffled()
    chosen = ChosenGenerators(mixed)
    draws = Draws(mixed.group, bytes(32), 1)
    preparing = ChunkPreparing(mixed.statement.public_key, chosen, draws, chunks(SIZE))
    prover = Prover(mixed.statement, draws, preparing, chunk_rows=SIZE, parts=NoParts(), progress=NoProgressNeeded())
    made = prover.prove(mixed.before)
    verify_shuffle(mixed.statement, mixed.before, made.output, made.proof, chosen)
    with pytest.raises(ShuffleError, match="wrong equations"):
        mixed.verify(after=bytes(made.output), proof=bytes(made.proof))


class NoProgressNeeded:
    """Progress of a prover in a test."""

    def step(self, text: str, total: int) -> None: ...

    def done(self, parts: int) -> None: ...


class ChosenGenerators:
    """Generators with known logarithms."""

    def __init__(self, mixed: ShuffledList) -> None:
        group = mixed.group
        self._elements = group.generator.times(group.scalars_of(range(1, SIZE + 1)))

    def __len__(self) -> int:
        return SIZE

    def elements(self, first: int, count: int) -> Elements:
        return self._elements[first : first + count]

    def encodings(self, first: int, count: int) -> bytes:
        return self.elements(first, count).encode()


def test_generators_differ_from_election_to_election() -> None:
    mixed = shuffled()
    others = DerivedGenerators(mixed.group, FINGERPRINT[::-1], SIZE)
    with pytest.raises(ShuffleError, match="wrong equations"):
        verify_shuffle(mixed.statement, mixed.before, mixed.shuffled.output, mixed.shuffled.proof, others)


@pytest.mark.parametrize(
    ("name", "place", "wrong"),
    [
        ("chain_replies", 3, "2 for row 3"),
        ("order_replies", 3, "2 for row 3, 1, 5 for A_1 and more"),
        ("replies", 0, "1"),
        ("replies", 1, "3"),
        ("replies", 2, "4"),
        ("replies", 3, "5 for A_1, 5 for B_1"),
        ("replies", 4, "5 for A_2, 5 for B_2"),
    ],
)
def test_the_wrong_equations_are_named(name: str, place: int, wrong: str) -> None:
    mixed = shuffled(2)
    with pytest.raises(ShuffleError) as caught:
        mixed.verify(proof=with_changed_part(mixed, name, place))
    assert str(caught.value) == f"wrong equations: {wrong}"


def test_only_the_first_few_wrong_equations_are_named() -> None:
    mixed = shuffled(1, 20)
    with pytest.raises(ShuffleError) as caught:
        mixed.verify(proof=with_changed_part(mixed, "chain", 0))
    assert str(caught.value) == "wrong equations: 2 for row 0, 2 for row 1, 2 for row 2 and more"


def test_errors_that_cancel_each_other_in_a_plain_sum_are_found() -> None:
    mixed = shuffled()
    proof = bytearray(mixed.shuffled.proof)
    part = split_proof(mixed.statement, proof).chain_replies
    one = mixed.group.scalars_of([1])
    part[:32] = (mixed.group.scalars(part[:32]) + one).encode()
    part[32:64] = (mixed.group.scalars(part[32:64]) - one).encode()
    with pytest.raises(ShuffleError, match=r"2 for row 0, 2 for row 1$"):
        mixed.verify(proof=bytes(proof))


def test_a_mixer_that_takes_one_row_twice_and_drops_another_is_found() -> None:
    mixed = a_dishonest_shuffle(SIZE, 1, draws=DishonestDraws)
    assert len(set(mixed.contents(mixed.shuffled.output))) == SIZE - 1
    with pytest.raises(ShuffleError, match=r"wrong equations: 1, 3, 4 and more$"):
        mixed.verify()


def changing_a_vote(prepared: PreparedRows) -> PreparedRows:
    return replace(prepared, by_key=(changed(prepared.by_key[0], 2, ristretto255().generator),))


def test_a_mixer_that_changes_a_vote_is_found() -> None:
    mixed = a_dishonest_shuffle(SIZE, 1, change=changing_a_vote)
    assert len({*mixed.contents(mixed.before)} & {*mixed.contents(mixed.shuffled.output)}) == SIZE - 1
    with pytest.raises(ShuffleError, match=r"wrong equations: 5 for B_1$"):
        mixed.verify()


def test_a_mixer_that_swaps_a_part_of_two_rows_is_found() -> None:
    def swapping(prepared: PreparedRows) -> PreparedRows:
        """Add what makes the second ciphertext of output row 0 that of row 1, and the other way round."""
        group = ristretto255()
        order = Draws(group, bytes(range(32)), 2).permutation(SIZE)
        honest = a_dishonest_shuffle(SIZE, 2).before
        columns = [group.elements(honest[32 * SIZE * place : 32 * SIZE * (place + 1)]) for place in (2, 3)]
        a, b = (column.take(order)[1:2] - column.take(order)[:1] for column in columns)
        by_generator = changed(changed(prepared.by_generator[1], 0, a), 1, -a)
        by_key = changed(changed(prepared.by_key[1], 0, b), 1, -b)
        return replace(
            prepared,
            by_generator=(prepared.by_generator[0], by_generator),
            by_key=(prepared.by_key[0], by_key),
        )

    mixed = a_dishonest_shuffle(SIZE, 2, change=swapping)
    before, after = mixed.contents(mixed.before), mixed.contents(mixed.shuffled.output)
    for column in (0, 1):
        assert sorted(row[column] for row in before) == sorted(row[column] for row in after)
    assert sorted(before) != sorted(after)
    with pytest.raises(ShuffleError, match=r"wrong equations: 5 for A_2, 5 for B_2$"):
        mixed.verify()


@pytest.mark.parametrize("rows", [-1, 1])
def test_an_output_one_row_shorter_or_longer_is_refused(rows: int) -> None:
    mixed = shuffled()
    after = bytes(mixed.shuffled.output)
    other = after[:-64] if rows < 0 else after + after[:64]
    with pytest.raises(ShuffleError, match=f"the output has {len(other)} bytes, not {len(after)}"):
        mixed.verify(after=other)
    # Nor does it help if input or size are said to be other ones.
    statement = replace(mixed.statement, size=SIZE + rows)
    with pytest.raises(ShuffleError, match="the input has"):
        verify_shuffle(statement, mixed.before, other, mixed.shuffled.proof, mixed.generators)


@pytest.mark.parametrize("cut", [b"x", b"xy", b"x" * 32])
def test_a_proof_of_another_length_is_refused(cut: bytes) -> None:
    mixed = shuffled()
    proof = bytes(mixed.shuffled.proof)
    for other in (proof + cut, proof[: -len(cut)], b""):
        with pytest.raises(ShuffleError, match=f"has {len(proof)} bytes, not {len(other)}"):
            mixed.verify(proof=other)


@pytest.mark.parametrize(("place", "value"), [(0, 2), (0, 0), (1, 1), (4, SIZE - 1), (4, SIZE + 1), (6, 0), (6, 2)])
def test_a_header_that_lies_about_version_rows_or_width_is_refused(place: int, value: int) -> None:
    mixed = shuffled()
    proof = bytearray(mixed.shuffled.proof)
    proof[place] = value
    with pytest.raises(ShuffleError, match="but the proof says"):
        mixed.verify(proof=bytes(proof))


@pytest.mark.parametrize("name", ELEMENT_PARTS)
def test_encodings_that_are_not_canonical_are_refused(name: str) -> None:
    mixed = shuffled()
    # The prime 2^255 - 19 itself: another spelling of 0. And a negative number, which no encoding is.
    for encoding in ((2**255 - 19).to_bytes(32, "little"), b"\x01" + bytes(31), b"\xff" * 32):
        with pytest.raises(ShuffleError, match="number 1 is no canonical encoding"):
            mixed.verify(proof=with_changed_part(mixed, name, 1, to=encoding))


@pytest.mark.parametrize("name", SCALAR_PARTS)
def test_scalars_that_are_not_canonical_are_refused(name: str) -> None:
    mixed = shuffled()
    scalar = bytes(getattr(split_proof(mixed.statement, mixed.shuffled.proof), name)[32:64])
    spelled_otherwise = (int.from_bytes(scalar, "little") + mixed.group.order).to_bytes(32, "little")
    with pytest.raises(ShuffleError, match="number 1 is no canonical encoding"):
        mixed.verify(proof=with_changed_part(mixed, name, 1, to=spelled_otherwise))


@pytest.mark.parametrize("which", ["input", "output"])
def test_a_list_with_what_is_no_element_is_refused(which: str) -> None:
    mixed = shuffled()
    before, after = bytearray(mixed.before), bytearray(mixed.shuffled.output)
    {"input": before, "output": after}[which][5 * 32 : 6 * 32] = b"\xff" * 32
    for rows in (2, SIZE):
        with pytest.raises(ShuffleError, match=f"the {which}: number 5 is no canonical encoding"):
            verify_shuffle(mixed.statement, before, after, mixed.shuffled.proof, mixed.generators, chunk_rows=rows)


@pytest.mark.parametrize("name", ELEMENT_PARTS)
def test_the_neutral_element_stands_for_nothing(name: str) -> None:
    mixed = shuffled()
    for place in (0, ROWS):
        with pytest.raises(ShuffleError, match="wrong equations"):
            mixed.verify(proof=with_changed_part(mixed, name, place, to=mixed.group.identity.encode()))


@pytest.mark.parametrize("of", ["elements", "scalars"])
def test_a_proof_of_zeros_is_refused(of: str) -> None:
    mixed = shuffled()
    proof = bytearray(mixed.shuffled.proof)
    parts = split_proof(mixed.statement, proof)
    for name in ELEMENT_PARTS if of == "elements" else SCALAR_PARTS:
        part: memoryview = getattr(parts, name)
        part[:] = bytes(len(part))
    with pytest.raises(ShuffleError, match="wrong equations"):
        mixed.verify(proof=bytes(proof))


def test_no_rows_have_no_output_and_no_proof() -> None:
    mixed = a_shuffle(0, 2)
    assert (mixed.shuffled.output, mixed.shuffled.proof) == (b"", b"")
    mixed.verify()
    with pytest.raises(ShuffleError, match="nothing is proved of no rows"):
        mixed.verify(proof=bytes(7))
    with pytest.raises(ShuffleError, match="the output has 128 bytes, not 0"):
        mixed.verify(after=bytes(128))


def test_one_row_is_proved_like_any_other() -> None:
    mixed = a_shuffle(1, 1)
    mixed.verify()
    assert mixed.before != mixed.shuffled.output
    with pytest.raises(ShuffleError, match="wrong equations"):
        mixed.verify(after=mixed.before)


@pytest.mark.parametrize(("size", "width", "more"), [(10, 1, 295), (1, 1, 295), (7, 3, 487)])
def test_a_ballot_of_width_1_costs_224_bytes_with_its_output(size: int, width: int, more: int) -> None:
    output = 2 * 32 * width * size
    assert proof_bytes(ristretto255(), size, width) + output == (160 + 64 * width) * size + more


def test_a_list_that_was_not_shuffled_but_copied_has_no_proof() -> None:
    mixed = shuffled()
    with pytest.raises(ShuffleError, match="wrong equations"):
        mixed.verify(after=mixed.before)


def test_a_proof_for_one_list_is_none_for_the_same_list_in_another_order() -> None:
    mixed = shuffled()
    group = mixed.group
    columns = [group.elements(mixed.before[:192]), group.elements(mixed.before[192:])]
    turned = b"".join(column.take([1, 0, 2, 3, 4, 5]).encode() for column in columns)
    with pytest.raises(ShuffleError, match="wrong equations"):
        verify_shuffle(mixed.statement, turned, mixed.shuffled.output, mixed.shuffled.proof, mixed.generators)
