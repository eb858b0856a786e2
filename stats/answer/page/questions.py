"""Each kind of question as fields of a form, and an answer from what was entered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twisted.web.template import Tag

from loopixmix.web.forms.bodies import FormBody
from loopixmix.web.forms.fields import ChoiceField, Field, FieldError, Option, PickField, SeveralField, TextField
from loopixmix.web.forms.forms import Filled
from stats.answer.hints import MOST_SHOWN, hint_of, reason_of
from stats.questionnaire.answers import Answer, AnswerError, value_of
from stats.questionnaire.questions import (
    AnyQuestion,
    MultipleChoice,
    RouteQuestion,
    SingleChoice,
    TopicQuestion,
    TripQuestion,
)

SKIP = "skip"
SKIP_OPTION = Option(SKIP, "No answer", "Nothing about this question is sent.")
NONE = "none"
NONE_OPTION = Option(NONE, "None of these")
LONGEST_TEXT = 4_000


@dataclass(frozen=True)
class AskedFields:
    """One question in a form. `fields`: its fields, in order. `read`: returns the answer, None if it is left out.

    `read` raises `AnswerError` for what only its fields together make wrong.
    """

    question: AnyQuestion
    fields: tuple[Field[object], ...]
    read: Callable[[Filled], Answer | None]


@dataclass(frozen=True)
class CheckedText:
    """A line of text, or several, that is an answer to a question; empty if the question may be left out."""

    question: AnyQuestion
    text: TextField

    @property
    def name(self) -> str:
        """The name of the field."""
        return self.text.name

    @property
    def label(self) -> str:
        """What is asked."""
        return self.text.label

    @property
    def target(self) -> str:
        """The id of the element that gets the focus."""
        return self.text.target

    def read(self, body: FormBody) -> str:
        """Return the text."""
        text = self.text.read(body)
        if text:
            try:
                value_of(self.question, text)
            except AnswerError as error:
                raise FieldError(reason_of(self.question, error)) from error
        return text

    def show(self, body: FormBody, error: str) -> Tag:
        """Return the field."""
        return self.text.show(body, error)


def asked_fields(question: AnyQuestion, *, may_skip: bool) -> AskedFields:
    """Return how a question is asked; `may_skip`: whether it may be left out."""
    match question:
        case SingleChoice():
            return _single(question, may_skip)
        case MultipleChoice():
            return _multiple(question, may_skip)
        case TripQuestion():
            return _trip(question, may_skip)
        case RouteQuestion():
            return _route(question, may_skip)
        case _:
            return _text(question, may_skip)


def _single(question: SingleChoice, may_skip: bool) -> AskedFields:
    options = _options(question.options)
    name = f"q-{question.name}"
    shown: ChoiceField | PickField
    if len(options) > MOST_SHOWN:
        shown = PickField(name, question.text, options, _skipped("", may_skip), required=not may_skip)
    else:
        shown = ChoiceField(name, question.text, [*options, *([SKIP_OPTION] if may_skip else [])])

    def read(filled: Filled) -> Answer | None:
        value = str(filled.value(shown))
        return None if value in ("", SKIP) else question.options[int(value)]

    return AskedFields(question, (shown,), read)


def _multiple(question: MultipleChoice, may_skip: bool) -> AskedFields:
    # Where a question may be left out, an empty one is left out, so that "none" has to be said.
    options = [*_options(question.options), *([NONE_OPTION] if may_skip else [])]
    hint = _skipped("Choose any.", may_skip) if may_skip else "Choose any, also none."
    shown = SeveralField(f"q-{question.name}", question.text, options, hint)

    def read(filled: Filled) -> Answer | None:
        chosen = filled.value(shown)
        if NONE in chosen and len(chosen) > 1:
            raise AnswerError(f"{question.name}: none of them, and some of them, are chosen: take away either")
        if not chosen and may_skip:
            return None
        return [question.options[int(each)] for each in chosen if each != NONE]

    return AskedFields(question, (shown,), read)


def _trip(question: TripQuestion, may_skip: bool) -> AskedFields:
    hint = _skipped("", may_skip)
    fields = (
        _place(question, "from", f"{question.text} From where?", question.places, hint, required=not may_skip),
        _place(question, "to", "To where?", question.places, "", required=not may_skip),
    )

    def read(filled: Filled) -> Answer | None:
        places = [filled.value(each) for each in fields]
        if not any(places):
            return None
        if not all(places):
            raise AnswerError(f"{question.name}: choose both places, or none")
        return [question.places[int(place)] for place in places]

    return AskedFields(question, fields, read)


def _route(question: RouteQuestion, may_skip: bool) -> AskedFields:
    hint = _skipped(f"Up to {question.steps} places, in their order.", may_skip)
    fields = tuple(
        _place(
            question,
            str(step),
            f"{question.text} Place {step + 1}" if step == 0 else f"Place {step + 1}",
            question.places,
            hint if step == 0 else "",
            required=step == 0 and not may_skip,
        )
        for step in range(question.steps)
    )

    def read(filled: Filled) -> Answer | None:
        places = [filled.value(each) for each in fields]
        given = [place for place in places if place]
        if places[: len(given)] != given:
            raise AnswerError(f"{question.name}: leave places empty only at the end of the route")
        return [question.places[int(place)] for place in given] or None

    return AskedFields(question, fields, read)


def _text(question: AnyQuestion, may_skip: bool) -> AskedFields:
    lines, longest = (3, LONGEST_TEXT) if isinstance(question, TopicQuestion) else (1, 40)
    text = TextField(
        f"q-{question.name}",
        question.text,
        _skipped(hint_of(question), may_skip),
        longest=longest,
        lines=lines,
        required=not may_skip,
    )
    shown = CheckedText(question, text)

    def read(filled: Filled) -> Answer | None:
        return filled.value(shown) or None

    return AskedFields(question, (shown,), read)


def _place(
    question: AnyQuestion, part: str, label: str, places: Sequence[str], hint: str, *, required: bool
) -> PickField:
    return PickField(f"q-{question.name}-{part}", label, _options(places), hint, required=required)


def _options(names: Sequence[str]) -> list[Option]:
    return [Option(str(number), name) for number, name in enumerate(names)]


def _skipped(hint: str, may_skip: bool) -> str:
    return f"{hint} Leave it empty not to answer.".strip() if may_skip else hint
