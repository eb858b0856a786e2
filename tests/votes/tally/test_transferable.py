"""Single transferable vote: by the page, by another library, and by real elections."""

from __future__ import annotations

import hashlib
import random
from collections import Counter

import pyrankvote
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worlds.real_elections import IRELAND, IRISH_ROUNDS, RANKED_ELECTIONS, RankedElection
from votes.tally.transferable import UNIT, Ballots, TransferCount, TransferRound, count_transferable

PROFILES = st.integers(2, 5).flatmap(
    lambda options: st.tuples(
        st.just(options),
        st.integers(1, options),
        st.lists(
            st.tuples(st.permutations(range(options)), st.integers(0, options)).map(
                lambda drawn: tuple(drawn[0][: drawn[1]])
            ),
            min_size=1,
            max_size=25,
        ),
    )
)


def _lot(option: int) -> bytes:
    return hashlib.sha256(bytes([option])).digest()


class _ByThePage:
    """Counts ballot by ballot, as the page says: slowly, and without a library."""

    def __init__(self, ballots: Ballots, options: int, seats: int) -> None:
        self.pile = [[ranking, UNIT] for ranking, count in ballots.items() for _ in range(count) if ranking]
        self.quota = (len(self.pile) // (seats + 1) + 1) * UNIT
        self.race = set(range(options))
        self.seats = seats
        self.winners: list[int] = []
        self.history: list[dict[int, int]] = []
        self.rounds: list[TransferRound] = []

    def count(self) -> TransferCount:
        while len(self.winners) < self.seats:
            self.rounds.append(self.one_round())
        return TransferCount(self.quota, tuple(self.rounds), tuple(self.winners))

    def one_round(self) -> TransferRound:
        votes = dict.fromkeys(self.race, 0)
        spent = 0
        for ranking, value in self.pile:
            at = self.first(ranking)
            if at is None:
                spent += value
            else:
                votes[at] += value
        self.history.append(votes)
        if len(self.race) == self.seats - len(self.winners):
            elected = set(self.race)
        else:
            elected = {option for option in self.race if votes[option] >= self.quota}
            for ballot in self.pile:
                at = self.first(ballot[0])
                if at in elected:
                    ballot[1] = ballot[1] * (votes[at] - self.quota) // votes[at]
        if elected:
            self.race -= elected
            self.winners += elected
            return TransferRound(votes, spent, tuple(elected), (), ())
        equal = set(self.race)
        for earlier in reversed(self.history):
            fewest = min(earlier[option] for option in equal)
            equal = {option for option in equal if earlier[option] == fewest}
        out = max(equal, key=_lot)
        self.race.remove(out)
        return TransferRound(votes, spent, (), (out,), tuple(sorted(equal)) if len(equal) > 1 else ())

    def first(self, ranking: tuple[int, ...]) -> int | None:
        return next((option for option in ranking if option in self.race), None)


def _unordered(counted: TransferCount) -> list[object]:
    """Options with equal votes may win in either order."""
    rounds = [(each.votes, each.exhausted, set(each.elected), each.out, each.by_lot) for each in counted.rounds]
    return [counted.quota, set(counted.winners), rounds]


@given(PROFILES)
def test_it_counts_by_the_page(profile: tuple[int, int, list[tuple[int, ...]]]) -> None:
    options, seats, rankings = profile
    ballots = dict(Counter(rankings))
    if any(ballots):
        counted = count_transferable(ballots, options, seats, lot=_lot)
        assert _unordered(counted) == _unordered(_ByThePage(ballots, options, seats).count())


@pytest.mark.parametrize("election", RANKED_ELECTIONS, ids=str)
def test_real_elections_have_the_published_winners(election: RankedElection) -> None:
    """Pitfall 16."""
    counted = count_transferable(dict(election.ballots), len(election.options), election.seats, lot=_lot)
    assert {election.options[winner] for winner in counted.winners} == election.winners


def test_a_real_election_has_the_published_votes_in_each_round() -> None:
    counted = count_transferable(dict(IRELAND.ballots), 3, 1, lot=_lot)
    votes = [[each.votes[at] // UNIT if at in each.votes else None for at in range(3)] for each in counted.rounds]
    assert votes == IRISH_ROUNDS


def _by_another_library(ballots: Ballots, options: int, seats: int) -> set[int]:
    candidates = [pyrankvote.Candidate(str(option)) for option in range(options)]
    cast = [
        pyrankvote.Ballot([candidates[option] for option in ranking])
        for ranking, count in ballots.items()
        for _ in range(count)
    ]
    if seats == 1:
        result = pyrankvote.instant_runoff_voting(candidates, cast)
    else:
        result = pyrankvote.single_transferable_vote(candidates, cast, seats)
    return {int(winner.name) for winner in result.get_winners()}


@pytest.mark.parametrize("election", RANKED_ELECTIONS, ids=str)
def test_another_library_agrees_on_real_elections(election: RankedElection) -> None:
    ballots = dict(election.ballots)
    if sum(ballots.values()) > 100_000:
        # The other library keeps an object for each ballot. A thousandth of this election is the same election.
        ballots = {ranking: count // 1_000 for ranking, count in ballots.items()}
    counted = count_transferable(ballots, len(election.options), election.seats, lot=_lot)
    assert set(counted.winners) == _by_another_library(ballots, len(election.options), election.seats)


def _had_equal_last_options(counted: TransferCount) -> bool:
    """The other library has another rule for them."""
    return any(each.out and list(each.votes.values()).count(each.votes[each.out[0]]) > 1 for each in counted.rounds)


@pytest.mark.parametrize("seats", [1, 2])
def test_another_library_agrees_on_random_elections(seats: int) -> None:
    """Voters favour options of their side, so that rankings look like those of an election.

    The other library's quota is not rounded up. Each ballot stands for 20, so that one ballot decides nothing. It also
    gives all ballots that an option hands on the same value, so that with more seats it counts by another method.
    """
    compared = 0
    for seed in range(16):
        rng = random.Random(seed)
        ballots: Counter[tuple[int, ...]] = Counter()
        for _ in range(301):
            side = rng.random()
            distances = [abs(side - option / 5) + rng.gauss(0, 0.2) for option in range(6)]
            ballots[tuple(sorted(range(6), key=distances.__getitem__)[: rng.randint(1, 6)])] += 20
        counted = count_transferable(dict(ballots), 6, seats, lot=_lot)
        if not _had_equal_last_options(counted):
            compared += 1
            assert set(counted.winners) == _by_another_library(dict(ballots), 6, seats), seed
    assert compared > 10


def test_the_values_of_ballots_are_rounded_down() -> None:
    """The quota is 4: 3 of 7 ballots go on, 4 and 3 ballots with 0.428571428 each; 0.000000004 is lost."""
    counted = count_transferable({(0, 1): 4, (0, 2): 3, (2,): 2, (1,): 1}, 3, 2, lot=_lot)
    assert counted.quota == 4 * UNIT
    assert counted.rounds[1].votes == {1: UNIT + 4 * 428_571_428, 2: 2 * UNIT + 3 * 428_571_428}


def test_of_equal_options_the_one_that_was_weaker_before_is_out() -> None:
    """In the second round 1 and 2 are equal; in the first one 2 had fewer."""
    ballots = {(0,): 6, (1,): 4, (2,): 3, (3, 2): 1}
    counted = count_transferable(ballots, 4, 1, lot=_lot)
    assert [each.out for each in counted.rounds[:2]] == [(3,), (2,)]
    assert counted.rounds[1].votes[1] == counted.rounds[1].votes[2]
    assert not counted.rounds[1].by_lot


def test_options_that_are_equal_in_all_rounds_are_parted_by_lot() -> None:
    """The one with the highest lot is out."""
    ballots = {(0,): 2, (1,): 1, (2,): 1}
    counted = count_transferable(ballots, 3, 1, lot=lambda option: bytes([9 - option]))
    assert (counted.rounds[0].out, counted.rounds[0].by_lot) == ((1,), (1, 2))
    counted = count_transferable(ballots, 3, 1, lot=lambda option: bytes([option]))
    assert (counted.rounds[0].out, counted.rounds[0].by_lot) == ((2,), (1, 2))


def test_options_on_no_ballot_are_out_first() -> None:
    counted = count_transferable({(0,): 2, (1,): 2, (2, 1): 1}, 4, 1, lot=_lot)
    assert [each.out for each in counted.rounds[:2]] == [(3,), (2,)]
    assert counted.winners == (1,)


def test_many_spent_ballots_put_only_one_option_out_at_a_time() -> None:
    """votelib itself takes spent ballots for an option when it looks for the last one, and then two are out at once."""
    ballots = {(0,): 5, (1, 2): 4, (2, 1): 3, (3,): 2, (4,): 2}
    counted = count_transferable(ballots, 5, 1, lot=_lot)
    assert [len(each.out) for each in counted.rounds[:3]] == [1, 1, 1]
    assert counted.winners == (1,)


def test_as_many_options_as_seats_all_win() -> None:
    assert sorted(count_transferable({(0,): 1}, 3, 3, lot=_lot).winners) == [0, 1, 2]


def test_twenty_winners_take_no_longer_than_they_should() -> None:
    """With exact fractions the values of ballots would double their length with each surplus."""
    rng = random.Random(1)
    ballots = Counter(tuple(rng.sample(range(30), 12)) for _ in range(2_000))
    assert len(count_transferable(dict(ballots), 30, 20, lot=_lot).winners) == 20
