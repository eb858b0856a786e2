"""Each kind of poll as fields of a form, and a choice from what was entered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loopixmix.web.forms.fields import ChoiceField, Field, Option, SeveralField, TextField
from loopixmix.web.forms.forms import Filled
from votes.ballot.choices import (
    BlankVote,
    Choice,
    ChoiceError,
    ChosenOptions,
    Grades,
    ListVote,
    Ranking,
    Scores,
    WrittenText,
    YesOrNo,
)
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

BLANK = "blank"
BLANK_OPTION = Option(BLANK, "Blank vote", "None of these. It is counted as a vote for nothing.")
MOST_DIGITS = 10


@dataclass(frozen=True)
class PollQuestion:
    """One poll in a form. `fields`: its fields, in order. `read`: returns the choice; raises `ChoiceError`."""

    poll: Poll
    fields: tuple[Field[object], ...]
    read: Callable[[Filled], Choice]


def question_of(poll: Poll) -> PollQuestion:
    """Return how a poll is asked."""
    match poll:
        case ChoosePoll():
            return _choose(poll)
        case YesNoPoll():
            return _yes_no(poll)
        case RankPoll():
            return _rank(poll)
        case ScorePoll():
            return _score(poll)
        case GradePoll():
            return _grade(poll)
        case ListPoll():
            return _lists(poll)
        case WriteInPoll():
            return _write_in(poll)


def _choose(poll: ChoosePoll) -> PollQuestion:
    hint = f"Choose {_span(poll.least, poll.most)}."
    options = (*_options(poll.options), *([BLANK_OPTION] if poll.blank else []))
    field = SeveralField(poll.id, _label(poll), options, description=hint)

    def read(filled: Filled) -> Choice:
        chosen = filled.value(field)
        if BLANK in chosen:
            return _only_blank(chosen)
        return ChosenOptions(frozenset(map(int, chosen)))

    return PollQuestion(poll, (field,), read)


def _yes_no(poll: YesNoPoll) -> PollQuestion:
    field = ChoiceField(poll.id, _label(poll), (*_options(poll.options), *([BLANK_OPTION] if poll.blank else [])))

    def read(filled: Filled) -> Choice:
        value = filled.value(field)
        return BlankVote() if value == BLANK else YesOrNo(value == "0")

    return PollQuestion(poll, (field,), read)


def _rank(poll: RankPoll) -> PollQuestion:
    fields = _lines(poll, "1 is your first preference. Leave empty whom you do not rank.")

    def read(filled: Filled) -> Choice:
        places = {number: _number(filled.value(field), field.label) for number, field in enumerate(fields)}
        ranked = {number: place for number, place in places.items() if place is not None}
        if not ranked:
            return _blank_or(poll, "no option is ranked")
        if sorted(ranked.values()) != list(range(1, len(ranked) + 1)):
            raise ChoiceError(f"{poll.title}: use each number from 1 to {len(ranked)} once")
        return Ranking(tuple(sorted(ranked, key=ranked.__getitem__)))

    return PollQuestion(poll, fields, read)


def _score(poll: ScorePoll) -> PollQuestion:
    fields = _lines(poll, f"A number from 0 to {poll.highest}, the higher the better.")

    def read(filled: Filled) -> Choice:
        values = [_number(filled.value(field), field.label) for field in fields]
        if not any(value is not None for value in values) and poll.blank:
            return BlankVote()
        missing = [field.label for field, value in zip(fields, values, strict=True) if value is None]
        if missing:
            raise ChoiceError(f"{poll.title}: every option needs a score; {missing[0]} has none")
        return Scores(tuple(value for value in values if value is not None))

    return PollQuestion(poll, fields, read)


def _grade(poll: GradePoll) -> PollQuestion:
    grades = _options(poll.grades)
    fields = tuple(
        ChoiceField(f"{poll.id}-{number}", f"{_label(poll)} {option}", grades, required=not poll.blank)
        for number, option in enumerate(poll.options)
    )

    def read(filled: Filled) -> Choice:
        values = [filled.value(field) for field in fields]
        if not any(values):
            return _blank_or(poll, "no option has a grade")
        if not all(values):
            raise ChoiceError(f"{poll.title}: every option needs a grade")
        return Grades(tuple(map(int, values)))

    return PollQuestion(poll, fields, read)


def _lists(poll: ListPoll) -> PollQuestion:
    lists = (*_options(poll.lists), *([BLANK_OPTION] if poll.blank else []))
    field = ChoiceField(poll.id, _label(poll), lists)
    candidates = [
        Option(str(number), option, poll.lists[poll.list_of[number]]) for number, option in enumerate(poll.options)
    ]
    hint = f"Leave it empty to vote for the list alone, or choose {_span(poll.least, poll.most)} of that list."
    preferred = SeveralField(f"{poll.id}-options", f"{poll.title}: whom do you prefer?", candidates, description=hint)

    def read(filled: Filled) -> Choice:
        value, chosen = filled.value(field), filled.value(preferred)
        if value == BLANK:
            return _only_blank((BLANK, *chosen))
        return ListVote(int(value), frozenset(map(int, chosen)))

    return PollQuestion(poll, (field, preferred), read)


def _write_in(poll: WriteInPoll) -> PollQuestion:
    hint = f"At most {poll.longest} bytes: a letter has one, those of some scripts up to four."
    field = TextField(poll.id, _label(poll), description=hint, longest=poll.longest, required=not poll.blank)

    def read(filled: Filled) -> Choice:
        text = filled.value(field)
        return WrittenText(text) if text else _blank_or(poll, "nothing is written")

    return PollQuestion(poll, (field,), read)


def _lines(poll: RankPoll | ScorePoll, hint: str) -> tuple[TextField, ...]:
    return tuple(
        TextField(
            f"{poll.id}-{number}",
            option,
            description=f"{_label(poll)} {hint}" if number == 0 else "",
            longest=MOST_DIGITS,
            required=False,
        )
        for number, option in enumerate(poll.options)
    )


MOST_DIGITS = 18
"""Python makes no number of thousands of digits; no ballot has one of so many."""


def _label(poll: Poll) -> str:
    return f"{poll.title}: {poll.question}" if poll.question else poll.title


def _options(names: Sequence[str]) -> tuple[Option, ...]:
    return tuple(Option(str(number), name) for number, name in enumerate(names))


def _number(text: str, label: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > MOST_DIGITS:
        raise ChoiceError(f"{label}: {text[:20]!r} is no whole number of at most {MOST_DIGITS} digits")
    return int(text)


def _blank_or(poll: Poll, problem: str) -> BlankVote:
    if not poll.blank:
        raise ChoiceError(f"{poll.title}: {problem}")
    return BlankVote()


def _only_blank(chosen: Sequence[str]) -> BlankVote:
    if len(chosen) > 1:
        raise ChoiceError("a blank vote names nothing else: take away either it or the others")
    return BlankVote()


def _span(least: int, most: int) -> str:
    if least == most:
        return str(least)
    return f"at most {most}" if least == 0 else f"{least} to {most}"
