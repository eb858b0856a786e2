"""Polls in which a ballot gives each option a score or a grade."""

from __future__ import annotations

from votes.ballot.choices import Grades, Scores
from votes.record.polls import GradePoll, ScorePoll
from votes.tally.cardinal import elected_by_majority_judgment, median_grades, score_sums
from votes.tally.counts import ChoiceCounts
from votes.tally.outcomes import Elected, Figure, FigureRow, FigureTable, PollOutcome
from votes.tally.seats import highest

MOST_SCORE_COLUMNS = 11
"""With more different scores than this, a table of how often each was given says little."""


def score_outcome(poll: ScorePoll, counts: ChoiceCounts) -> PollOutcome:
    """Add scores up. With `score` the highest sums win."""
    histograms = _histograms(counts, len(poll.options), poll.highest + 1)
    sums = score_sums(histograms)
    means = [_mean(sums[option], counts.valid) for option in range(len(poll.options))]
    rows = tuple(FigureRow(name, (sums[option], means[option])) for option, name in enumerate(poll.options))
    tables = [FigureTable("Scores", ("option", "sum", "mean"), rows, charted=0)]
    if poll.highest < MOST_SCORE_COLUMNS:
        values = tuple(str(value) for value in range(poll.highest + 1))
        tables.append(_how_often("How often each score was given", poll.options, values, histograms))
    if poll.method != "score":
        return PollOutcome(None, tuple(tables))
    elected = highest(sums, poll.seats) if counts.valid else _all_tied(poll)
    return PollOutcome(elected.named(poll.options), tuple(tables))


def grade_outcome(poll: GradePoll, counts: ChoiceCounts) -> PollOutcome:
    """Find median grades. With `majority-judgment` the best ones win."""
    histograms = _histograms(counts, len(poll.options), len(poll.grades))
    tables = [_how_often("How often each grade was given", poll.options, poll.grades, histograms)]
    if counts.valid:
        medians = [poll.grades[grade] for grade in median_grades(histograms)]
        rows = tuple(FigureRow(name, (median,)) for name, median in zip(poll.options, medians, strict=True))
        tables.insert(0, FigureTable("Median grades", ("option", "median grade"), rows))
    if poll.method != "majority-judgment":
        return PollOutcome(None, tuple(tables))
    elected = elected_by_majority_judgment(histograms, poll.seats) if counts.valid else _all_tied(poll)
    return PollOutcome(elected.named(poll.options), tuple(tables))


def _all_tied(poll: ScorePoll | GradePoll) -> Elected:
    return Elected((), tuple(range(len(poll.options))), poll.seats)


def _histograms(counts: ChoiceCounts, options: int, values: int) -> list[list[int]]:
    histograms = [[0] * values for _ in range(options)]
    for each in counts.choices:
        if isinstance(each.choice, Scores | Grades):
            for histogram, value in zip(histograms, each.choice.values, strict=True):
                histogram[value] += each.count
    return histograms


def _how_often(
    title: str, options: tuple[str, ...], values: tuple[str, ...], histograms: list[list[int]]
) -> FigureTable:
    rows = (FigureRow(name, tuple(histogram)) for name, histogram in zip(options, histograms, strict=True))
    return FigureTable(title, ("option", *values), tuple(rows))


def _mean(total: int, ballots: int) -> Figure:
    """Return a mean with three decimals, halves rounded up; none without ballots."""
    if not ballots:
        return "-"
    thousandths = (2_000 * total + ballots) // (2 * ballots)
    return f"{thousandths // 1_000}.{thousandths % 1_000:03d}"
