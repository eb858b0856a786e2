"""Merkle trees: one hash for a list, and short proofs of what it holds and how it grew (RFC 9162, section 2.1).

The credentials of an election are the leaves of one such tree, the entries of the board's log those of another.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256().digest()
"""The root of a tree without leaves."""

Path = tuple[bytes, ...]
"""The hashes of a proof, from the leaves up."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node. The first byte differs from that of a leaf, so that none passes as another."""
    return hashlib.sha256(b"\1" + left + right).digest()


class MerkleTree:
    """A tree that grows at its end. It tells root and proofs for the present size and for every size before.

    It keeps the hashes of all complete subtrees, 64 bytes for each leaf: a leaf is added in two hashes on average.
    """

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        """Begin with these leaves, given by their hashes."""
        # `_levels[k]`: the hashes of the complete subtrees of 2^k leaves, one after another.
        self._levels = [bytearray()]
        for each in leaf_hashes:
            self.append_hash(each)

    def __len__(self) -> int:
        """Return how many leaves there are."""
        return len(self._levels[0]) // HASH_BYTES

    def append(self, leaf: bytes) -> None:
        """Add a leaf."""
        self.append_hash(leaf_hash(leaf))

    def append_hash(self, hash_: bytes) -> None:
        """Add a leaf of this hash."""
        for level in range(64):
            if level == len(self._levels):
                self._levels.append(bytearray())
            row = self._levels[level]
            row += hash_
            if len(row) % (2 * HASH_BYTES):
                return
            hash_ = node_hash(bytes(row[-2 * HASH_BYTES : -HASH_BYTES]), hash_)

    def leaf(self, index: int) -> bytes:
        """Return the hash of a leaf; raise `ValueError` if there is none."""
        if not 0 <= index < len(self):
            raise ValueError(f"there is no leaf {index}: the tree has {len(self)}")
        return self._complete(0, index)

    def root(self, size: int | None = None) -> bytes:
        """Return the root, or what it was when there were `size` leaves."""
        return self._subtree(0, self._known(size))

    def inclusion(self, index: int, size: int | None = None) -> Path:
        """Return the proof that leaf `index` is in the tree of `size` leaves (RFC 9162, section 2.1.3.1)."""
        size = self._known(size)
        if not 0 <= index < size:
            raise ValueError(f"there is no leaf {index} in a tree of {size}")
        path = []
        for level in range((size - 1).bit_length()):
            sibling = (index >> level) ^ 1
            start, end = sibling << level, (sibling + 1) << level
            if end <= size:
                path.append(self._complete(level, sibling))
            elif start < size:
                # At the right edge the sibling may be lower than the level.
                path.append(self._subtree(start, size))
        return tuple(path)

    def consistency(self, before: int, size: int | None = None) -> Path:
        """Return the proof that the tree of `size` leaves begins with that of `before` (RFC 9162, section 2.1.4.1).

        It is empty for `before` 0 and for equal sizes.
        """
        size = self._known(size)
        if not 0 <= before <= size:
            raise ValueError(f"a tree of {size} leaves did not grow from one of {before}")
        if before in (0, size):
            return ()
        path = []
        start, end, is_whole = 0, size, True
        while before != end:
            middle = start + _split(end - start)
            if before <= middle:
                path.append(self._subtree(middle, end))
                end = middle
            else:
                path.append(self._subtree(start, middle))
                start, is_whole = middle, False
        if not is_whole:
            path.append(self._subtree(start, end))
        return tuple(reversed(path))

    def _known(self, size: int | None) -> int:
        if size is None:
            return len(self)
        if not 0 <= size <= len(self):
            raise ValueError(f"the tree has {len(self)} leaves, and never had {size}")
        return size

    def _subtree(self, start: int, end: int) -> bytes:
        """Return the root of the leaves from `start` to before `end`."""
        if start == end:
            return EMPTY_ROOT
        # The complete subtrees of which it consists, the largest first.
        parts = []
        while start < end:
            level = (end - start).bit_length() - 1
            parts.append(self._complete(level, start >> level))
            start += 1 << level
        root = parts.pop()
        while parts:
            root = node_hash(parts.pop(), root)
        return root

    def _complete(self, level: int, number: int) -> bytes:
        return bytes(self._levels[level][number * HASH_BYTES : (number + 1) * HASH_BYTES])


class MerkleEdge:
    """The right edge of a tree that grows: some 24 hashes, from which its root follows, and nothing else."""

    def __init__(self) -> None:
        """Begin with the empty tree."""
        self._size = 0
        self._subtrees: list[bytes] = []

    def __len__(self) -> int:
        """Return how many leaves there are."""
        return self._size

    def append(self, leaf: bytes) -> None:
        """Add a leaf."""
        hash_, pairs = leaf_hash(leaf), self._size
        while pairs & 1:
            hash_, pairs = node_hash(self._subtrees.pop(), hash_), pairs >> 1
        self._subtrees.append(hash_)
        self._size += 1

    def root(self) -> bytes:
        """Return the root."""
        if not self._subtrees:
            return EMPTY_ROOT
        root = self._subtrees[-1]
        for left in reversed(self._subtrees[:-1]):
            root = node_hash(left, root)
        return root


def _split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def proves_inclusion(hash_: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Tell whether a leaf of this hash stands at `index` in the tree of this root (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes(path):
        return False
    place, last, result = index, size - 1, hash_
    for each in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            result = node_hash(each, result)
            while place & 1 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            result = node_hash(result, each)
        place, last = place >> 1, last >> 1
    return last == 0 and hmac.compare_digest(result, root)


def proves_consistency(before: int, size: int, path: Sequence[bytes], roots: tuple[bytes, bytes]) -> bool:
    """Tell whether the tree of `size` leaves begins with that of `before` (RFC 9162, section 2.1.4.2).

    `roots`: of the smaller tree and of the larger one.
    """
    if not 0 <= before <= size or not _are_hashes(path):
        return False
    if before == size:
        return not path and hmac.compare_digest(*roots)
    if before == 0:
        return not path and hmac.compare_digest(roots[0], EMPTY_ROOT)
    return _grew(before, size, path, roots)


def _grew(before: int, size: int, path: Sequence[bytes], roots: tuple[bytes, bytes]) -> bool:
    hashes = [roots[0], *path] if before & (before - 1) == 0 else list(path)
    if not hashes:
        return False
    place, last = before - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node_hash(each, old), node_hash(each, new)
            while place & 1 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, each)
        place, last = place >> 1, last >> 1
    return last == 0 and hmac.compare_digest(old, roots[0]) and hmac.compare_digest(new, roots[1])


def _are_hashes(path: Sequence[bytes]) -> bool:
    # 64 hashes lead up a tree of 2^63 leaves; a consistency proof has at most one more.
    return len(path) <= 65 and all(len(each) == HASH_BYTES for each in path)
