"""Polls in which a ballot counts once for each thing that it names: options, answers, texts, lists."""

from __future__ import annotations

from votes.ballot.choices import Choice, ChosenOptions, ListVote, WrittenText, YesOrNo
from votes.record.polls import ChoosePoll, ListPoll, WriteInPoll, YesNoPoll
from votes.tally.counts import ChoiceCounts
from votes.tally.outcomes import Elected, FigureRow, FigureTable, PollOutcome, share, vote_table
from votes.tally.seats import highest, seats_of_lists


def chosen_outcome(poll: ChoosePoll, counts: ChoiceCounts) -> PollOutcome:
    """Count chosen options. With `most-votes` those win that most ballots chose."""
    totals = counts.totals(_options, len(poll.options))
    table = vote_table("Ballots for each option", "option", poll.options, totals, counts.valid)
    winners = _most_votes(totals, poll.seats).named(poll.options) if poll.method == "most-votes" else None
    return PollOutcome(winners, (table,))


def answer_outcome(poll: YesNoPoll, counts: ChoiceCounts) -> PollOutcome:
    """Count yes and no. With `majority` yes wins if it has more ballots."""
    totals = counts.totals(_answer, 2)
    table = vote_table("Answers", "answer", poll.options, totals, counts.valid)
    if poll.method != "majority":
        return PollOutcome(None, (table,))
    yes, no = totals
    elected = Elected((), (0, 1), 1) if yes == no else Elected((0 if yes > no else 1,))
    return PollOutcome(elected.named(poll.options), (table,))


def text_outcome(poll: WriteInPoll, counts: ChoiceCounts) -> PollOutcome:
    """Count texts, the most frequent ones first. Texts are equal if all their characters are."""
    found = {_text(each.choice): each.count for each in counts.choices}
    texts = sorted(found, key=lambda text: (-found[text], text))
    table = vote_table("Texts", "text", texts, [found[text] for text in texts], counts.valid)
    if poll.method != "most-votes":
        return PollOutcome(None, (table,))
    return PollOutcome(_most_votes([found[text] for text in texts], poll.seats).named(texts), (table,))


def list_outcome(poll: ListPoll, counts: ChoiceCounts) -> PollOutcome:
    """Count lists and their options, and give the seats to the lists by highest averages."""
    of_lists = counts.totals(_list, len(poll.lists))
    of_options = counts.totals(_list_options, len(poll.options))
    options = vote_table(
        "Ballots for options",
        "option",
        [f"{option} ({poll.lists[of]})" for option, of in zip(poll.options, poll.list_of, strict=True)],
        of_options,
        counts.valid,
    )
    if poll.method == "counts":
        lists = vote_table("Ballots for each list", "list", poll.lists, of_lists, counts.valid)
        return PollOutcome(None, (lists, options))
    seats, elected = seats_of_lists(poll.method, of_lists, poll.seats)
    rows = tuple(
        FigureRow(name, (votes, share(votes, counts.valid), won))
        for name, votes, won in zip(poll.lists, of_lists, seats, strict=True)
    )
    lists = FigureTable("Lists and seats", ("list", "ballots", "share", "seats"), rows, charted=0)
    elected = Elected(_persons(poll, of_options, seats), elected.tied, elected.open_seats)
    return PollOutcome(elected.named(poll.options, poll.lists), (lists, options), _without_persons(poll, seats))


def _most_votes(totals: list[int], seats: int) -> Elected:
    # What no ballot chose wins nothing, even if seats are left.
    return highest({option: count for option, count in enumerate(totals) if count}, seats)


def _persons(poll: ListPoll, votes: list[int], seats: list[int]) -> tuple[int, ...]:
    """Return who gets the lists' seats: the options with the most ballots, equal ones in the order of the list."""
    found: list[int] = []
    for index, count in enumerate(seats):
        members = [option for option, of in enumerate(poll.list_of) if of == index]
        found += sorted(members, key=lambda option: -votes[option])[:count]
    return tuple(found)


def _without_persons(poll: ListPoll, seats: list[int]) -> tuple[str, ...]:
    """Return a note for each list that won more seats than it has options."""
    return tuple(
        f"{name} has {count} seats and {poll.list_of.count(index)} options."
        for index, (name, count) in enumerate(zip(poll.lists, seats, strict=True))
        if count > poll.list_of.count(index)
    )


def _options(choice: Choice) -> frozenset[int]:
    return choice.options if isinstance(choice, ChosenOptions) else frozenset()


def _answer(choice: Choice) -> tuple[int, ...]:
    return (0 if choice.yes else 1,) if isinstance(choice, YesOrNo) else ()


def _text(choice: Choice) -> str:
    return choice.text if isinstance(choice, WrittenText) else ""


def _list(choice: Choice) -> tuple[int, ...]:
    return (choice.list_index,) if isinstance(choice, ListVote) else ()


def _list_options(choice: Choice) -> frozenset[int]:
    return choice.options if isinstance(choice, ListVote) else frozenset()
