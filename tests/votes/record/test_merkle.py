from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votes.record.merkle import (
    EMPTY_ROOT,
    MerkleEdge,
    MerkleTree,
    leaf_hash,
    node_hash,
    proves_consistency,
    proves_inclusion,
)

VECTORS = Path(__file__).parents[2] / "vectors"
SIZES = st.integers(1, 70)


def tree_of(leaves: Iterable[bytes]) -> MerkleTree:
    return MerkleTree(leaf_hash(each) for each in leaves)


def numbered(size: int) -> MerkleTree:
    return tree_of(bytes([each]) for each in range(size))


def by_the_definition(leaves: list[bytes]) -> bytes:
    """The root as RFC 9162, section 2.1.1 defines it, without any of our short cuts."""
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node_hash(by_the_definition(leaves[:half]), by_the_definition(leaves[half:]))


def test_the_roots_and_proofs_of_certificate_transparency_come_out() -> None:
    vectors = json.loads((VECTORS / "merkle.json").read_text())
    tree = tree_of(bytes.fromhex(each) for each in vectors["leaves"])
    assert [tree.root(size).hex() for size in range(9)] == vectors["roots"]
    for case in vectors["inclusion"]:
        assert [each.hex() for each in tree.inclusion(case["index"], case["size"])] == case["path"]
    for case in vectors["consistency"]:
        assert [each.hex() for each in tree.consistency(case["before"], case["size"])] == case["path"]


@given(SIZES)
def test_the_root_is_that_of_the_definition(size: int) -> None:
    assert numbered(size).root() == by_the_definition([bytes([each]) for each in range(size)])


@given(SIZES, st.data())
def test_each_leaf_is_proved_at_its_place_only(size: int, data: st.DataObject) -> None:
    tree = numbered(size)
    index = data.draw(st.integers(0, size - 1))
    path = tree.inclusion(index)
    for other in range(size + 2):
        assert proves_inclusion(tree.leaf(index), other, size, path, tree.root()) is (other == index)


@given(SIZES, st.data())
def test_a_path_that_was_changed_or_is_longer_or_shorter_proves_nothing(size: int, data: st.DataObject) -> None:
    tree = numbered(size)
    index = data.draw(st.integers(0, size - 1))
    path, leaf, root = tree.inclusion(index), tree.leaf(index), tree.root()
    assert not proves_inclusion(leaf, index, size, (*path, bytes(32)), root)
    assert not proves_inclusion(leaf, index, size, path, bytes(32))
    assert not proves_inclusion(bytes(32), index, size, path, root)
    for place in range(len(path)):
        assert not proves_inclusion(leaf, index, size, path[:place] + path[place + 1 :], root)
        assert not proves_inclusion(leaf, index, size, (*path[:place], bytes(32), *path[place + 1 :]), root)
        assert not proves_inclusion(leaf, index, size, (*path[:place], path[place][:31], *path[place + 1 :]), root)


@given(SIZES, st.data())
def test_a_tree_that_grew_is_proved_to_begin_with_the_old_one(size: int, data: st.DataObject) -> None:
    tree = numbered(size)
    before = data.draw(st.integers(0, size))
    path, roots = tree.consistency(before), (tree.root(before), tree.root())
    assert proves_consistency(before, size, path, roots)
    assert not proves_consistency(before, size, (*path, bytes(32)), roots)
    if 0 < before < size:
        assert not proves_consistency(before, size, path, (bytes(32), roots[1]))
        assert not proves_consistency(before, size, path, (roots[0], bytes(32)))
        assert not proves_consistency(before, size, path[:-1], roots)
        assert not proves_consistency(before, size, (), roots)
        assert not proves_consistency(size, before, path, (roots[1], roots[0]))


def test_a_tree_whose_past_was_changed_has_no_proof() -> None:
    honest, forged = numbered(5), tree_of([b"other", *(bytes([each]) for each in range(1, 9))])
    for before in range(1, 6):
        path = forged.consistency(before)
        assert not proves_consistency(before, 9, path, (honest.root(before), forged.root()))


def test_a_leaf_never_passes_as_an_inner_node() -> None:
    tree = numbered(2)
    forged = tree_of([tree.leaf(0) + tree.leaf(1)])
    assert forged.root() != tree.root()


def test_places_that_do_not_exist_are_refused() -> None:
    tree = numbered(3)
    for wrong in (lambda: tree.inclusion(3), lambda: tree.inclusion(-1), lambda: tree.leaf(3), lambda: tree.root(4)):
        with pytest.raises(ValueError, match="tree"):
            wrong()
    with pytest.raises(ValueError, match="did not grow"):
        tree.consistency(4)
    with pytest.raises(ValueError, match="never had"):
        tree.inclusion(0, 4)


def test_the_edge_has_the_root_of_the_tree_at_every_size() -> None:
    tree, edge = MerkleTree(), MerkleEdge()
    assert edge.root() == EMPTY_ROOT
    for number in range(70):
        tree.append(bytes([number]))
        edge.append(bytes([number]))
        assert (len(edge), edge.root()) == (len(tree), tree.root())
