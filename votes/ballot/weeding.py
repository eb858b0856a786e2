"""Which of the stored ballots count (docs/protocol/votes.md, 4), and their ciphertexts for the shuffle."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import Enum

from votes.ballot.ballots import Ballot
from votes.ballot.ciphertexts import Ciphertexts, Pair
from votes.ballot.form import BallotForm
from votes.ballot.proving import ballot_elements


@dataclass(frozen=True)
class StoredBallot:
    """A ballot on the board. `entry`: the index of its entry in the log."""

    entry: int
    ballot: Ballot


class NotCounted(Enum):
    """Why a stored ballot does not count."""

    EXCLUDED = "it was excluded with a public reason"
    CHALLENGED = "it was challenged: its randomness is public"
    REPEATED = "it is stored twice"
    LOWER_COUNTER = "the same voter cast one with a higher counter"
    SAME_COUNTER = "another ballot of the same voter with the same counter was stored before"


@dataclass(frozen=True)
class DoubledCounter:
    """A public fault: two different ballots of one credential have the same counter. `entries`: of all such ballots."""

    credential: bytes
    counter: int
    entries: tuple[int, ...]


@dataclass(frozen=True)
class Weeded:
    """Which ballots count, in the order of the board, why the others do not, and what somebody did wrong."""

    counting: tuple[StoredBallot, ...]
    not_counted: Mapping[int, NotCounted]
    faults: tuple[DoubledCounter, ...]


def weed(stored: Sequence[StoredBallot], *, excluded: Set[int], challenged: Set[bytes]) -> Weeded:
    """Return which ballots count.

    `stored`: all, in the order of the log. `excluded`: indices of entries. `challenged`: digests of ballots.

    Ballots that are excluded or challenged are as if they were not there. Otherwise a board could store a false ballot
    with a high counter in a voter's name, have it excluded, and with it all that the voter cast.
    """
    not_counted: dict[int, NotCounted] = {}
    by_credential: dict[bytes, list[StoredBallot]] = {}
    for each in stored:
        if each.entry in excluded:
            not_counted[each.entry] = NotCounted.EXCLUDED
        elif each.ballot.digest in challenged:
            not_counted[each.entry] = NotCounted.CHALLENGED
        else:
            by_credential.setdefault(each.ballot.credential, []).append(each)
    faults: list[DoubledCounter] = []
    for credential, cast in by_credential.items():
        # Almost every credential has one ballot: it counts, and needs no more work.
        if len(cast) > 1:
            not_counted.update(_lower_ones(cast))
            faults += _doubled(credential, cast)
    counting = tuple(each for each in stored if each.entry not in not_counted)
    return Weeded(counting, not_counted, tuple(faults))


def _lower_ones(cast: Sequence[StoredBallot]) -> Iterator[tuple[int, NotCounted]]:
    highest = max(each.ballot.counter for each in cast)
    first: dict[int, bytes] = {}
    seen: set[bytes] = set()
    for each in cast:
        counter, digest = each.ballot.counter, each.ballot.digest
        before = first.setdefault(counter, digest)
        if digest in seen:
            yield each.entry, NotCounted.REPEATED
        elif counter < highest:
            yield each.entry, NotCounted.LOWER_COUNTER
        elif before != digest:
            yield each.entry, NotCounted.SAME_COUNTER
        seen.add(digest)


def _doubled(credential: bytes, cast: Sequence[StoredBallot]) -> Iterator[DoubledCounter]:
    by_counter: dict[int, list[StoredBallot]] = {}
    for each in cast:
        by_counter.setdefault(each.ballot.counter, []).append(each)
    for counter, same in sorted(by_counter.items()):
        if len({each.ballot.digest for each in same}) > 1:
            yield DoubledCounter(credential, counter, tuple(each.entry for each in same))


def mix_inputs(form: BallotForm, ballots: Sequence[Ballot]) -> tuple[Ciphertexts, ...]:
    """Return the ciphertexts of ballots, poll by poll: the input of the first mixer.

    Raises `BadElementError` for an encoding that is not canonical; a ballot that was checked has none.
    """
    elements = ballot_elements(form.group, ballots)
    stride = 2 * form.width

    def pair(number: int) -> Pair:
        starts = range(2 * number, stride * len(ballots), stride)
        return Pair(elements.take(array("I", starts)), elements.take(array("I", (at + 1 for at in starts))))

    inputs = []
    for poll, coding in enumerate(form.codings):
        first = form.first_pair(poll)
        inputs.append(Ciphertexts(tuple(pair(number) for number in range(first, first + coding.width))))
    return tuple(inputs)
