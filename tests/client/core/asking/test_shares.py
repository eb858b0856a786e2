from __future__ import annotations

import random

import pytest

from client.core.asking.shares import AnswerShares, AnswerTiming, answer_timing
from client.core.asking.spares import spare_shares
from client.core.retry import exceedance
from loopixmix.errors import FormatError
from loopixmix.params import NetworkParams
from loopixmix.requests.answers import AnswerShare, answer_pieces, answer_shares
from loopixmix.requests.coding import MAX_SHARES
from loopixmix.sphinx import Geometry

SIZE = Geometry.for_network(NetworkParams())
TIMING = AnswerTiming(unsure_s=1.5, late_s=4.0)
BODY = random.Random(1).randbytes(10_000)
PIECES = answer_pieces(len(BODY), SIZE)


def share(number: int, body: bytes = BODY) -> AnswerShare:
    index = (number - 1) % MAX_SHARES
    return AnswerShare(len(body), number, 3, index, answer_shares(body, [index], SIZE)[0])


def collection() -> AnswerShares:
    return AnswerShares(SIZE, TIMING)


def take(shares: AnswerShares, number: int, left_s: float = 0.0, *, most_missing: int = 100) -> bool:
    return shares.take(share(number), left_s=left_s, most_missing=most_missing)


def test_any_shares_give_the_answer_in_any_order() -> None:
    assert PIECES == 5
    shares = collection()
    assert (shares.pieces, shares.answer()) == (0, None)
    for number in (7, 2, 9, 1):
        take(shares, number)
    assert (shares.received, shares.answer()) == (4, None)
    take(shares, 12)
    assert shares.answer() == BODY


def test_only_a_share_with_a_higher_number_is_news_of_the_host() -> None:
    shares = collection()
    assert take(shares, 3)
    assert not take(shares, 1)
    assert take(shares, 4)


def test_a_share_that_others_overtook_is_lost_after_a_while() -> None:
    shares = collection()
    take(shares, 1, 10.0)
    take(shares, 4, 12.0)
    assert (shares.in_air, shares.wanted(0.0)) == (2, 5)
    shares.settle(15.9)
    assert shares.in_air == 2
    shares.settle(16.0)
    assert (shares.in_air, shares.wanted(0.0)) == (0, 7)


def test_one_that_comes_after_all_is_not_lost() -> None:
    shares = collection()
    take(shares, 1, 10.0)
    take(shares, 3, 12.0)
    shares.settle(20.0)
    assert shares.wanted(0.0) == 6
    take(shares, 2, 11.0)
    assert shares.wanted(0.0) == 5


def test_it_wants_spares_for_what_is_needed_and_for_what_is_under_way() -> None:
    shares = collection()
    take(shares, 1)
    assert shares.wanted(0.05) == 5 + spare_shares(4, 0.05)
    shares.write_off()
    for number in range(2, 6):
        take(shares, number)
    assert shares.wanted(0.05) == 5


def test_indices_that_are_here_already_do_not_count_again() -> None:
    """After 255 shares the indices begin anew."""
    shares = collection()
    take(shares, 1)
    shares.take(share(255), left_s=0.0, most_missing=0)
    # Number 256 has the index of number 1 again, number 257 that of number 2.
    assert shares.wanted(0.0) == 255 + 1 + 3


def test_a_host_cannot_have_sent_more_than_there_were_blocks() -> None:
    shares = collection()
    take(shares, 60_000, most_missing=6)
    assert shares.in_air == 6


def test_a_host_that_numbers_anew_begins_a_new_answer() -> None:
    shares = collection()
    for number in (1, 2, 3, 4):
        take(shares, number, 10.0)
    take(shares, 2, 30.0)
    assert (shares.received, shares.sent) == (1, 2)


def test_a_number_that_left_too_late_for_its_order_begins_a_new_answer() -> None:
    shares = collection()
    take(shares, 1, 10.0)
    take(shares, 4, 11.0)
    take(shares, 3, 12.4)  # it may have left at 10.9
    assert shares.received == 3
    take(shares, 2, 12.6)
    assert shares.received == 1


def test_an_answer_of_another_length_begins_a_new_one() -> None:
    shares = collection()
    for number in (1, 2, 3, 4):
        take(shares, number)
    shares.take(share(5, BODY + b"x"), left_s=0.0, most_missing=100)
    assert shares.received == 1


def test_shares_that_do_not_fit_together_are_forgotten() -> None:
    wrong = AnswerShares(SIZE, TIMING)
    # The last piece is a byte shorter than a share, and filled up with a zero: here it is not.
    longer = random.Random(2).randbytes(PIECES * len(share(1).share) - 1)
    for number in range(1, 5):
        wrong.take(share(number, longer), left_s=0.0, most_missing=100)
    last = share(5, longer)
    spoilt = AnswerShare(last.answer_bytes, last.sent, last.held, last.index, last.share[:-1] + b"\1")
    wrong.take(spoilt, left_s=0.0, most_missing=100)
    with pytest.raises(FormatError):
        wrong.answer()
    assert (wrong.received, wrong.answer()) == (0, None)


def test_loss_is_told_once_enough_was_sent() -> None:
    shares = AnswerShares(SIZE, TIMING)
    take(shares, 1)
    take(shares, 15)
    shares.write_off()
    assert shares.loss == 0.0
    take(shares, 16)
    assert shares.loss == pytest.approx(13 / 16)


def test_the_timing_follows_the_delays_of_the_network() -> None:
    params = NetworkParams()
    timing = answer_timing(params)
    assert timing.unsure_s == pytest.approx(1.5)
    assert exceedance(4, params.delay_mean_s, timing.late_s - timing.unsure_s) == pytest.approx(1e-3)
