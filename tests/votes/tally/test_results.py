"""The result of a whole election."""

from __future__ import annotations

import pytest

from loopixmix.group.ristretto import ristretto255
from tests.worlds.elections import new_election
from tests.worlds.vote_polls import choose, grade, lists, rank, score, write_in, yes_no
from votes.ballot.choices import ChosenOptions, YesOrNo
from votes.ballot.plaintexts import coding_of
from votes.record.polls import METHODS, Poll
from votes.record.transcript import Transcript
from votes.tally.counts import ChoiceCounts, count_choices
from votes.tally.results import count_election, count_poll, lots

GROUP = ristretto255()
ONE_OF_EACH: tuple[Poll, ...] = (
    *(choose(3, least=1, most=2, method=method) for method in ("most-votes", "counts")),
    *(yes_no(method=method) for method in ("majority", "counts")),
    *(rank(3, least=1, most=3, method=method) for method in ("irv", "stv", "schulze", "borda", "counts")),
    *(score(3, 5, method=method) for method in ("score", "counts")),
    *(grade(3, 5, method=method) for method in ("majority-judgment", "counts")),
    *(lists(2, [0, 1, 1], least=1, most=2, method=method) for method in ("d-hondt", "sainte-lague", "counts")),
    *(write_in(9, method=method) for method in ("most-votes", "counts")),
)


def test_every_method_that_a_record_may_name_is_here() -> None:
    assert {(type(poll), poll.method) for poll in ONE_OF_EACH} == {
        (kind, method) for kind, methods in METHODS.items() for method in methods
    }


@pytest.mark.parametrize("poll", ONE_OF_EACH, ids=lambda poll: f"{poll.id}-{poll.method}")
def test_every_poll_can_be_counted_with_one_ballot_and_with_none(poll: Poll) -> None:
    coding = coding_of(poll, GROUP)
    number = 2 * 256**9 - 1 if poll.id == "write-in" else coding.space.count - 1
    choice = coding.space.choice(number if poll.id != "write-in" else int.from_bytes(b"\0\1x" + bytes(8), "big"))
    for counts in (count_choices(coding, [choice]), ChoiceCounts(())):
        outcome = count_poll(poll, counts, lots(bytes(32), 0, counts))
        assert (outcome.winners is None) == (poll.method == "counts")
        assert outcome.tables
        for table in outcome.tables:
            assert all(len(row.figures) == len(table.columns) - 1 for row in table.rows)


def test_an_election_is_counted_poll_by_poll() -> None:
    world = new_election(GROUP, voters=0)
    first, second = world.election.polls
    counts = (
        count_choices(coding_of(first, GROUP), [ChosenOptions(frozenset({1}))]),
        count_choices(coding_of(second, GROUP), [YesOrNo(True)]),
    )
    result = count_election(world.election, counts)
    assert [each.poll for each in result.polls] == [first, second]
    assert [each.outcome.winners and each.outcome.winners.names for each in result.polls] == [("Ben",), ("Yes",)]
    assert (result.title, result.fingerprint, result.voters) == ("Spring", world.fingerprint, 0)


def test_a_poll_without_counts_is_a_mistake() -> None:
    world = new_election(GROUP)
    with pytest.raises(ValueError, match="zip"):
        count_election(world.election, [ChoiceCounts(())])


def test_lots_depend_on_all_that_is_known_only_after_closing() -> None:
    poll = coding_of(yes_no(), GROUP)
    counts = count_choices(poll, [YesOrNo(True)])
    other = count_choices(poll, [YesOrNo(True)] * 2)
    drawn = {
        lots(print_, number, each)(option)
        for print_ in (b"a", b"b")
        for number in (0, 1)
        for each in (counts, other)
        for option in (0, 1)
    }
    assert len(drawn) == 16
    assert lots(b"f", 3, counts)(7) == Transcript("lot", b"f", 3, counts.digest(), 7).seed()
