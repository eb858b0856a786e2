from __future__ import annotations

import pytest

from tests.worlds.elections import OPENS_AT
from tests.worlds.whole_elections import CHOICES, WholeElection
from votes.record.canonical import Hex
from votes.record.entries import EntryKind
from votes.record.heads import ForkedBoardError, LogHead
from votes.record.merkle import MerkleTree, leaf_hash
from votes.record.phases import Phase
from votes.verify.log import LogError
from votes.verify.opened import opened_record
from votes.watching.ballots import BallotWatch
from votes.watching.progress import NOTHING, Watched


@pytest.fixture
def election() -> WholeElection:
    made = WholeElection()
    made.open()
    made.append(EntryKind.BALLOT, made.voters.cast(0, CHOICES[0]), OPENS_AT)
    wrong = bytearray(made.voters.cast(1, CHOICES[1]))
    wrong[-300] ^= 1
    made.append(EntryKind.BALLOT, bytes(wrong), OPENS_AT)
    made.append(EntryKind.BALLOT, made.voters.cast(2, CHOICES[2]), OPENS_AT)
    return made


def watch_of(election: WholeElection, before: Watched = NOTHING) -> BallotWatch:
    return BallotWatch(opened_record(election.world.record, election.group), lambda _: False, before)


def taken(election: WholeElection, before: Watched = NOTHING) -> BallotWatch:
    watch = watch_of(election, before)
    for entry in election.entries:
        watch.take(entry)
    return watch


def head(election: WholeElection) -> LogHead:
    tree = MerkleTree(map(leaf_hash, election.entries))
    return LogHead(election.world.fingerprint, len(tree), tree.root(), OPENS_AT)


def test_a_wrong_ballot_is_found_and_the_others_are_right(election: WholeElection) -> None:
    watch = taken(election)
    [(index, reason)] = watch.check()
    assert index == 6
    assert reason
    assert (watch.size, watch.ballots, watch.log.phase) == (8, 3, Phase.OPEN)
    watch.check_head(head(election))
    watched = watch.watched(("late",))
    assert (watched.size, watched.root, watched.seen.wrong.keys()) == (8, Hex(head(election).root), {6})
    assert watch.check() == []


def test_no_ballot_is_kept(election: WholeElection) -> None:
    watch = taken(election)
    watch.check()
    assert watch.log.ballots == watch.log.challenges == []
    # An exclusion of a ballot that is not kept is read all the same.
    election.exclude(6)
    watch.take(election.entries[-1])


def test_what_was_checked_is_not_checked_again(election: WholeElection) -> None:
    size, root = head(election).size, head(election).root
    said_to_be_right = Watched(size=size, root=Hex(root), wrong=(), objected=())
    watch = taken(election, said_to_be_right)
    assert watch.check() == []
    watch.take(election.entries[election.append(EntryKind.BALLOT, b"no ballot", OPENS_AT)])
    assert [index for index, _ in watch.check()] == [size]


def test_a_log_that_was_rewritten_is_found(election: WholeElection) -> None:
    watched = Watched(size=7, root=Hex(bytes(32)), wrong=(), objected=())
    with pytest.raises(ForkedBoardError, match="the first 7 entries are others"):
        taken(election, watched)


def test_a_log_that_was_shortened_is_found(election: WholeElection) -> None:
    watched = Watched(size=9, root=Hex(bytes(32)), wrong=(), objected=())
    with pytest.raises(ForkedBoardError, match="had 9 entries, and now has 8"):
        taken(election, watched).check_head(head(election))


def test_a_head_of_other_entries_is_found(election: WholeElection) -> None:
    with pytest.raises(ForkedBoardError, match="signed 8 entries"):
        taken(election).check_head(LogHead(election.world.fingerprint, 8, bytes(32), OPENS_AT))


def test_an_entry_that_does_not_belong_there_is_refused(election: WholeElection) -> None:
    watch = taken(election)
    with pytest.raises(LogError, match="entry 8"):
        watch.take(election.entries[4])
