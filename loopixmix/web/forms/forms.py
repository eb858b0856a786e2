"""A form as a whole: its fields, what was entered, and a summary that leads to each mistake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from twisted.web.template import Tag

from loopixmix.errors import MisuseError
from loopixmix.web.forms.bodies import MULTIPART, BadFormError, FormBody
from loopixmix.web.forms.fields import Field, FieldError, FileField
from loopixmix.web.showing.markup import Content, element, link

T = TypeVar("T")

TOKEN_FIELD = "form-token"  # noqa: S105 (the name of the field)
"""The field with the token of the session, which no page of another origin can know."""


class Form:
    """Several fields that are sent together by a button."""

    def __init__(self, *fields: Field[object], submit: str, action: str = "") -> None:
        """`submit`: the words on the button. `action`: where it is sent, by default to the page's own address."""
        names = [each.name for each in fields]
        if len(set(names)) != len(names) or TOKEN_FIELD in names:
            raise MisuseError(f"the fields of a form have different names, none of them {TOKEN_FIELD}: {names}")
        self._fields = fields
        self._submit = submit
        self._action = action

    def read(self, body: FormBody) -> Filled:
        """Return what was entered; raise `BadFormError` for a field that the form does not have."""
        strange = (set(body.texts) | set(body.uploads)) - {each.name for each in self._fields}
        if strange:
            raise BadFormError(f"the form has no field {min(strange)[:40]!r}")
        values: dict[str, object] = {}
        errors: dict[str, str] = {}
        for each in self._fields:
            try:
                values[each.name] = each.read(body)
            except FieldError as error:
                errors[each.name] = str(error)
        return Filled(body, errors, values)

    def show(self, token: str, filled: Filled | None = None) -> Content:
        """Return the form, with what was entered and what is wrong about it.

        `token`: the form token of the visit.
        """
        body = FormBody() if filled is None else filled.body
        errors: Mapping[str, str] = {} if filled is None else filled.errors
        shown = element(
            "form",
            element("input", type="hidden", name=TOKEN_FIELD, value=token),
            *(each.show(body, errors.get(each.name, "")) for each in self._fields),
            element("button", self._submit, type="submit"),
            method="post",
            action=self._action or None,
            enctype=MULTIPART if any(isinstance(each, FileField) for each in self._fields) else None,
            # The browser's own words vanish after seconds and are not told by every screen reader.
            novalidate=True,
        )
        return [self._summary(errors), shown] if errors else shown

    def _summary(self, errors: Mapping[str, str]) -> Tag:
        mistakes = [
            element("li", link(f"#{each.target}", f"{each.label.rstrip('?:.')}: {errors[each.name]}"))
            for each in self._fields
            if each.name in errors
        ]
        return element(
            "div",
            element("h2", "This is not complete yet", id="errors-title"),
            element("ul", *mistakes),
            class_="errors",
            role="alert",
            aria_labelledby="errors-title",
        )


@dataclass(frozen=True)
class Filled:
    """A form as it came: `errors` by the names of the fields, each fit to show."""

    body: FormBody
    errors: Mapping[str, str]
    _values: Mapping[str, object] = field(repr=False)

    @property
    def is_good(self) -> bool:
        """Tell whether every field has a value that is allowed."""
        return not self.errors

    def value(self, of: Field[T]) -> T:
        """Return the value of a field; raise `MisuseError` if it has none, because it was wrong."""
        if of.name not in self._values:
            raise MisuseError(
                f"the field {of.name!r} has no value: {self.errors.get(of.name, 'it is of another form')}"
            )
        return self._values[of.name]  # type: ignore[return-value]  # it was read by the field of that name


def button_form(token: str, words: str, action: str, *, class_: str = "second") -> Tag:
    """Return a form that is only a button: it does something, so it may not be a link."""
    return element(
        "form",
        element("input", type="hidden", name=TOKEN_FIELD, value=token),
        element("button", words, type="submit", class_=class_),
        method="post",
        action=action,
    )
