"""Fields of forms: each is shown so that everybody can fill it in, and reads its own value back strictly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from twisted.web.template import Tag

from loopixmix.web.forms.bodies import FormBody, Upload
from loopixmix.web.showing.markup import element

T_co = TypeVar("T_co", covariant=True)


class FieldError(Exception):
    """The value of a field is wrong; the message tells a person what to enter, after the name of the field."""


class Field(Protocol[T_co]):
    """One question of a form."""

    @property
    def name(self) -> str:
        """The name of the field in the body."""

    @property
    def label(self) -> str:
        """What is asked, in words."""

    @property
    def target(self) -> str:
        """The id of the element that gets the focus when the field is to be corrected."""

    def read(self, body: FormBody) -> T_co:
        """Return the value; raise `FieldError` if it is not allowed."""

    def show(self, body: FormBody, error: str) -> Tag:
        """Return the field, filled with what came in `body`, with what is wrong about it, if something is."""


@dataclass(frozen=True)
class TextField:
    """A line of text, or several; `longest` is in characters.

    `complete`: what a browser may fill in, in the words of HTML: `username`, or `current-password`, which is hidden
    while it is typed, and never sent back.
    """

    name: str
    label: str
    description: str = ""
    longest: int = 200
    lines: int = 1
    required: bool = True
    complete: str = "off"

    @property
    def target(self) -> str:
        """The id of the element that gets the focus."""
        return f"field-{self.name}"

    def read(self, body: FormBody) -> str:
        """Return the text without white space around it, its lines ended by line feeds alone."""
        text = body.one(self.name).replace("\r\n", "\n").strip()
        if self.required and not text:
            raise FieldError("write something here")
        if len(text) > self.longest:
            raise FieldError(f"at most {self.longest} characters, not {len(text)}")
        # A line feed cannot come out of an <input>, other control characters out of neither.
        if any(not sign.isprintable() and not (sign == "\n" and self.lines > 1) for sign in text):
            raise FieldError("use letters, digits and signs only" + (", on one line" if self.lines == 1 else ""))
        return text

    def show(self, body: FormBody, error: str) -> Tag:
        """Return the field."""
        is_secret = self.complete.endswith("password")
        value = "" if is_secret else _given(body, self.name)
        common: dict[str, str | int | bool | None] = {
            "id": self.target,
            "name": self.name,
            "autocomplete": self.complete,
            **_told(self, self.description, error),
        }
        if self.lines > 1:
            # A browser drops the first line feed in a <textarea>.
            control = element("textarea", f"\n{value}", rows=self.lines, **common)
        else:
            control = element("input", type="password" if is_secret else "text", value=value, **common)
        return _labelled(self, self.description, error, control)


@dataclass(frozen=True)
class NumberField:
    """A whole number from `least` to `most`."""

    name: str
    label: str
    least: int
    most: int
    description: str = ""

    @property
    def target(self) -> str:
        """The id of the element that gets the focus."""
        return f"field-{self.name}"

    def read(self, body: FormBody) -> int:
        """Return the number."""
        text = body.one(self.name).strip()
        digits = text.removeprefix("-")
        longest = max(len(str(self.least)), len(str(self.most)))
        # `int` alone would take 1_000, Arabic digits, and a megabyte of them.
        if not digits.isascii() or not digits.isdigit() or len(text) > longest:
            raise FieldError(f"enter a whole number from {self.least} to {self.most}")
        if not self.least <= int(text) <= self.most:
            raise FieldError(f"enter a whole number from {self.least} to {self.most}, not {text}")
        return int(text)

    def show(self, body: FormBody, error: str) -> Tag:
        """Return the field.

        It is no `type="number"`: there, turning the mouse wheel changes the number unnoticed, and screen readers do not
        tell what is wrong with it (GOV.UK Design System, "Text input: asking for whole numbers").
        """
        told = _told(self, self.description, error)
        control = element(
            "input",
            type="text",
            inputmode="numeric" if self.least >= 0 else None,
            id=self.target,
            name=self.name,
            value=_given(body, self.name),
            class_="number",
            autocomplete="off",
            **told,
        )
        return _labelled(self, self.description, error, control)


@dataclass(frozen=True)
class Option:
    """One thing to choose: its value in the form, its words, and more words beneath."""

    value: str
    label: str
    description: str = ""


@dataclass(frozen=True)
class ChoiceField:
    """One of several options."""

    name: str
    label: str
    options: Sequence[Option]
    description: str = ""
    required: bool = True

    @property
    def target(self) -> str:
        """The id of the element that gets the focus."""
        return f"field-{self.name}-0"

    def read(self, body: FormBody) -> str:
        """Return the value of the chosen option, empty if none has to be chosen and none is."""
        value = body.one(self.name)
        if value not in {option.value for option in self.options} and (value or self.required):
            raise FieldError("choose one")
        return value

    def show(self, body: FormBody, error: str) -> Tag:
        """Return the options as a group."""
        return _group(self, self.description, error, _options("radio", self.name, self.options, body))


@dataclass(frozen=True)
class PickField:
    """One of many options, in a list that opens: for a dozen or more, of which people know the one that they look for.

    The options' descriptions are not shown: a list that opens has no place for them.
    """

    name: str
    label: str
    options: Sequence[Option]
    description: str = ""
    required: bool = True

    @property
    def target(self) -> str:
        """The id of the element that gets the focus."""
        return f"field-{self.name}"

    def read(self, body: FormBody) -> str:
        """Return the value of the chosen option, empty if none has to be chosen and none is."""
        value = body.one(self.name)
        if value not in {option.value for option in self.options} and (value or self.required):
            raise FieldError("choose one")
        return value

    def show(self, body: FormBody, error: str) -> Tag:
        """Return the list. Its first line is empty, so that nothing is chosen by not looking at it."""
        given = _given(body, self.name)
        lines = [Option("", ""), *self.options]
        control = element(
            "select",
            *(element("option", each.label, value=each.value, selected=each.value == given) for each in lines),
            id=self.target,
            name=self.name,
            autocomplete="off",
            **_told(self, self.description, error),
        )
        return _labelled(self, self.description, error, control)


@dataclass(frozen=True)
class SeveralField:
    """From `least` to `most` of several options."""

    name: str
    label: str
    options: Sequence[Option]
    description: str = ""
    least: int = 0
    most: int | None = None

    @property
    def target(self) -> str:
        """The id of the element that gets the focus."""
        return f"field-{self.name}-0"

    def read(self, body: FormBody) -> tuple[str, ...]:
        """Return the values of the chosen options, in the order of the options."""
        chosen = body.texts.get(self.name, ())
        values = tuple(option.value for option in self.options if option.value in chosen)
        most = len(self.options) if self.most is None else self.most
        if not self.least <= len(values) <= most or len(values) != len(chosen):
            raise FieldError(f"choose {_span(self.least, most)}")
        return values

    def show(self, body: FormBody, error: str) -> Tag:
        """Return the options as a group."""
        return _group(self, self.description, error, _options("checkbox", self.name, self.options, body))


@dataclass(frozen=True)
class FileField:
    """A file of at most `longest_bytes`."""

    name: str
    label: str
    longest_bytes: int
    description: str = ""
    accept: str = ""

    @property
    def target(self) -> str:
        """The id of the element that gets the focus."""
        return f"field-{self.name}"

    def read(self, body: FormBody) -> Upload:
        """Return the file."""
        files = body.uploads.get(self.name, ())
        # A browser sends a nameless, empty file if none was chosen.
        if len(files) != 1 or not files[0].name:
            raise FieldError("choose one file")
        if len(files[0].body) > self.longest_bytes:
            raise FieldError(f"at most {self.longest_bytes:,} bytes, not {len(files[0].body):,}")
        return files[0]

    def show(self, body: FormBody, error: str) -> Tag:  # noqa: ARG002 (no page can fill in a file)
        """Return the field, empty."""
        told = _told(self, self.description, error)
        control = element("input", type="file", id=self.target, name=self.name, accept=self.accept or None, **told)
        return _labelled(self, self.description, error, control)


def _span(least: int, most: int) -> str:
    if least == most:
        return str(least)
    return f"at most {most}" if least == 0 else f"{least} to {most}"


def _given(body: FormBody, name: str) -> str:
    return next(iter(body.texts.get(name, ())), "")


def _told(field: Field[object], description: str, error: str) -> dict[str, str | int | bool | None]:
    """Return the attributes by which a screen reader tells what is written around a control."""
    ids = [f"{kind}-{field.name}" for kind, text in (("description", description), ("error", error)) if text]
    return {"aria_describedby": " ".join(ids) or None, "aria_invalid": "true" if error else None}


def _words(field: Field[object], description: str, error: str) -> list[Tag]:
    words = []
    if description:
        words.append(element("p", description, id=f"description-{field.name}", class_="description"))
    if error:
        words.append(element("p", error[:1].upper() + error[1:], id=f"error-{field.name}", class_="error"))
    return words


def _labelled(field: Field[object], description: str, error: str, control: Tag) -> Tag:
    return element(
        "div",
        element("label", field.label, for_=field.target),
        *_words(field, description, error),
        control,
        class_="field wrong" if error else "field",
    )


def _group(field: Field[object], description: str, error: str, options: Sequence[Tag]) -> Tag:
    told = _told(field, description, error)
    return element(
        "fieldset",
        element("legend", field.label),
        *_words(field, description, error),
        *options,
        class_="field wrong" if error else "field",
        aria_describedby=told["aria_describedby"],
    )


def _options(kind: str, name: str, options: Sequence[Option], body: FormBody) -> list[Tag]:
    chosen = body.texts.get(name, ())
    return [
        element(
            "label",
            element(
                "input",
                type=kind,
                id=f"field-{name}-{number}",
                name=name,
                value=option.value,
                checked=option.value in chosen,
            ),
            element("span", option.label, element("small", option.description) if option.description else ""),
            class_="option",
        )
        for number, option in enumerate(options)
    ]
