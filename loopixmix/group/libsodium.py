"""Ristretto255 by libsodium: complete and simple, for machines without the native engine.

libsodium works on one encoded element at a time, which it decodes and encodes for each operation. So everything takes
many times as long as with the native engine. That will do for thousands of ballots, but not for a million.

`times` of elements and of fixed bases takes a time that does not depend on the scalar (a promise of libsodium), unless
a product is the neutral element. Sums and products of scalars are those of Python's integers, whose time depends a
little on the values.
"""

from __future__ import annotations

import functools
import hmac
import importlib
import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import rbcl

from loopixmix.group import embedding
from loopixmix.group.group import BadElementError, BadScalarError, Buffer, Elements, Scalars
from loopixmix.group.hashing import UNIFORM_BYTES, check_domain, expand_message, numbered_messages
from loopixmix.group.ristretto_rules import (
    ELEMENT_BYTES,
    GENERATOR,
    IDENTITY,
    ORDER,
    SCALAR_BYTES,
    RistrettoNumbers,
    bounds_of,
    check_equal_length,
    check_indices,
    check_numbers,
    check_one,
    check_width,
    paired_length,
    split,
    wrong_kind,
)
from loopixmix.seams import Rng

_HIGHEST_BIT = 0x80
_Mine = TypeVar("_Mine")
_Other = TypeVar("_Other")

# rbcl unpacks libsodium into a temporary file at each start and leaves it there. Once it is loaded, it may go.
Path(importlib.import_module("rbcl._sodium").lib_path).unlink(missing_ok=True)


class SodiumScalars:
    """A column of integers modulo the order of the group."""

    __slots__ = ("_numbers",)

    def __init__(self, numbers: Iterable[int]) -> None:
        """Hold numbers that are from 0 to the order less 1."""
        self._numbers = tuple(numbers)

    def __repr__(self) -> str:
        return f"<{len(self)} scalars>"

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, which: slice, /) -> SodiumScalars:
        begin, end = bounds_of(which, len(self))
        return SodiumScalars(self._numbers[begin:end])

    def take(self, indices: Sequence[int], /) -> SodiumScalars:
        check_indices(indices, len(self))
        return SodiumScalars(self._numbers[index] for index in indices)

    def encode(self) -> bytes:
        return b"".join(map(encode_scalar, self._numbers))

    def numbers(self) -> list[int]:
        return list(self._numbers)

    def __add__(self, other: Scalars, /) -> SodiumScalars:
        return self._each(operator.add, other)

    def __sub__(self, other: Scalars, /) -> SodiumScalars:
        return self._each(operator.sub, other)

    def __mul__(self, other: Scalars, /) -> SodiumScalars:
        return self._each(operator.mul, other)

    def __neg__(self) -> SodiumScalars:
        return SodiumScalars(-number % ORDER for number in self._numbers)

    def invert(self) -> SodiumScalars:
        if 0 in self._numbers:
            raise ZeroDivisionError("0 has no inverse")
        return SodiumScalars(pow(number, -1, ORDER) for number in self._numbers)

    def sum(self) -> SodiumScalars:
        return SodiumScalars([sum(self._numbers) % ORDER])

    def inner(self, other: Scalars, /) -> SodiumScalars:
        numbers = numbers_of(other)
        check_equal_length(len(self), len(numbers))
        return SodiumScalars([sum(map(operator.mul, self._numbers, numbers)) % ORDER])

    def running_products(self) -> SodiumScalars:
        return SodiumScalars(itertools.accumulate(self._numbers, lambda product, number: product * number % ORDER))

    def __eq__(self, other: object, /) -> bool:
        if not isinstance(other, SodiumScalars):
            return NotImplemented
        return hmac.compare_digest(self.encode(), other.encode())

    def __hash__(self) -> int:
        return hash(self._numbers)

    def _each(self, combine: Callable[[int, int], int], other: Scalars) -> SodiumScalars:
        return SodiumScalars(combine(a, b) % ORDER for a, b in paired(self._numbers, numbers_of(other)))


class SodiumElements:
    """A column of elements, each encoded."""

    __slots__ = ("_encodings",)

    def __init__(self, encodings: Iterable[bytes]) -> None:
        """Hold encodings of elements; nobody checks them again."""
        self._encodings = tuple(encodings)

    def __repr__(self) -> str:
        return f"<{len(self)} elements>"

    def __len__(self) -> int:
        return len(self._encodings)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._encodings)

    def __getitem__(self, which: slice, /) -> SodiumElements:
        begin, end = bounds_of(which, len(self))
        return SodiumElements(self._encodings[begin:end])

    def take(self, indices: Sequence[int], /) -> SodiumElements:
        check_indices(indices, len(self))
        return SodiumElements(self._encodings[index] for index in indices)

    def encode(self) -> bytes:
        return b"".join(self._encodings)

    def dump(self) -> bytes:
        return self.encode()

    def __add__(self, other: Elements, /) -> SodiumElements:
        return self._each(rbcl.crypto_core_ristretto255_add, other)

    def __sub__(self, other: Elements, /) -> SodiumElements:
        return self._each(rbcl.crypto_core_ristretto255_sub, other)

    def __neg__(self) -> SodiumElements:
        return SodiumElements(rbcl.crypto_core_ristretto255_sub(IDENTITY, each) for each in self._encodings)

    def times(self, scalars: Scalars, /) -> SodiumElements:
        return SodiumElements(multiply(each, by) for each, by in paired(self._encodings, numbers_of(scalars)))

    def times_public(self, scalars: Scalars, /) -> SodiumElements:
        return self.times(scalars)

    def sum(self) -> SodiumElements:
        return SodiumElements([functools.reduce(rbcl.crypto_core_ristretto255_add, self._encodings, IDENTITY)])

    def is_identity(self) -> list[bool]:
        return [encoding == IDENTITY for encoding in self._encodings]

    def __eq__(self, other: object, /) -> bool:
        return self._encodings == other._encodings if isinstance(other, SodiumElements) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._encodings)

    def _each(self, combine: Callable[[bytes, bytes], bytes], other: Elements) -> SodiumElements:
        return SodiumElements(combine(a, b) for a, b in paired(self._encodings, encodings_of(other)))


class SodiumFixedBase:
    """One element to be multiplied by many scalars. libsodium has tables for the generator only."""

    def __init__(self, base: SodiumElements) -> None:
        """Take a column of one element."""
        self.base = base

    def times(self, scalars: Scalars, /) -> SodiumElements:
        if self.base.encode() == GENERATOR:
            return SodiumElements(multiply_generator(number) for number in numbers_of(scalars))
        (encoding,) = self.base
        return SodiumElements(multiply(encoding, number) for number in numbers_of(scalars))

    def times_public(self, scalars: Scalars, /) -> SodiumElements:
        return self.times(scalars)


class SodiumGroup(RistrettoNumbers):
    """Ristretto255 by libsodium. It keeps nothing."""

    engine = "libsodium"
    dump_bytes = ELEMENT_BYTES

    @property
    def generator(self) -> SodiumElements:
        return SodiumElements([GENERATOR])

    @property
    def identity(self) -> SodiumElements:
        return SodiumElements([IDENTITY])

    def elements(self, encodings: Buffer, /) -> SodiumElements:
        pieces = split(encodings, ELEMENT_BYTES)
        for index, piece in enumerate(pieces):
            if not is_element(piece):
                raise BadElementError(index)
        return SodiumElements(pieces)

    def load(self, dumped: Buffer, /) -> SodiumElements:
        return SodiumElements(split(dumped, ELEMENT_BYTES))

    def scalars(self, encodings: Buffer, /) -> SodiumScalars:
        numbers = [int.from_bytes(piece, "little") for piece in split(encodings, SCALAR_BYTES)]
        for index, number in enumerate(numbers):
            if number >= ORDER:
                raise BadScalarError(index)
        return SodiumScalars(numbers)

    def scalars_of(self, numbers: Iterable[int], /) -> SodiumScalars:
        return SodiumScalars(check_numbers(numbers))

    def short_scalars(self, numbers: Buffer, width: int, /) -> SodiumScalars:
        check_width(width)
        return SodiumScalars(int.from_bytes(piece, "little") for piece in split(numbers, width))

    def reduced_scalars(self, uniform: Buffer, /) -> SodiumScalars:
        pieces = split(uniform, 2 * SCALAR_BYTES)
        return SodiumScalars(int.from_bytes(piece, "little") % ORDER for piece in pieces)

    def random_scalars(self, rng: Rng, count: int, /) -> SodiumScalars:
        return self.reduced_scalars(rng.randbytes(2 * SCALAR_BYTES * count))

    def hash_to_elements(self, domain: bytes, messages: Sequence[bytes], /) -> SodiumElements:
        check_domain(domain)
        uniform = (expand_message(domain, message, UNIFORM_BYTES) for message in messages)
        return SodiumElements(map(rbcl.crypto_core_ristretto255_from_hash, uniform))

    def derive_elements(self, domain: bytes, seed: bytes, first: int, count: int, /) -> SodiumElements:
        return self.hash_to_elements(domain, numbered_messages(seed, first, count))

    def embed(self, data: Sequence[bytes], /) -> SodiumElements:
        for each in data:
            embedding.check_data(each)
        return SodiumElements(embedding.embed(each, is_element) for each in data)

    def extract(self, elements: Elements, /) -> list[bytes | None]:
        return [embedding.extract(encoding, is_element) for encoding in encodings_of(elements)]

    def fixed_base(self, base: Elements, /) -> SodiumFixedBase:
        encodings = encodings_of(base)
        check_one(len(encodings))
        return SodiumFixedBase(SodiumElements(encodings))

    def multi_scalar(self, scalars: Scalars, elements: Elements, /) -> SodiumElements:
        numbers, encodings = numbers_of(scalars), encodings_of(elements)
        check_equal_length(len(numbers), len(encodings))
        return SodiumElements(map(multiply, encodings, numbers)).sum()

    def join(self, columns: Sequence[Elements], /) -> SodiumElements:
        return SodiumElements(itertools.chain.from_iterable(map(encodings_of, columns)))

    def join_scalars(self, columns: Sequence[Scalars], /) -> SodiumScalars:
        return SodiumScalars(itertools.chain.from_iterable(map(numbers_of, columns)))


def paired(mine: tuple[_Mine, ...], other: tuple[_Other, ...]) -> Iterator[tuple[_Mine, _Other]]:
    """Yield what of two columns goes together."""
    length = paired_length(len(mine), len(other))
    return zip(mine * (length if len(mine) == 1 else 1), other * (length if len(other) == 1 else 1), strict=True)


def numbers_of(column: Scalars) -> tuple[int, ...]:
    """Return the numbers of a column of this engine. Raises `ValueError` for another."""
    if not isinstance(column, SodiumScalars):
        raise wrong_kind(column, SodiumScalars)
    return column._numbers


def encodings_of(column: Elements) -> tuple[bytes, ...]:
    """Return the encodings of a column of this engine. Raises `ValueError` for another."""
    if not isinstance(column, SodiumElements):
        raise wrong_kind(column, SodiumElements)
    return column._encodings


def encode_scalar(number: int) -> bytes:
    """Return 32 little-endian bytes (RFC 9496, section 4.4)."""
    return number.to_bytes(SCALAR_BYTES, "little")


def is_element(encoding: bytes) -> bool:
    """Tell whether 32 bytes are the canonical encoding of an element."""
    # libsodium overlooks the highest bit, by which each element would have a second encoding.
    return encoding[-1] < _HIGHEST_BIT and bool(rbcl.crypto_core_ristretto255_is_valid_point(encoding))


def multiply(encoding: bytes, number: int) -> bytes:
    """Return the encoding of an element times a number."""
    try:
        return bytes(rbcl.crypto_scalarmult_ristretto255(encode_scalar(number), encoding))
    except RuntimeError:
        # libsodium refuses only what is no element, and results that are the neutral one.
        return IDENTITY


def multiply_generator(number: int) -> bytes:
    """Return the encoding of the generator times a number."""
    return bytes(rbcl.crypto_scalarmult_ristretto255_base(encode_scalar(number))) if number else IDENTITY
