"""Which ballots count: in whatever order they arrive, the one with the highest counter."""

from __future__ import annotations

from itertools import permutations

from tests.worlds.voters import CHOICES, Voters
from votes.ballot.ballots import Ballot
from votes.ballot.choices import ChosenOptions, YesOrNo
from votes.ballot.plaintexts import extract_numbers
from votes.ballot.weeding import DoubledCounter, NotCounted, StoredBallot, Weeded, mix_inputs, weed

VOTERS = Voters()
NONE: frozenset[int] = frozenset()
NO_DIGESTS: frozenset[bytes] = frozenset()


def _ballot(voter: int, counter: int) -> Ballot:
    return VOTERS.made(voter, counter=counter).ballot


def _stored(*ballots: Ballot) -> list[StoredBallot]:
    return [StoredBallot(entry, ballot) for entry, ballot in enumerate(ballots, start=10)]


def _weed(*ballots: Ballot) -> Weeded:
    return weed(_stored(*ballots), excluded=NONE, challenged=NO_DIGESTS)


def test_the_highest_counter_counts_in_whatever_order_ballots_arrive() -> None:
    first, second, third = (_ballot(0, counter) for counter in (1, 2, 7))
    for order in permutations([first, second, third]):
        weeded = _weed(*order)
        assert [each.ballot for each in weeded.counting] == [third]
        assert set(weeded.not_counted.values()) == {NotCounted.LOWER_COUNTER}
        assert weeded.faults == ()


def test_ballots_that_count_keep_the_order_of_the_board() -> None:
    a, b, again, c = _ballot(2, 1), _ballot(0, 1), _ballot(2, 2), _ballot(1, 5)
    assert [each.entry for each in _weed(a, b, again, c).counting] == [11, 12, 13]


def test_two_different_ballots_with_one_counter_are_a_public_fault_and_the_first_stored_one_counts() -> None:
    one, other = _ballot(0, 3), _ballot(0, 3)
    weeded = _weed(one, other)
    assert [each.ballot for each in weeded.counting] == [one]
    assert weeded.not_counted == {11: NotCounted.SAME_COUNTER}
    assert weeded.faults == (DoubledCounter(VOTERS.credentials[0], 3, (10, 11)),)
    assert [each.ballot for each in _weed(other, one).counting] == [other]


def test_a_fault_with_a_lower_counter_is_told_too() -> None:
    one, other, last = _ballot(0, 1), _ballot(0, 1), _ballot(0, 2)
    weeded = _weed(one, last, other)
    assert [each.ballot for each in weeded.counting] == [last]
    assert weeded.faults == (DoubledCounter(VOTERS.credentials[0], 1, (10, 12)),)


def test_a_ballot_that_is_stored_twice_counts_once_and_is_no_fault() -> None:
    ballot, other = _ballot(0, 1), _ballot(1, 1)
    weeded = _weed(ballot, other, ballot, ballot)
    assert [each.entry for each in weeded.counting] == [10, 11]
    assert weeded.not_counted == {12: NotCounted.REPEATED, 13: NotCounted.REPEATED}
    assert weeded.faults == ()


def test_an_excluded_ballot_does_not_hide_the_one_before() -> None:
    """Pitfall 7: a bad ballot that is stored with a high counter in a voter's name must not take the vote away."""
    right, forged = _ballot(0, 1), _ballot(0, 2**32 - 1)
    weeded = weed(_stored(right, forged), excluded={11}, challenged=NO_DIGESTS)
    assert [each.ballot for each in weeded.counting] == [right]
    assert weeded.not_counted == {11: NotCounted.EXCLUDED}


def test_an_excluded_ballot_makes_no_fault() -> None:
    right, forged = _ballot(0, 1), _ballot(0, 1)
    weeded = weed(_stored(forged, right), excluded={10}, challenged=NO_DIGESTS)
    assert [each.ballot for each in weeded.counting] == [right]
    assert weeded.faults == ()


def test_no_ballots_are_weeded_to_none() -> None:
    assert _weed() == Weeded((), {}, ())
    assert [len(rows) for rows in mix_inputs(VOTERS.form, [])] == [0, 0, 0]


def test_the_rows_that_count_are_those_of_the_ballots_poll_by_poll() -> None:
    others = (ChosenOptions(frozenset({1})), YesOrNo(False), CHOICES[2])
    ballots = [VOTERS.made(0).ballot, VOTERS.made(1, others).ballot]
    form, secret = VOTERS.form, VOTERS.world.secret
    inputs = mix_inputs(form, ballots)
    assert [(rows.width, len(rows)) for rows in inputs] == [(1, 2), (1, 2), (2, 2)]
    found = []
    for rows, coding in zip(inputs, form.codings, strict=True):
        numbers = extract_numbers(form.group, [pair.b - pair.a.times(secret) for pair in rows.pairs])
        found.append([coding.decode(number) for number in numbers if number is not None])
    assert found == [[mine, theirs] for mine, theirs in zip(CHOICES, others, strict=True)]
