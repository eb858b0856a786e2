from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from client.core.asking.spares import spare_shares
from client.core.asking.upload import RequestShares
from loopixmix.requests.coding import MAX_SHARES


def leave(upload: RequestShares) -> list[int]:
    left = []
    while upload.waiting:
        left.append(upload.next_index)
        upload.on_sent()
    return left


def test_a_round_has_the_pieces_and_spares_for_loss() -> None:
    assert leave(RequestShares(3, loss=0.0)) == [0, 1, 2]
    assert leave(RequestShares(1, loss=0.05)) == [0, 1]
    assert leave(RequestShares(50, loss=0.05)) == list(range(50 + spare_shares(50, 0.05)))


def test_what_the_host_misses_is_sent() -> None:
    upload = RequestShares(4, loss=0.0)
    leave(upload)
    upload.on_missing(frozenset({0, 3}))
    assert leave(upload) == [1, 2]


def test_a_host_that_has_enough_and_says_nothing_else_gets_one_more() -> None:
    upload = RequestShares(2, loss=0.0)
    leave(upload)
    upload.on_missing(frozenset({0, 1}))
    assert leave(upload) == [2]


def test_an_old_word_takes_out_only_what_the_host_has() -> None:
    upload = RequestShares(5, loss=0.0)
    upload.on_sent()
    upload.on_missing(frozenset({0, 2}))
    assert leave(upload) == [1, 3, 4]


def test_silence_is_broken_by_one_more_share() -> None:
    upload = RequestShares(3, loss=0.0)
    leave(upload)
    upload.on_silence()
    assert leave(upload) == [3]
    upload.on_silence()
    upload.on_silence()
    assert leave(upload) == [4]


def test_how_much_was_sent_counts_pieces_once() -> None:
    upload = RequestShares(3, loss=0.05)
    assert (upload.sent, upload.pieces) == (0, 3)
    upload.on_sent()
    assert upload.sent == 1
    leave(upload)
    upload.on_silence()
    leave(upload)
    assert upload.sent == 3


def test_what_is_finished_sends_no_more() -> None:
    upload = RequestShares(3, loss=0.0)
    upload.finish()
    assert upload.waiting == 0


@given(st.integers(1, 132), st.floats(0, 1), st.lists(st.frozensets(st.integers(0, MAX_SHARES - 1)), max_size=6))
def test_whatever_the_host_says_indices_are_shares_and_rounds_are_short(
    pieces: int, loss: float, words: list[frozenset[int]]
) -> None:
    upload = RequestShares(pieces, loss=loss)
    assert set(range(pieces)) <= set(leave(upload))
    for received in words:
        upload.on_missing(received)
        left = leave(upload)
        assert len(left) == len(set(left)) <= MAX_SHARES
        assert all(0 <= index < MAX_SHARES for index in left)
        assert not set(left) & received
        upload.on_silence()
        assert 1 <= len(leave(upload)) <= 1 + spare_shares(1, loss)
