from __future__ import annotations

from itertools import product

import pytest

from stats.collect.rules import DiscardNow, KeepWaiting, ReleaseNow, judge_waiting
from stats.questionnaire.questionnaire import AtClose, Batching

WAIT_S = 10
THRESHOLDS = (2, 3, 5)


def batching(threshold: int, at_close: AtClose) -> Batching:
    return Batching(threshold=threshold, longest_wait_s=WAIT_S, at_close=at_close)


def by_the_page(waiting: int, threshold: int, at_close: AtClose, *, waited_s: int, is_over: bool) -> object:
    """Return what docs/protocol/stats.md, section 5, says, sentence by sentence."""
    is_due = waited_s >= WAIT_S
    if is_over:
        return ReleaseNow(0) if waiting >= threshold else DiscardNow()
    if at_close is AtClose.DISCARD:
        if (waiting >= threshold and is_due) or waiting >= 2 * threshold:
            return ReleaseNow(0)
        return KeepWaiting()
    if waiting < 2 * threshold:
        return KeepWaiting()
    free = waiting - threshold
    if (free >= threshold and is_due) or free >= 2 * threshold:
        return ReleaseNow(threshold)
    return KeepWaiting()


@pytest.mark.parametrize("at_close", AtClose)
@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_all_cases_are_judged_by_the_page(threshold: int, at_close: AtClose) -> None:
    rules = batching(threshold, at_close)
    for waiting, waited_s, is_over in product(range(5 * threshold), (0, WAIT_S - 1, WAIT_S, 99), (False, True)):
        judged = judge_waiting(waiting, rules, last_release_s=1_000.0, is_over=is_over, now_s=1_000.0 + waited_s)
        assert judged == by_the_page(waiting, threshold, at_close, waited_s=waited_s, is_over=is_over)


@pytest.mark.parametrize("at_close", AtClose)
@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_whatever_comes_when_no_batch_and_no_rest_is_below_the_threshold(threshold: int, at_close: AtClose) -> None:
    # All courses of some rounds: in each comes a number of reports, and the wait is over or not.
    rules = batching(threshold, at_close)
    for course in product(product((0, 1, threshold, 2 * threshold), (0, WAIT_S)), repeat=3):
        waiting, discarded, released = 0, 0, 0
        for number, (came, waited_s) in enumerate((*course, (0, 0))):
            waiting += came
            is_over = number == len(course)
            match judge_waiting(waiting, rules, last_release_s=0.0, is_over=is_over, now_s=float(waited_s)):
                case ReleaseNow(held_back):
                    assert waiting - held_back >= threshold
                    assert held_back in (0, threshold)
                    released, waiting = released + waiting - held_back, held_back
                case DiscardNow():
                    assert waiting < threshold
                    discarded, waiting = waiting, 0
                case KeepWaiting():
                    assert not is_over
        assert waiting == 0
        assert released + discarded == sum(came for came, _ in course)
        if at_close is AtClose.MERGE and released:
            # The last ones always had company.
            assert discarded == 0
