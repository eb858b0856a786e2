"""Winners from figures: the highest ones, and lists by highest averages. Ties stay ties.

The methods are votelib's. Options are given to it as whole numbers: it takes texts for groups of letters in places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import votelib.evaluate.core
import votelib.evaluate.proportional

from votes.tally.outcomes import Elected

DIVISORS = {"d-hondt": "d_hondt", "sainte-lague": "sainte_lague"}
"""The names of the methods here and in votelib."""


def elected_of(chosen: Sequence[object]) -> Elected:
    """Return what votelib found: options, and at the end perhaps one tie, as often as it has seats."""
    ties = [each for each in chosen if isinstance(each, votelib.evaluate.core.Tie)]
    winners = tuple(each for each in chosen if isinstance(each, int))
    return Elected(winners, tuple(sorted(ties[0])) if ties else (), len(ties))


def highest(figures: Mapping[int, int], seats: int) -> Elected:
    """Return the options with the highest figures."""
    if not figures:
        return Elected()
    return elected_of(votelib.evaluate.core.get_n_best(dict(figures), seats))


def elected_by_layers(layers: tuple[tuple[int, ...], ...], seats: int) -> Elected:
    """Return the winners: whole layers as long as there are seats; what does not fit is a tie."""
    winners: list[int] = []
    for layer in layers:
        left = seats - len(winners)
        if len(layer) > left:
            return Elected(tuple(winners), layer if left else (), left)
        winners += layer
    return Elected(tuple(winners))


def seats_of_lists(method: str, votes: Sequence[int], seats: int) -> tuple[list[int], Elected]:
    """Return the seats of each list, and what stays open; lists without votes get none.

    `method`: one of `DIVISORS`. `votes`: of each list.
    """
    seats_won = [0] * len(votes)
    with_votes = {number: count for number, count in enumerate(votes) if count}
    if not with_votes:
        return seats_won, Elected(open_seats=seats)
    found = votelib.evaluate.proportional.HighestAverages(DIVISORS[method]).evaluate(with_votes, seats)
    tied: tuple[int, ...] = ()
    open_seats = 0
    for list_or_tie, count in found.items():
        if isinstance(list_or_tie, votelib.evaluate.core.Tie):
            tied, open_seats = tuple(sorted(list_or_tie)), count
        else:
            seats_won[list_or_tie] = count
    return seats_won, Elected(tied=tied, open_seats=open_seats)
