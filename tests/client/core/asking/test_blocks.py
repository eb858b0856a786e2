from __future__ import annotations

from client.core.asking.blocks import FORGIVEN_A_SHARE, FORGIVEN_AT_FIRST, BlockLedger


def test_what_was_given_is_under_way_until_it_comes_back() -> None:
    ledger = BlockLedger()
    first = ledger.give(2, arrives_s=1.0, ends_s=100.0)
    second = ledger.give(1, arrives_s=2.0, ends_s=100.0)
    assert (ledger.under_way(0), ledger.usable(0), ledger.given) == (3, 3, 3)
    ledger.came_back(first)
    ledger.came_back(second)
    assert ledger.under_way(0) == 1
    ledger.came_back(second)  # again: a part that is settled
    assert ledger.under_way(0) == 1


def test_a_part_that_is_neither_held_nor_used_was_lost() -> None:
    ledger = BlockLedger()
    arrived = ledger.give(6, arrives_s=1.0, ends_s=100.0)
    ledger.give(6, arrives_s=2.0, ends_s=100.0)
    ledger.came_back(arrived)
    ledger.on_held(5, 3.0)
    assert (ledger.usable(0), ledger.under_way(0)) == (5, 5)


def test_a_part_that_arrives_later_than_the_word_is_counted_in_addition() -> None:
    ledger = BlockLedger()
    arrived = ledger.give(6, arrives_s=1.0, ends_s=100.0)
    ledger.came_back(arrived)
    ledger.on_held(3, 3.0)
    ledger.give(4, arrives_s=3.5, ends_s=100.0)
    assert ledger.usable(2) == 7
    assert ledger.under_way(2) == 9


def test_no_more_is_under_way_than_has_not_come_back() -> None:
    """A host may have counted a part already of which we thought that it was on its way."""
    ledger = BlockLedger()
    early = ledger.give(6, arrives_s=5.0, ends_s=100.0)
    ledger.came_back(early)
    ledger.on_held(5, 3.0)
    assert ledger.under_way(0) == 5


def test_blocks_end_with_their_epoch() -> None:
    ledger = BlockLedger()
    ledger.give(6, arrives_s=1.0, ends_s=50.0)
    ledger.give(2, arrives_s=2.0, ends_s=80.0)
    ledger.on_held(8, 3.0)
    ledger.expire(49.9)
    assert ledger.usable(0) == 8
    ledger.expire(50.0)
    assert ledger.usable(0) == 2
    ledger.expire(80.0)
    assert (ledger.usable(0), ledger.under_way(0)) == (0, 0)


def test_what_is_written_off_is_counted_on_no_more() -> None:
    ledger = BlockLedger()
    part = ledger.give(6, arrives_s=1.0, ends_s=50.0)
    ledger.on_held(6, 2.0)
    ledger.write_off()
    assert ledger.under_way(0) == 0
    ledger.came_back(part)
    ledger.give(3, arrives_s=9.0, ends_s=50.0)
    assert ledger.usable(0) == 3


def test_a_host_that_says_it_holds_nothing_is_believed_for_few_blocks_only() -> None:
    ledger = BlockLedger()
    for number in range(10):
        ledger.give(6, arrives_s=float(number), ends_s=1000.0)
        ledger.on_held(0, number + 0.5)
    assert (ledger.usable(0), ledger.hoarded(0)) == (0, 60 - FORGIVEN_AT_FIRST)
    ledger.forgive(5)
    assert ledger.hoarded(0) == 60 - FORGIVEN_AT_FIRST - 5 * FORGIVEN_A_SHARE
    # Whatever is done with them from now on: those that end, or come back, are nobody's any more.
    ledger.came_back(1)
    assert ledger.hoarded(0) == 59 - FORGIVEN_AT_FIRST - 5 * FORGIVEN_A_SHARE
    ledger.expire(1000.0)
    assert ledger.hoarded(0) == 0


def test_silence_is_believed_for_few_blocks_only_too() -> None:
    ledger = BlockLedger()
    ledger.give(40, arrives_s=1.0, ends_s=1000.0)
    assert ledger.hoarded(0) == 0
    ledger.write_off()
    assert (ledger.under_way(0), ledger.hoarded(0)) == (0, 40 - FORGIVEN_AT_FIRST)
