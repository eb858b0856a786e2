"""Ristretto255 (RFC 9496) apart from its arithmetic: its numbers, and the rules that both engines keep.

The two engines give the same bytes and raise the same errors. What decides that and needs no arithmetic is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from loopixmix.group.group import Buffer

ORDER = 2**252 + 27742317777372353535851937790883648493
"""The number of elements (RFC 9496, section 4.4)."""
ELEMENT_BYTES = 32
SCALAR_BYTES = 32
DATA_BYTES = 30
"""What fits into one element, see `loopixmix.group.embedding`."""
GENERATOR = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
"""The encoding of the canonical generator (RFC 9496, appendix A.1)."""
IDENTITY = bytes(ELEMENT_BYTES)
"""The encoding of the neutral element."""


class RistrettoNumbers:
    """The numbers that a `Group` tells of itself."""

    name = "ristretto255"
    order = ORDER
    element_bytes = ELEMENT_BYTES
    scalar_bytes = SCALAR_BYTES
    data_bytes = DATA_BYTES


def wrong_kind(column: object, kind: type) -> ValueError:
    """Return the error for a column that is not of the one kind that an engine works on."""
    return ValueError(f"{kind.__name__} are needed, not {type(column).__name__}")


def check_one(length: int) -> None:
    """Raise `ValueError` if a column does not have exactly one entry."""
    if length != 1:
        raise ValueError(f"a column of 1 is needed, not of {length}")


def paired_length(mine: int, other: int) -> int:
    """Return the length of the result of two columns. Raises `ValueError` if they do not go together."""
    if mine == other or other == 1:
        return mine
    if mine == 1:
        return other
    raise ValueError(f"columns of {mine} and {other} do not go together: lengths are equal, or one of them is 1")


def check_equal_length(scalars: int, elements: int) -> None:
    """Raise `ValueError` if two columns have different lengths."""
    if scalars != elements:
        raise ValueError(f"columns of {scalars} and {elements} are not equally long")


def bounds_of(which: slice, length: int) -> tuple[int, int]:
    """Return where a part of a column begins and ends. Raises `ValueError` for a step other than 1."""
    if not isinstance(which, slice):
        raise TypeError(f"a column is indexed by slices only, not by {type(which).__name__}")
    begin, end, step = which.indices(length)
    if step != 1:
        raise ValueError(f"the step of a slice of a column is 1, not {step}")
    return begin, max(begin, end)


def check_indices(indices: Sequence[int], length: int) -> None:
    """Raise `IndexError` if an index is not from 0 to `length - 1`."""
    for index in indices:
        if not 0 <= index < length:
            raise IndexError(f"index {index} is not below the length of the column, {length}")


def split(encodings: Buffer, width: int) -> list[bytes]:
    """Cut bytes into pieces of `width`. Raises `ValueError` if they are no multiple of it."""
    data = bytes(encodings)
    if len(data) % width:
        raise ValueError(f"{len(data)} bytes are no multiple of {width}")
    return [data[begin : begin + width] for begin in range(0, len(data), width)]


def check_width(width: int) -> None:
    """Raise `ValueError` if numbers of `width` bytes may not be below the order, or have no byte."""
    if not 1 <= width < SCALAR_BYTES:
        raise ValueError(f"short scalars have 1 to {SCALAR_BYTES - 1} bytes, not {width}")


def check_numbers(numbers: Iterable[int]) -> list[int]:
    """Return the numbers. Raises `ValueError` if one is negative, or not below the order."""
    checked = list(numbers)
    for index, number in enumerate(checked):
        # The message does not show the number, which may be a secret.
        if not 0 <= number < ORDER:
            raise ValueError(f"number {index} is negative, or not below the order of the group")
    return checked
