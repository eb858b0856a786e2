from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

from tests.worlds.boards import DURING, BoardWorld, plain_ballot
from tests.worlds.elections import CLOSES_AT
from votes.board.casting import MOST_OF_ONE, CastOutcome, Stored
from votes.board.requests import BoardRefusal, BoardRefused
from votes.record.entries import MOST_BODY_BYTES, EntryKind


def why(outcome: CastOutcome) -> BoardRefusal:
    assert isinstance(outcome, BoardRefused), outcome
    return outcome.why


def test_a_ballot_is_stored_once_however_often_it_is_sent(boards: BoardWorld) -> None:
    boards.open()
    first = boards.casting.cast(plain_ballot(1))
    assert first == Stored(hashlib.sha256(plain_ballot(1)).digest(), 5, DURING, 1)
    boards.clock.now_s += 100
    assert boards.casting.cast(plain_ballot(1)) == first
    boards.restart()
    assert boards.casting.cast(plain_ballot(1)) == first
    assert boards.casting.find(hashlib.sha256(plain_ballot(1)).digest()) == first
    assert boards.board.log.size == 6


def test_a_ballot_that_comes_twice_at_one_time_is_stored_once(boards: BoardWorld) -> None:
    boards.open()
    one, two, three = boards.casting.cast_many([plain_ballot(1), plain_ballot(2), plain_ballot(1)])
    assert one == three != two
    assert boards.board.log.size == 7
    assert boards.checks.batches == [2]


def test_early_and_late_ballots_are_answered_plainly(boards: BoardWorld) -> None:
    assert why(boards.casting.cast(plain_ballot(1))) is BoardRefusal.NO_ELECTION
    boards.publish()
    boards.sign()
    early = boards.casting.cast(plain_ballot(1))
    assert why(early) is BoardRefusal.EARLY
    assert isinstance(early, BoardRefused)
    assert "it opens at 1800000000" in early.reason
    boards.clock.now_s = CLOSES_AT - 1
    cast = boards.casting.cast(plain_ballot(1))
    assert isinstance(cast, Stored)
    boards.clock.now_s = CLOSES_AT
    late = boards.casting.cast(plain_ballot(2))
    assert why(late) is BoardRefusal.LATE
    assert isinstance(late, BoardRefused)
    assert "closed since 1800086400" in late.reason
    # The answer to the first one may have been lost.
    assert boards.casting.cast(plain_ballot(1)) == cast
    assert boards.checks.batches == [1]


def test_an_election_that_closes_while_a_ballot_is_checked_does_not_get_it(boards: BoardWorld) -> None:
    boards.open()
    boards.clock.now_s = CLOSES_AT
    [late] = boards.casting.cast_many([plain_ballot(1)])
    assert why(late) is BoardRefusal.LATE


def test_no_entry_of_a_ballot_has_a_time_at_which_the_election_is_closed(boards: BoardWorld) -> None:
    boards.open()
    # The clock moves on between the look at it and the writing.
    boards.clock.steps = [CLOSES_AT - 1]
    boards.clock.now_s = CLOSES_AT
    [late] = boards.casting.cast_many([plain_ballot(1)])
    assert why(late) is BoardRefusal.LATE
    boards.clock.now_s = DURING
    assert boards.board.log.size == 5


def test_a_wrong_ballot_is_refused_with_the_reason_and_harms_no_other(boards: BoardWorld) -> None:
    boards.open()
    outcomes = boards.casting.cast_many([plain_ballot(1), b"bad", plain_ballot(2)])
    assert [isinstance(each, Stored) for each in outcomes] == [True, False, True]
    assert outcomes[1] == BoardRefused(BoardRefusal.WRONG, "the proof of the ballot is wrong")
    assert why(boards.casting.cast(bytes(MOST_BODY_BYTES[EntryKind.BALLOT] + 1))) is BoardRefusal.WRONG


def test_ballots_of_one_voter_may_come_in_any_order(boards: BoardWorld) -> None:
    boards.open()
    for counter in (2, 1, 5):
        assert isinstance(boards.casting.cast(plain_ballot(1, counter)), Stored)


def test_two_ballots_with_one_counter_are_both_on_the_board_and_the_first_counts(boards: BoardWorld) -> None:
    boards.open()
    first = boards.casting.cast(plain_ballot(1, choice=b"yes"))
    second = boards.casting.cast(plain_ballot(1, choice=b"no"))
    assert isinstance(first, Stored)
    assert why(second) is BoardRefusal.DOUBLED
    assert boards.board.log.size == 7
    # Sent again, both get the same answers, also after a restart; a third one shows nothing more.
    boards.restart()
    assert boards.casting.cast(plain_ballot(1, choice=b"yes")) == first
    assert boards.casting.cast(plain_ballot(1, choice=b"no")) == second
    assert why(boards.casting.cast(plain_ballot(1, choice=b"perhaps"))) is BoardRefusal.DOUBLED
    assert boards.board.log.size == 7
    assert isinstance(boards.casting.cast(plain_ballot(1, counter=2)), Stored)


def test_two_ballots_with_one_counter_in_one_batch_are_told_apart(boards: BoardWorld) -> None:
    boards.open()
    outcomes = boards.casting.cast_many([plain_ballot(1, choice=each) for each in (b"yes", b"no", b"perhaps")])
    assert isinstance(outcomes[0], Stored)
    assert [why(each) for each in outcomes[1:]] == [BoardRefusal.DOUBLED] * 2
    assert boards.board.log.size == 7


def test_who_casts_learns_that_a_higher_counter_is_stored(boards: BoardWorld) -> None:
    boards.open()
    low, high, other = plain_ballot(1, 3), plain_ballot(1, 7), plain_ballot(2, 9)
    assert highest(boards.casting.cast(low)) == 3
    boards.casting.cast_many([high, other])
    assert highest(boards.casting.cast(plain_ballot(1, 5))) == 7
    doubled = boards.casting.cast(plain_ballot(1, 3, choice=b"no"))
    assert isinstance(doubled, BoardRefused)
    assert doubled.highest == 7
    # What was answered once is answered again, also after a restart.
    boards.restart()
    assert highest(boards.casting.cast(low)) == 3
    assert highest(boards.casting.cast(plain_ballot(1, 5))) == 7
    assert boards.casting.cast(plain_ballot(1, 3, choice=b"no")) == doubled


def highest(outcome: CastOutcome) -> int:
    assert isinstance(outcome, Stored)
    return outcome.highest


def test_one_voter_cannot_fill_the_board(boards: BoardWorld) -> None:
    boards.open()
    ballots = [plain_ballot(1, counter) for counter in range(1, MOST_OF_ONE + 2)]
    *stored, last = boards.casting.cast_many(ballots)
    assert all(isinstance(each, Stored) for each in stored)
    assert why(last) is BoardRefusal.TOO_MANY
    assert isinstance(boards.casting.cast(plain_ballot(2)), Stored)


def test_a_challenged_ballot_is_public_and_never_cast(boards: BoardWorld) -> None:
    boards.open()
    opening = b"open" + plain_ballot(1)
    challenged = boards.casting.challenge(opening)
    assert isinstance(challenged, Stored)
    assert boards.casting.challenge(opening) == challenged
    assert why(boards.casting.cast(plain_ballot(1))) is BoardRefusal.CHALLENGED
    assert isinstance(boards.casting.cast(plain_ballot(1, counter=2)), Stored)
    assert boards.board.log.size == 7


def test_challenges_of_one_credential_are_bounded(boards: BoardWorld) -> None:
    boards.open()
    for counter in range(1, MOST_OF_ONE + 1):
        assert isinstance(boards.casting.challenge(b"open" + plain_ballot(1, counter)), Stored)
    size = boards.board.log.size
    assert why(boards.casting.challenge(b"open" + plain_ballot(1, MOST_OF_ONE + 1))) is BoardRefusal.TOO_MANY
    assert boards.board.log.size == size
    assert isinstance(boards.casting.challenge(b"open" + plain_ballot(1)), Stored)
    assert isinstance(boards.casting.challenge(b"open" + plain_ballot(2)), Stored)


def test_a_cast_ballot_is_not_challenged_and_a_wrong_opening_not_taken(boards: BoardWorld) -> None:
    assert why(boards.casting.challenge(b"open" + plain_ballot(1))) is BoardRefusal.NO_ELECTION
    boards.open()
    boards.casting.cast(plain_ballot(1))
    assert why(boards.casting.challenge(b"open" + plain_ballot(1))) is BoardRefusal.WRONG
    for wrong in (b"shut" + plain_ballot(2), b"openbad", bytes(MOST_BODY_BYTES[EntryKind.CHALLENGE] + 1)):
        assert why(boards.casting.challenge(wrong)) is BoardRefusal.WRONG
    boards.end()
    assert why(boards.casting.challenge(b"open" + plain_ballot(2))) is BoardRefusal.LATE


def test_a_ballot_that_is_not_there_is_not_found(boards: BoardWorld) -> None:
    boards.open()
    assert why(boards.casting.find(bytes(32))) is BoardRefusal.UNKNOWN


def test_many_threads_cast_at_one_time(boards: BoardWorld) -> None:
    boards.open()
    with ThreadPoolExecutor(32) as pool:
        outcomes = list(pool.map(boards.casting.cast, [plain_ballot(voter % 100) for voter in range(300)]))
    assert all(isinstance(each, Stored) for each in outcomes)
    assert boards.board.log.size == 105
    assert outcomes[:100] == outcomes[100:200] == outcomes[200:]
    assert sum(boards.checks.batches) >= 100
