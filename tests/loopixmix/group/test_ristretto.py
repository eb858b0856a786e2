"""Ristretto255, by each of its engines: known answers, and what the interface promises."""

from __future__ import annotations

import json
import random
import sys
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loopixmix.errors import MisuseError
from loopixmix.group.group import BadElementError, BadScalarError, Elements, Group, Scalars
from loopixmix.group.ristretto import engine_names, ristretto255

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "ristretto255.json").read_text())
BAD_ENCODINGS = [
    pytest.param(bytes.fromhex(encoding), id=f"{reason}-{encoding[:8]}")
    for reason, encodings in VECTORS["bad_encodings"]["encodings"].items()
    for encoding in encodings
]


@pytest.fixture(params=engine_names())
def group(request: pytest.FixtureRequest) -> Group:
    return ristretto255(request.param)


@pytest.fixture
def rng() -> random.Random:
    return random.Random(1)


def numbers(group: Group, *values: int) -> Scalars:
    return group.scalars_of(values)


def points(group: Group, *values: int) -> Elements:
    """Return multiples of the generator."""
    return group.generator.times_public(group.scalars_of(values))


def test_the_group_tells_its_numbers(group: Group) -> None:
    assert (group.name, group.element_bytes, group.scalar_bytes, group.data_bytes) == ("ristretto255", 32, 32, 30)
    assert group.order == 2**252 + 27742317777372353535851937790883648493
    assert group.engine in engine_names()


def test_an_engine_of_no_group_is_refused() -> None:
    with pytest.raises(MisuseError, match='"abacus"'):
        ristretto255("abacus")


def test_without_a_name_the_best_engine_serves() -> None:
    assert ristretto255().engine == engine_names()[0]


def test_without_the_native_module_libsodium_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "loopixmix._native", None)
    assert engine_names() == ("libsodium",)
    assert ristretto255().engine == "libsodium"
    with pytest.raises(MisuseError, match='no engine "native"'):
        ristretto255("native")


def test_small_multiples_of_the_generator_are_those_of_the_rfc(group: Group) -> None:
    encodings = VECTORS["multiples_of_the_generator"]["encodings"]
    scalars = numbers(group, *range(len(encodings)))
    for multiples in (group.generator.times(scalars), group.fixed_base(group.generator).times(scalars)):
        assert multiples.encode().hex() == "".join(encodings)
    sums = [points(group, *[1] * count).sum().encode().hex() for count in range(len(encodings))]
    assert sums == encodings


@pytest.mark.parametrize("encoding", BAD_ENCODINGS)
def test_what_the_rfc_calls_bad_is_refused(group: Group, encoding: bytes) -> None:
    good = points(group, 1, 2).encode()
    with pytest.raises(BadElementError) as caught:
        group.elements(good + encoding + good + encoding)
    assert caught.value.index == 2


def test_the_highest_bit_makes_no_second_encoding(group: Group) -> None:
    encoding = bytearray(points(group, 5).encode())
    encoding[-1] |= 0x80
    for refused in (encoding, bytes(31) + b"\x80"):
        with pytest.raises(BadElementError):
            group.elements(refused)


@pytest.mark.parametrize("vector", VECTORS["hash_to_group"]["vectors"])
def test_hashing_to_the_group_gives_what_the_rfc_of_oblivious_functions_blinds(
    group: Group, vector: dict[str, str]
) -> None:
    domain = VECTORS["hash_to_group"]["domain"].encode()
    (hashed, blind) = (group.hash_to_elements(domain, [bytes.fromhex(vector["input"])]), vector["blind"])
    assert hashed.times(group.scalars(bytes.fromhex(blind))).encode().hex() == vector["blinded"]


def test_derived_elements_are_hashes_of_seed_and_number(group: Group) -> None:
    messages = [b"seed" + number.to_bytes(8) for number in range(5, 8)]
    assert group.derive_elements(b"domain", b"seed", 5, 3) == group.hash_to_elements(b"domain", messages)
    assert len(group.derive_elements(b"domain", b"seed", 2**64, 0)) == 0
    with pytest.raises(ValueError, match="do not fit"):
        group.derive_elements(b"domain", b"seed", 2**64 - 1, 2)
    for refused in (b"", bytes(256)):
        with pytest.raises(ValueError, match="1 to 255"):
            group.derive_elements(refused, b"seed", 0, 1)
        with pytest.raises(ValueError, match="1 to 255"):
            group.hash_to_elements(refused, [])


def test_the_neutral_element_is_an_element_like_others(group: Group) -> None:
    neutral = group.elements(bytes(32))
    assert neutral == group.identity == points(group, 0)
    assert points(group, 0, 1, 0).is_identity() == [True, False, True]
    assert (neutral + points(group, 7)) == points(group, 7)
    assert neutral.times(numbers(group, 0, 5)).is_identity() == [True, True]
    assert neutral.times_public(numbers(group, 0, 5)).is_identity() == [True, True]
    assert points(group, 3).times(numbers(group, 0)).is_identity() == [True]
    assert group.fixed_base(neutral).times(numbers(group, 0, 5)).is_identity() == [True, True]
    assert group.fixed_base(neutral).times_public(numbers(group, 0, 5)).is_identity() == [True, True]
    assert group.multi_scalar(numbers(group, 0, 9), points(group, 4, 0)).is_identity() == [True]


def test_what_is_dumped_is_loaded(group: Group) -> None:
    column = points(group, 0, 3, group.order - 1)
    dumped = column.dump()
    assert len(dumped) == 3 * group.dump_bytes
    assert group.load(dumped) == column
    assert (group.load(memoryview(dumped)) + points(group, 1)).encode() == points(group, 1, 4, 0).encode()
    assert len(group.load(b"")) == 0
    with pytest.raises(ValueError, match="multiple"):
        group.load(dumped[1:])


def test_elements_add_like_their_logarithms(group: Group) -> None:
    assert points(group, 3, 4) + points(group, 5, 9) == points(group, 8, 13)
    assert points(group, 3, 4) - points(group, 5, 4) == points(group, group.order - 2, 0)
    assert -points(group, 3, 0) == points(group, group.order - 3, 0)
    assert points(group, 3, 4, 5).sum() == points(group, 12)
    assert points(group, 3, 4).times(numbers(group, 5, 6)) == points(group, 15, 24)
    assert points(group, 3, 4).times_public(numbers(group, 5, 6)) == points(group, 15, 24)
    assert points(group, 3) != points(group, 4)
    assert points(group, 3) != points(group, 3, 3)


def test_scalars_are_integers_modulo_the_order(group: Group) -> None:
    largest = group.order - 1
    assert (numbers(group, largest, 3) + numbers(group, 2, 4)).numbers() == [1, 7]
    assert (numbers(group, 1, 3) - numbers(group, 2, 1)).numbers() == [largest, 2]
    assert (numbers(group, largest, 3) * numbers(group, largest, 4)).numbers() == [1, 12]
    assert (-numbers(group, 0, 1)).numbers() == [0, largest]
    assert numbers(group, largest, 5).sum().numbers() == [4]
    assert numbers(group, 2, 3).inner(numbers(group, 5, 7)).numbers() == [31]
    assert numbers(group, 2, 3, largest).running_products().numbers() == [2, 6, group.order - 6]
    inverses = numbers(group, 1, 2, largest).invert()
    assert (inverses * numbers(group, 1, 2, largest)).numbers() == [1, 1, 1]
    assert numbers(group, 1, 2) == numbers(group, 1, 2)
    assert numbers(group, 1, 2) != numbers(group, 1, 3)
    assert numbers(group, 1) != numbers(group, 1, 1)
    assert numbers(group, 1) != 1


def test_0_has_no_inverse(group: Group) -> None:
    with pytest.raises(ZeroDivisionError):
        numbers(group, 1, 0, 2).invert()


def test_scalars_have_one_encoding(group: Group) -> None:
    encoded = numbers(group, 5, group.order - 1).encode()
    assert encoded == (5).to_bytes(32, "little") + (group.order - 1).to_bytes(32, "little")
    assert group.scalars(encoded).numbers() == [5, group.order - 1]
    for number in (group.order, 5 + group.order, 5 + 8 * group.order, 2**256 - 1):
        with pytest.raises(BadScalarError) as caught:
            group.scalars(encoded + number.to_bytes(32, "little"))
        assert caught.value.index == 2


@pytest.mark.parametrize("number", [-1, 2**252 + 27742317777372353535851937790883648493, 2**300])
def test_numbers_that_are_no_scalars_are_refused_unshown(group: Group, number: int) -> None:
    with pytest.raises(ValueError, match="number 1 is negative, or not below") as caught:
        group.scalars_of([1, number])
    assert str(number) not in str(caught.value)


def test_wrong_lengths_are_refused(group: Group) -> None:
    reads: list[Callable[[bytes], object]] = [group.elements, group.scalars, group.reduced_scalars]
    for read in reads:
        with pytest.raises(ValueError, match="multiple"):
            read(bytes(33))
    with pytest.raises(ValueError, match="multiple"):
        group.short_scalars(bytes(33), 16)
    for width in (-1, 0, 32):
        with pytest.raises(ValueError, match="1 to 31 bytes"):
            group.short_scalars(bytes(32), width)


def test_short_and_long_numbers_become_scalars(group: Group) -> None:
    assert group.short_scalars(b"\x01\x00\xff\xff", 2).numbers() == [1, 65535]
    assert group.short_scalars(b"\xff" * 31, 31).numbers() == [2**248 - 1]
    uniform = random.Random(2).randbytes(192)
    expected = [int.from_bytes(uniform[i : i + 64], "little") % group.order for i in (0, 64, 128)]
    assert group.reduced_scalars(memoryview(uniform)).numbers() == expected
    assert group.reduced_scalars(b"\xff" * 64).numbers() == [(2**512 - 1) % group.order]


def test_random_scalars_are_drawn_from_the_given_generator(group: Group) -> None:
    uniform = random.Random(3).randbytes(128)
    assert group.random_scalars(random.Random(3), 2) == group.reduced_scalars(uniform)


def test_one_goes_with_each_and_other_lengths_not_at_all(group: Group) -> None:
    assert numbers(group, 2) + numbers(group, 3, 4) == numbers(group, 3, 4) + numbers(group, 2) == numbers(group, 5, 6)
    assert (numbers(group, 2) * numbers(group)).numbers() == []
    assert points(group, 2) + points(group, 3, 4) == points(group, 3, 4) + points(group, 2) == points(group, 5, 6)
    assert points(group, 2).times(numbers(group, 3, 4)) == points(group, 6, 8)
    assert points(group, 3, 4).times_public(numbers(group, 2)) == points(group, 6, 8)
    assert len(points(group, 2) - points(group)) == 0
    two, three = numbers(group, 1, 2), numbers(group, 1, 2, 3)
    mismatched: list[Callable[[], object]] = [
        lambda: two + three,
        lambda: two - three,
        lambda: two * three,
        lambda: two + numbers(group),
        lambda: two.inner(three),
        lambda: numbers(group, 1).inner(two),
        lambda: points(group, 1, 2) + points(group, 1, 2, 3),
        lambda: points(group, 1, 2) - points(group),
        lambda: points(group, 1, 2).times(three),
        lambda: points(group, 1, 2).times_public(three),
        lambda: group.multi_scalar(two, points(group, 1)),
        lambda: group.multi_scalar(numbers(group, 1), points(group, 1, 2)),
    ]
    for operation in mismatched:
        with pytest.raises(ValueError, match="columns of"):
            operation()


def test_columns_of_another_kind_are_refused(group: Group) -> None:
    scalars: Any = numbers(group, 1)
    elements: Any = group.generator
    for operation in (
        lambda: scalars + elements,
        lambda: scalars * 2,
        lambda: scalars.inner(elements),
        lambda: elements + scalars,
        lambda: elements.times(elements),
        lambda: elements.times_public(5),
        lambda: group.multi_scalar(elements, scalars),
        lambda: group.fixed_base(scalars),
        lambda: group.join([elements, scalars]),
        lambda: group.join_scalars([elements]),
        lambda: group.extract(scalars),
    ):
        with pytest.raises(ValueError, match="needed"):
            operation()


def test_columns_may_be_empty(group: Group) -> None:
    scalars, elements = group.scalars(b""), group.elements(b"")
    assert (len(scalars), len(elements)) == (0, 0)
    assert (scalars.encode(), elements.encode()) == (b"", b"")
    assert scalars.sum().numbers() == scalars.inner(scalars).numbers() == [0]
    assert elements.sum() == group.multi_scalar(scalars, elements) == group.identity
    assert (scalars.numbers(), elements.is_identity()) == ([], [])
    assert len(scalars.invert()) == len(scalars.running_products()) == len(-scalars) == len(scalars * scalars) == 0
    assert len(elements.times(scalars)) == len(elements.times_public(scalars)) == len(-elements) == 0
    base = group.fixed_base(group.generator)
    assert len(base.times(scalars)) == len(base.times_public(scalars)) == 0
    assert len(group.hash_to_elements(b"domain", [])) == len(group.embed([])) == 0
    assert group.extract(elements) == []
    assert (len(group.join([])), len(group.join_scalars([]))) == (0, 0)
    assert len(group.random_scalars(random.Random(1), 0)) == len(group.short_scalars(b"", 16)) == 0


def test_a_slice_is_a_part_of_the_column(group: Group) -> None:
    scalars, elements = numbers(group, 1, 2, 3, 4), points(group, 1, 2, 3, 4)
    assert scalars[1:3].numbers() == [2, 3]
    assert elements[1:3] == points(group, 2, 3)
    assert scalars[-2:].numbers() == [3, 4]
    assert scalars[1:][1:].numbers() == [3, 4]
    assert elements[:-1][1:] == points(group, 2, 3)
    assert scalars[:99].numbers() == [1, 2, 3, 4]
    assert len(scalars[3:2]) == len(elements[4:]) == 0
    indexed: list[Any] = [scalars, elements]
    for column in indexed:
        for step in (-1, 2):
            with pytest.raises(ValueError, match="step"):
                column[::step]
        with pytest.raises(TypeError):
            column[0]


def test_entries_are_taken_in_any_order(group: Group) -> None:
    indices = array("I", [3, 0, 0])
    assert numbers(group, 1, 2, 3, 4).take(indices).numbers() == [4, 1, 1]
    assert points(group, 1, 2, 3, 4).take([3, 0, 0]) == points(group, 4, 1, 1)
    assert numbers(group, 1, 2, 3, 4)[1:].take([2, 0]).numbers() == [4, 2]
    columns: list[Any] = [numbers(group, 1, 2), points(group, 1, 2)]
    for column in columns:
        assert len(column.take([])) == 0
        for wrong in (2, -1, 2**70):
            with pytest.raises(IndexError):
                column.take([0, wrong])


def test_columns_are_joined_in_order(group: Group) -> None:
    assert group.join([points(group, 1), points(group), points(group, 2, 3)]) == points(group, 1, 2, 3)
    assert group.join_scalars([numbers(group, 1), numbers(group, 2, 3)]).numbers() == [1, 2, 3]


def test_equal_columns_have_equal_hashes(group: Group) -> None:
    assert hash(numbers(group, 1, 2)) == hash(numbers(group, 1, 2))
    assert hash(points(group, 5)) == hash(points(group, 2) + points(group, 3))


def test_no_value_is_shown(group: Group) -> None:
    secret = 123456789012345678901234567890
    shown = repr(numbers(group, secret)) + str(numbers(group, secret))
    assert str(secret) not in shown
    assert secret.to_bytes(13, "little").hex() not in shown


def test_a_sum_of_products_is_the_product_of_the_inner_sum(group: Group, rng: random.Random) -> None:
    for count in (1, 2, 33, 200):
        logarithms, scalars = group.random_scalars(rng, count), group.random_scalars(rng, count)
        elements = group.generator.times_public(logarithms)
        expected = group.generator.times(logarithms.inner(scalars))
        assert group.multi_scalar(scalars, elements) == expected


def test_a_fixed_base_multiplies_like_the_element(group: Group, rng: random.Random) -> None:
    base = group.hash_to_elements(b"domain", [b"base"])
    scalars = group.join_scalars([group.random_scalars(rng, 5), numbers(group, 0, 1, 2, group.order - 1)])
    fixed = group.fixed_base(base)
    assert fixed.base == base
    assert fixed.times(scalars) == fixed.times_public(scalars) == base.times(scalars)
    with pytest.raises(ValueError, match="column of 1"):
        group.fixed_base(points(group, 1, 2))


def test_data_comes_out_of_the_element_it_was_put_into(group: Group, rng: random.Random) -> None:
    data = [bytes(30), b"\xff" * 30, *(rng.randbytes(30) for _ in range(5))]
    elements = group.embed(data)
    assert group.extract(elements) == data
    assert group.elements(elements.encode()) == elements
    assert not any(elements.is_identity())
    for length in (0, 29, 31):
        with pytest.raises(ValueError, match="30 bytes"):
            group.embed([bytes(30), bytes(length)])


def test_other_elements_hold_no_data(group: Group) -> None:
    assert group.extract(group.identity) == [None]
    assert group.extract(points(group, *range(1, 9))) == [None] * 8
