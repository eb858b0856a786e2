"""Reply blocks that are held: those that end first are taken first."""

from __future__ import annotations

from provider.hosting.blocks import MAX_HELD, HeldBlocks


def test_blocks_are_taken_by_their_ends_and_in_order() -> None:
    held = HeldBlocks()
    held.add(7, [b"a", b"b"])
    held.add(6, [b"c"])
    held.add(7, [b"d"])
    assert [len(held), *(held.take() for _ in range(5))] == [4, b"c", b"a", b"b", b"d", None]
    assert len(held) == 0


def test_blocks_whose_time_is_over_are_forgotten() -> None:
    held = HeldBlocks()
    for epoch in (5, 6, 7):
        held.add(epoch, [b"%d" % epoch])
    held.drop_before(7)
    assert len(held) == 1
    assert [held.take(), held.take()] == [b"7", None]


def test_so_many_are_held_and_no_more() -> None:
    held = HeldBlocks()
    held.add(1, [b"a"] * (MAX_HELD - 1))
    held.add(2, [b"b"] * 2)
    assert len(held) == MAX_HELD
    held.drop_before(2)
    assert [held.take(), held.take()] == [b"b", None]
    held.add(3, [b"c"])
    assert held.take() == b"c"
