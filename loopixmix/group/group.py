"""The interface of a group of prime order, in bulk.

Protocol code works on columns: as many elements or scalars as there are ballots. One call does a whole column, on all
processors and outside of Python's global lock where the engine can. Nothing here names a curve. The engine of
ristretto255 (RFC 9496) is picked by `loopixmix.group.ristretto`, and a second group needs one more module like it.

The group is written additively: elements are added, and an element is multiplied by a scalar. Papers that write it
multiplicatively say "power" for that.

Operands of one length go together one by one. A column of length 1 goes with each of the other column's. Anything else
raises `ValueError`, and so do columns of two different groups or engines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias

from loopixmix.errors import PeerError
from loopixmix.seams import Rng

Buffer: TypeAlias = bytes | bytearray | memoryview
"""Contiguous bytes."""


class BadElementError(PeerError):
    """An encoding is not that of a group element, or not its only allowed encoding. `index` tells which, from 0."""

    def __init__(self, index: int) -> None:
        super().__init__(f"element {index} is not a canonical encoding of an element of the group")
        self.index = index


class BadScalarError(PeerError):
    """An encoding of a scalar is not below the order of the group. `index` tells which, from 0."""

    def __init__(self, index: int) -> None:
        super().__init__(f"scalar {index} is not below the order of the group")
        self.index = index


class Scalars(Protocol):
    """A column of integers modulo the order of the group. It never changes, and its `repr` shows no value."""

    def __len__(self) -> int: ...

    def __getitem__(self, which: slice, /) -> Scalars:
        """Return a part of the column; steps other than 1 raise `ValueError`."""

    def take(self, indices: Sequence[int], /) -> Scalars:
        """Return the scalars at `indices` (from 0), in that order. Best given as an `array("I")`."""

    def encode(self) -> bytes:
        """Return all encodings, one after another: `len(self) * group.scalar_bytes` bytes."""

    def numbers(self) -> list[int]:
        """Return them as integers from 0 to the order less 1."""

    def __add__(self, other: Scalars, /) -> Scalars: ...
    def __sub__(self, other: Scalars, /) -> Scalars: ...
    def __mul__(self, other: Scalars, /) -> Scalars: ...
    def __neg__(self) -> Scalars: ...

    def invert(self) -> Scalars:
        """Return the inverse of each. Raises `ZeroDivisionError` if one is 0."""

    def sum(self) -> Scalars:
        """Return the sum, a column of one; 0 for an empty column."""

    def inner(self, other: Scalars, /) -> Scalars:
        """Return the sum of the products of two columns of equal length, a column of one."""

    def running_products(self) -> Scalars:
        """Return `s0, s0*s1, s0*s1*s2, ...`."""

    def __eq__(self, other: object, /) -> bool:
        """Tell whether two columns are equal, in a time that depends on their lengths only."""

    def __hash__(self) -> int: ...


class Elements(Protocol):
    """A column of group elements, decoded. It never changes."""

    def __len__(self) -> int: ...

    def __getitem__(self, which: slice, /) -> Elements:
        """Return a part of the column; steps other than 1 raise `ValueError`."""

    def take(self, indices: Sequence[int], /) -> Elements:
        """Return the elements at `indices` (from 0), in that order. Best given as an `array("I")`."""

    def encode(self) -> bytes:
        """Return all encodings, one after another: `len(self) * group.element_bytes` bytes."""

    def dump(self) -> bytes:
        """Return a form of `len(self) * group.dump_bytes` bytes that `Group.load` reads back fast.

        It is what the engine computes with, so neither encoding nor decoding is paid for. It has no canonical form, and
        means nothing to another engine. It is for a program's own files, and goes to nobody else.
        """

    def __add__(self, other: Elements, /) -> Elements: ...
    def __sub__(self, other: Elements, /) -> Elements: ...
    def __neg__(self) -> Elements: ...

    def times(self, scalars: Scalars, /) -> Elements:
        """Multiply each element by its scalar, in a time that does not depend on the values: for secret scalars."""

    def times_public(self, scalars: Scalars, /) -> Elements:
        """Multiply each element by its scalar, as fast as possible: only for scalars that are no secret."""

    def sum(self) -> Elements:
        """Return the sum, a column of one; the neutral element for an empty column."""

    def is_identity(self) -> list[bool]:
        """Tell for each whether it is the neutral element."""

    def __eq__(self, other: object, /) -> bool:
        """Tell whether two columns hold equal elements."""

    def __hash__(self) -> int: ...


class FixedBase(Protocol):
    """Tables for multiplying one element by many scalars."""

    @property
    def base(self) -> Elements:
        """The element, a column of one."""

    def times(self, scalars: Scalars, /) -> Elements:
        """Multiply the base by each scalar, in a time that does not depend on the values: for secret scalars."""

    def times_public(self, scalars: Scalars, /) -> Elements:
        """Multiply the base by each scalar, as fast as possible.

        For scalars that are no secret. A mixer uses it on its own machine also for secret nonces.
        """


class Group(Protocol):
    """A group of prime order. All methods may be called from several threads."""

    @property
    def name(self) -> str:
        """As in records and specifications, such as "ristretto255"."""

    @property
    def engine(self) -> str:
        """What does the arithmetic, such as "native" or "libsodium"."""

    @property
    def order(self) -> int:
        """The number of elements."""

    @property
    def element_bytes(self) -> int:
        """The length of one encoded element."""

    @property
    def scalar_bytes(self) -> int:
        """The length of one encoded scalar."""

    @property
    def data_bytes(self) -> int:
        """How many bytes of data fit into one element, see `embed`."""

    @property
    def dump_bytes(self) -> int:
        """The length of one element as `Elements.dump` gives it."""

    @property
    def generator(self) -> Elements:
        """The standard generator, a column of one."""

    @property
    def identity(self) -> Elements:
        """The neutral element, a column of one."""

    def elements(self, encodings: Buffer, /) -> Elements:
        """Decode elements that stand one after another.

        Raises `BadElementError` for the first encoding that is not canonical or no element of the group, `ValueError`
        if the length is no multiple of `element_bytes`. The neutral element is an element like others.
        """

    def load(self, dumped: Buffer, /) -> Elements:
        """Read back what `Elements.dump` gave. Raises `ValueError` if the length is no multiple of `dump_bytes`.

        The caller answers for the content: an engine need not check it, so bytes that came from anywhere else may be no
        elements, and make whatever is computed with them wrong.
        """

    def scalars(self, encodings: Buffer, /) -> Scalars:
        """Decode scalars that stand one after another.

        Raises `BadScalarError` for the first that is not below the order, `ValueError` if the length is no multiple of
        `scalar_bytes`.
        """

    def scalars_of(self, numbers: Iterable[int], /) -> Scalars:
        """Return numbers as scalars. Raises `ValueError` if one is negative, or not below the order."""

    def short_scalars(self, numbers: Buffer, width: int, /) -> Scalars:
        """Read unsigned little-endian numbers of `width` bytes each, one after another.

        `width` is less than `scalar_bytes`, so that each number is below the order; `ValueError` otherwise. Made for
        the short coefficients of batched verification.
        """

    def reduced_scalars(self, uniform: Buffer, /) -> Scalars:
        """Reduce blocks of `2 * scalar_bytes` uniform bytes each (little-endian) modulo the order.

        The result is uniform but for a bias below 2^-250 for an order of 252 bits.
        """

    def random_scalars(self, rng: Rng, count: int, /) -> Scalars:
        """Draw uniform scalars: `rng.randbytes` reduced by `reduced_scalars`."""

    def hash_to_elements(self, domain: bytes, messages: Sequence[bytes], /) -> Elements:
        """Map each message to an element whose discrete logarithm nobody knows (RFC 9380, section 3, hash_to_group).

        `domain`: the domain separation tag, 1 to 255 bytes.
        """

    def derive_elements(self, domain: bytes, seed: bytes, first: int, count: int, /) -> Elements:
        """Return `hash_to_elements` of `seed` and each number `first` to `first + count - 1` (8 bytes, big-endian)."""

    def embed(self, data: Sequence[bytes], /) -> Elements:
        """Put data of exactly `data_bytes` bytes each into elements, so that `extract` finds it.

        Takes a time that depends on the data: do it only where nobody can measure. Raises `ValueError` for another
        length.
        """

    def extract(self, elements: Elements, /) -> list[bytes | None]:
        """Return the data in each element; `None` for an element that `embed` does not make."""

    def fixed_base(self, base: Elements, /) -> FixedBase:
        """Make tables for `base`, a column of one. Worth it from about a hundred scalars on."""

    def multi_scalar(self, scalars: Scalars, elements: Elements, /) -> Elements:
        """Return the sum of each element times its scalar, a column of one. It takes a variable time.

        Both columns have one length. An empty sum is the neutral element.
        """

    def join(self, columns: Sequence[Elements], /) -> Elements:
        """Return one column with all elements of `columns`, in order."""

    def join_scalars(self, columns: Sequence[Scalars], /) -> Scalars:
        """Return one column with all scalars of `columns`, in order."""
