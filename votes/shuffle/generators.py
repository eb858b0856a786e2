"""Generators whose logarithms nobody knows: each verifier derives them itself (docs/protocol/votes.md, 6)."""

from __future__ import annotations

from typing import Protocol

from loopixmix.group.group import Buffer, Elements, Group
from votes.shuffle.chunks import chunks

DOMAIN = b"loopixmix-votes-1/generators"


class GeneratorSource(Protocol):
    """The generators `H_0, H_1, ...` of an election, as many as were asked for."""

    def __len__(self) -> int: ...

    def elements(self, first: int, count: int) -> Elements:
        """Return `count` generators from `H_first` on. Raises `ValueError` if there are not so many."""

    def encodings(self, first: int, count: int) -> Buffer:
        """Return their encodings."""


class DerivedGenerators:
    """Generators held in memory. Where they would be too many, `votes/mixing/` has them in a file."""

    def __init__(self, group: Group, fingerprint: bytes, count: int) -> None:
        """Derive `count` generators of the election with this fingerprint."""
        self._size = group.element_bytes
        columns = [derive_generators(group, fingerprint, chunk.first, chunk.count) for chunk in chunks(count)]
        self._elements = group.join(columns)
        self._encodings = self._elements.encode()

    def __len__(self) -> int:
        return len(self._elements)

    def elements(self, first: int, count: int) -> Elements:
        """Return `count` generators from `H_first` on."""
        check_available(self, first, count)
        return self._elements[first : first + count]

    def encodings(self, first: int, count: int) -> Buffer:
        """Return their encodings."""
        check_available(self, first, count)
        return memoryview(self._encodings)[first * self._size : (first + count) * self._size]


def derive_generators(group: Group, fingerprint: bytes, first: int, count: int) -> Elements:
    """Return `H_first` to `H_(first + count - 1)`."""
    return group.derive_elements(DOMAIN, fingerprint, first, count)


def check_available(generators: GeneratorSource, first: int, count: int) -> None:
    """Raise `ValueError` if there are not so many generators."""
    if not 0 <= first <= first + count <= len(generators):
        raise ValueError(f"{count} generators from {first} on: there are {len(generators)}")
