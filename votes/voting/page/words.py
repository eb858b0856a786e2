"""Choices in words, as a voter reads them before casting."""

from __future__ import annotations

from votes.ballot.choices import (
    BlankVote,
    Choice,
    ChosenOptions,
    Grades,
    ListVote,
    Ranking,
    Scores,
    WrittenText,
    YesOrNo,
)
from votes.record.polls import GradePoll, ListPoll, Poll, options_of


def told(poll: Poll, choice: Choice) -> list[str]:
    """Return what a choice says, a line for each part."""
    options = options_of(poll)
    match choice:
        case BlankVote():
            return ["A blank vote"]
        case ChosenOptions(chosen):
            return [options[number] for number in sorted(chosen)] or ["No option"]
        case YesOrNo(yes):
            return [options[0 if yes else 1]]
        case Ranking(order):
            return [f"{place}. {options[number]}" for place, number in enumerate(order, 1)] or ["No option is ranked"]
        case Scores(values):
            return [f"{option}: {value}" for option, value in zip(options, values, strict=True)]
        case Grades(values) if isinstance(poll, GradePoll):
            return [f"{option}: {poll.grades[value]}" for option, value in zip(options, values, strict=True)]
        case ListVote(index, chosen) if isinstance(poll, ListPoll):
            return [poll.lists[index], *(f"with {options[number]}" for number in sorted(chosen))]
        case WrittenText(text):
            return [text]
        case _:
            raise ValueError(f"{type(choice).__name__} is no choice of a {type(poll).__name__}")
