"""Each kind of poll as a space of choices: choices to numbers and back (docs/protocol/votes.md, 2.1).

A space refuses every choice that its poll does not allow, in words for the voter. A number that is no choice raises
`FormatError`: it was decrypted from a ballot that no honest program made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import Protocol

from loopixmix.errors import FormatError
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
from votes.ballot.numbering import Digits, Sequences, Subsets
from votes.record.polls import ChoosePoll, GradePoll, ListPoll, Poll, RankPoll, ScorePoll, WriteInPoll, YesNoPoll

LENGTH_BYTES = 2
"""Of the length before a text."""


class Space(Protocol):
    """The choices of one poll but for the blank vote."""

    @property
    def count(self) -> int:
        """Above all numbers."""

    def number(self, choice: Choice) -> int:
        """Return the number of a choice. Raises `ChoiceError` for what the poll does not allow."""

    def choice(self, number: int) -> Choice:
        """Return the choice with this number, from 0 to `count - 1`. Raises `FormatError` if there is none."""


@dataclass(frozen=True)
class SetSpace:
    """Sets of options."""

    subsets: Subsets

    @property
    def count(self) -> int:
        """How many sets there are."""
        return self.subsets.count

    def number(self, choice: Choice) -> int:
        """Return the number of a set."""
        if not isinstance(choice, ChosenOptions):
            raise _of_another_kind(choice)
        _check_options(choice.options, self.subsets.size)
        _check_length(len(choice.options), self.subsets, "chosen")
        return self.subsets.number(choice.options)

    def choice(self, number: int) -> Choice:
        """Return the set with this number."""
        return ChosenOptions(self.subsets.members(number))


@dataclass(frozen=True)
class AnswerSpace:
    """Yes, then no."""

    count: int = 2

    def number(self, choice: Choice) -> int:
        """Return 0 for yes, 1 for no."""
        if not isinstance(choice, YesOrNo):
            raise _of_another_kind(choice)
        return 0 if choice.yes else 1

    def choice(self, number: int) -> Choice:
        """Return the answer with this number."""
        return YesOrNo(number == 0)


@dataclass(frozen=True)
class RankingSpace:
    """Sequences of different options."""

    sequences: Sequences

    @property
    def count(self) -> int:
        """How many rankings there are."""
        return self.sequences.count

    def number(self, choice: Choice) -> int:
        """Return the number of a ranking."""
        if not isinstance(choice, Ranking):
            raise _of_another_kind(choice)
        _check_options(choice.order, self.sequences.size)
        if len(set(choice.order)) != len(choice.order):
            doubled = next(option for option in choice.order if choice.order.count(option) > 1)
            raise ChoiceError(f"option {doubled + 1} is ranked twice; once is allowed")
        _check_length(len(choice.order), self.sequences, "ranked")
        return self.sequences.number(choice.order)

    def choice(self, number: int) -> Choice:
        """Return the ranking with this number."""
        return Ranking(self.sequences.members(number))


@dataclass(frozen=True)
class DigitSpace:
    """A score or a grade for each option, as one digit each."""

    kind: type[Scores] | type[Grades]
    digits: Digits

    @property
    def count(self) -> int:
        """How many ways there are to give them."""
        return self.digits.count

    def number(self, choice: Choice) -> int:
        """Return the number of these scores or grades."""
        # One would pass for the other otherwise: both are just whole numbers.
        if not isinstance(choice, Scores | Grades) or not isinstance(choice, self.kind):
            raise _of_another_kind(choice)
        _check_digits(choice.values, self.digits, "grade" if self.kind is Grades else "score")
        return self.digits.number(choice.values)

    def choice(self, number: int) -> Choice:
        """Return the scores or grades with this number."""
        return self.kind(self.digits.digits(number))


@dataclass(frozen=True)
class ListSpace:
    """Each list alone, then sets of options of one list. `members[i]`: the options of list `i`, ascending."""

    members: tuple[tuple[int, ...], ...]
    least: int
    most: int
    subsets: tuple[Subsets, ...] = field(init=False, repr=False)
    starts: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # No option of a list chosen is the list chosen alone, which has a number already.
        least = max(1, self.least)
        object.__setattr__(self, "subsets", tuple(Subsets(len(each), least, self.most) for each in self.members))
        counts = (each.count for each in self.subsets)
        object.__setattr__(self, "starts", tuple(accumulate(counts, initial=len(self.members))))

    @property
    def count(self) -> int:
        """How many choices there are."""
        return self.starts[-1]

    def number(self, choice: Choice) -> int:
        """Return the number of a list, or of options of one."""
        if not isinstance(choice, ListVote):
            raise _of_another_kind(choice)
        if not 0 <= choice.list_index < len(self.members):
            raise ChoiceError(f"there is no list {choice.list_index + 1}; there are {len(self.members)}")
        if not choice.options:
            return choice.list_index
        members, subsets = self.members[choice.list_index], self.subsets[choice.list_index]
        for option in sorted(choice.options):
            if option not in members:
                raise ChoiceError(f"option {option + 1} does not stand on list {choice.list_index + 1}")
        _check_length(len(choice.options), subsets, "chosen")
        inside = frozenset(members.index(option) for option in choice.options)
        return self.starts[choice.list_index] + subsets.number(inside)

    def choice(self, number: int) -> Choice:
        """Return the choice with this number."""
        if number < len(self.members):
            return ListVote(number)
        # Lists are few, and some have no number of their own here: the last start below the number is the right one.
        index = max(i for i, start in enumerate(self.starts[:-1]) if start <= number)
        inside = self.subsets[index].members(number - self.starts[index])
        return ListVote(index, frozenset(self.members[index][place] for place in inside))


@dataclass(frozen=True)
class TextSpace:
    """Texts of 1 to `longest` bytes of UTF-8."""

    longest: int

    @property
    def count(self) -> int:
        """Above all texts' numbers."""
        return int((self.longest + 1) << 8 * self.longest)

    def number(self, choice: Choice) -> int:
        """Return the number of a text."""
        if not isinstance(choice, WrittenText):
            raise _of_another_kind(choice)
        try:
            content = choice.text.encode()
        except UnicodeEncodeError as error:
            raise ChoiceError("the text has characters that are none of Unicode") from error
        if not 1 <= len(content) <= self.longest:
            raise ChoiceError(f"the text has {len(content)} bytes; 1 to {self.longest} are allowed")
        return int.from_bytes(len(content).to_bytes(LENGTH_BYTES, "big") + content.ljust(self.longest, b"\0"), "big")

    def choice(self, number: int) -> Choice:
        """Return the text with this number."""
        written = number.to_bytes(LENGTH_BYTES + self.longest, "big")
        length, content = int.from_bytes(written[:LENGTH_BYTES], "big"), written[LENGTH_BYTES:]
        if length == 0 or any(content[length:]):
            raise FormatError("the number is that of no text")
        try:
            return WrittenText(content[:length].decode())
        except UnicodeDecodeError as error:
            raise FormatError("the text is not valid UTF-8") from error


@dataclass(frozen=True)
class WithBlank:
    """Another space, moved by one: number 0 is the blank vote."""

    space: Space

    @property
    def count(self) -> int:
        """Above all numbers."""
        return self.space.count + 1

    def number(self, choice: Choice) -> int:
        """Return the number of a choice or of the blank vote."""
        return 0 if isinstance(choice, BlankVote) else self.space.number(choice) + 1

    def choice(self, number: int) -> Choice:
        """Return the choice with this number."""
        return BlankVote() if number == 0 else self.space.choice(number - 1)


def space_of(poll: Poll) -> Space:
    """Return the choices of a poll. Keep it: it holds tables that take a moment to make."""
    space = _space_of_kind(poll)
    return WithBlank(space) if poll.blank else space


def _space_of_kind(poll: Poll) -> Space:
    match poll:
        case ChoosePoll():
            return SetSpace(Subsets(len(poll.options), poll.least, poll.most))
        case YesNoPoll():
            return AnswerSpace()
        case RankPoll():
            return RankingSpace(Sequences(len(poll.options), poll.least, poll.most))
        case ScorePoll():
            return DigitSpace(Scores, Digits(poll.highest + 1, len(poll.options)))
        case GradePoll():
            return DigitSpace(Grades, Digits(len(poll.grades), len(poll.options)))
        case ListPoll():
            members = tuple(
                tuple(option for option, of in enumerate(poll.list_of) if of == index)
                for index in range(len(poll.lists))
            )
            return ListSpace(members, poll.least, poll.most)
        case WriteInPoll():
            return TextSpace(poll.longest)


def _of_another_kind(choice: Choice) -> ChoiceError:
    what = "a blank vote" if isinstance(choice, BlankVote) else f"a choice of the kind {type(choice).__name__}"
    return ChoiceError(f"the poll does not allow {what}")


def _check_options(options: frozenset[int] | tuple[int, ...], size: int) -> None:
    for option in options:
        if not 0 <= option < size:
            raise ChoiceError(f"there is no option {option + 1}; there are {size}")


def _check_length(length: int, allowed: Subsets | Sequences, done: str) -> None:
    most = min(allowed.most, allowed.size)
    if not allowed.least <= length <= most:
        raise ChoiceError(f"{length} options are {done}; {_span(allowed.least, most)} may be {done}")


def _check_digits(given: tuple[int, ...], digits: Digits, what: str) -> None:
    if len(given) != digits.length:
        raise ChoiceError(f"there are {len(given)} {what}s; each of the {digits.length} options has one")
    for option, digit in enumerate(given):
        if not 0 <= digit < digits.base:
            raise ChoiceError(f"the {what} of option {option + 1} is {digit}; 0 to {digits.base - 1} are allowed")


def _span(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"
