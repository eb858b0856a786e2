"""How far tasks are, told through a file."""

from __future__ import annotations

from loopixmix.sweeps.shares import Shares, SharesElsewhere


def test_shares_never_fall_and_are_added_up() -> None:
    with Shares(3) as shares:
        shares.progress(0)(0.5)
        shares.put(0, 0.25)
        shares.put(1, 1.0)
        assert shares.done() == (1.5, 1)


def test_another_process_writes_into_the_same_file() -> None:
    with Shares(2) as shares:
        SharesElsewhere(shares.path).progress(1)(0.75)
        assert shares.done() == (0.75, 0)
    assert not shares.path.exists()
