"""The result of an election, from the counts of its polls."""

from __future__ import annotations

from collections.abc import Sequence

from votes.record.election import Election, encode_election
from votes.record.fingerprint import fingerprint_of
from votes.record.polls import (
    ChoosePoll,
    GradePoll,
    ListPoll,
    Poll,
    RankPoll,
    ScorePoll,
    WriteInPoll,
    YesNoPoll,
)
from votes.record.transcript import Transcript
from votes.tally.counts import ChoiceCounts
from votes.tally.outcomes import ElectionResult, PollOutcome, PollResult
from votes.tally.plain import answer_outcome, chosen_outcome, list_outcome, text_outcome
from votes.tally.preferences import Lot, ranking_outcome
from votes.tally.valued import grade_outcome, score_outcome


def lots(fingerprint: bytes, poll: int, counts: ChoiceCounts) -> Lot:
    """Return the lots of a poll's options (docs/protocol/votes.md, 2.3). `poll`: its index in the record."""
    digest = counts.digest()
    return lambda option: Transcript("lot", fingerprint, poll, digest, option).seed()


def count_poll(poll: Poll, counts: ChoiceCounts, lot: Lot) -> PollOutcome:
    """Count a poll by its method."""
    match poll:
        case ChoosePoll():
            return chosen_outcome(poll, counts)
        case YesNoPoll():
            return answer_outcome(poll, counts)
        case RankPoll():
            return ranking_outcome(poll, counts, lot)
        case ScorePoll():
            return score_outcome(poll, counts)
        case GradePoll():
            return grade_outcome(poll, counts)
        case ListPoll():
            return list_outcome(poll, counts)
        case WriteInPoll():
            return text_outcome(poll, counts)


def count_election(election: Election, counts: Sequence[ChoiceCounts]) -> ElectionResult:
    """Return the result of an election. `counts`: of each poll, in the order of the record."""
    fingerprint = fingerprint_of(encode_election(election))
    polls = tuple(
        PollResult(poll, counted, count_poll(poll, counted, lots(fingerprint, number, counted)))
        for number, (poll, counted) in enumerate(zip(election.polls, counts, strict=True))
    )
    return ElectionResult(
        title=election.title,
        fingerprint=fingerprint,
        voters=election.voters,
        rehearsal=election.rehearsal,
        counts_only=election.counts_only,
        polls=polls,
    )
