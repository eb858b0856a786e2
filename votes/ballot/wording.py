"""Choices in words: before they are cast, when a ballot is opened, and when they are counted."""

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


def choice_in_words(poll: Poll, choice: Choice) -> list[str]:
    """Return what a choice says, with the names of the options, a line for each part.

    A text that a voter wrote stands there as it is: whoever shows it to others makes its characters visible.
    """
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
