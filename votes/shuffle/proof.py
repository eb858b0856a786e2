"""The bytes of a proof of a shuffle (docs/protocol/votes.md, 6)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from loopixmix.group.group import Buffer, Group
from votes.shuffle.statement import ShuffleError, ShuffleStatement

VERSION = 1
_HEADER = struct.Struct("!BIH")


@dataclass(frozen=True)
class ProofParts:
    """The parts of a proof, encoded, in their order. The letters are those of the page.

    Each is a view into one piece of memory: a prover fills it, a verifier reads it.
    """

    commitments: memoryview
    """`U`"""
    chain: memoryview
    """`P`"""
    chain_masks: memoryview
    """`P'`"""
    chain_replies: memoryview
    """`kB`"""
    order_replies: memoryview
    """`kE`"""
    masks: memoryview
    """`F1, F2, F3, FA_1, FB_1, ...`"""
    replies: memoryview
    """`kA, kC, kD, kF_1, ...`"""


def proof_bytes(group: Group, size: int, width: int) -> int:
    """Return how long the proof for `size` rows of `width` ciphertexts is; nothing is proved of no rows."""
    return _HEADER.size + sum(_lengths(group, size, width)) if size else 0


def empty_proof(statement: ShuffleStatement) -> tuple[bytearray, ProofParts]:
    """Return a proof of zeros but for its header, and its parts to be filled. There is at least one row."""
    group, size, width = statement.group, statement.size, statement.width
    proof = bytearray(proof_bytes(group, size, width))
    _HEADER.pack_into(proof, 0, VERSION, size, width)
    return proof, _parts(group, size, width, memoryview(proof))


def split_proof(statement: ShuffleStatement, proof: Buffer) -> ProofParts:
    """Return the parts of a proof about at least one row.

    Their lengths follow from the statement. A proof of another length is refused, and one that says another version,
    size or width.
    """
    group, size, width = statement.group, statement.size, statement.width
    expected = proof_bytes(group, size, width)
    if len(proof) != expected:
        raise ShuffleError(f"a proof for {size} rows of {width} has {expected} bytes, not {len(proof)}")
    header = _HEADER.unpack_from(proof)
    if header != (VERSION, size, width):
        raise ShuffleError(f"version, rows and width are {(VERSION, size, width)}, but the proof says {header}")
    return _parts(group, size, width, memoryview(proof))


def _parts(group: Group, size: int, width: int, proof: memoryview) -> ProofParts:
    return ProofParts(*_cut(proof[_HEADER.size :], _lengths(group, size, width)))


def _lengths(group: Group, size: int, width: int) -> tuple[int, ...]:
    elements, scalars = group.element_bytes, group.scalar_bytes
    columns = (size * elements,) * 3 + (size * scalars,) * 2
    return (*columns, (3 + 2 * width) * elements, (3 + width) * scalars)


def _cut(data: memoryview, lengths: tuple[int, ...]) -> Iterator[memoryview]:
    begin = 0
    for length in lengths:
        yield data[begin : begin + length]
        begin += length
