"""Fields read what they show, and refuse the rest in words for a person."""

from __future__ import annotations

from typing import Any

import pytest

from loopixmix.web.forms.bodies import FormBody, Upload
from loopixmix.web.forms.fields import (
    ChoiceField,
    Field,
    FieldError,
    FileField,
    NumberField,
    Option,
    PickField,
    SeveralField,
    TextField,
)
from loopixmix.web.showing.markup import render

OPTIONS = [Option("a", "Apple", "Red or green."), Option("b", "Pear"), Option("c", "Quince")]
LINE = TextField("f", "Name", longest=5)
LINES = TextField("f", "Words", longest=9, lines=3, required=False)
NUMBER = NumberField("f", "Age", least=-5, most=130)
ONE = ChoiceField("f", "Fruit?", OPTIONS)
PERHAPS = ChoiceField("f", "Fruit?", OPTIONS, required=False)
PICKED = PickField("f", "Fruit?", OPTIONS)
SOME = SeveralField("f", "Fruit?", OPTIONS, least=1, most=2)
FILE = FileField("f", "Picture", longest_bytes=3, accept="image/png")


def body(*values: str) -> FormBody:
    return FormBody({"f": values} if values else {})


def files(*uploads: Upload) -> FormBody:
    return FormBody({}, {"f": uploads})


@pytest.mark.parametrize(
    ("field", "sent", "value"),
    [
        (LINE, body("  Ada "), "Ada"),
        (LINES, body("a\r\nb"), "a\nb"),
        (LINES, body(), ""),
        (NUMBER, body(" 42 "), 42),
        (NUMBER, body("-5"), -5),
        (NUMBER, body("007"), 7),
        (ONE, body("b"), "b"),
        (PERHAPS, body(), ""),
        (PICKED, body("c"), "c"),
        (PickField("f", "Fruit?", OPTIONS, required=False), body(), ""),
        (SOME, body("c", "a"), ("a", "c")),
        (FILE, files(Upload("x.png", b"abc")), Upload("x.png", b"abc")),
    ],
)
def test_what_is_allowed_is_read(field: Field[Any], sent: FormBody, value: object) -> None:
    assert field.read(sent) == value


@pytest.mark.parametrize(
    ("field", "sent", "words"),
    [
        (LINE, body(), "write something here"),
        (LINE, body("   "), "write something here"),
        (LINE, body("abcdef"), "at most 5 characters, not 6"),
        (LINE, body("a\nb"), "on one line"),
        (LINE, body("a\x00b"), "letters, digits and signs only"),
        (LINES, body("a\x1bb"), "letters, digits and signs only"),
        (NUMBER, body(), "whole number from -5 to 130"),
        (NUMBER, body("131"), "whole number from -5 to 130, not 131"),
        (NUMBER, body("-6"), "not -6"),
        (NUMBER, body("1_0"), "whole number"),
        (NUMBER, body("--5"), "whole number"),
        (NUMBER, body("٣"), "whole number"),
        (NUMBER, body("1.5"), "whole number"),
        (NUMBER, body("9" * 5000), "whole number"),
        (ONE, body(), "choose one"),
        (ONE, body("x"), "choose one"),
        (PERHAPS, body("x"), "choose one"),
        (PICKED, body(), "choose one"),
        (PICKED, body("x"), "choose one"),
        (SOME, body(), "choose 1 to 2"),
        (SOME, body("a", "b", "c"), "choose 1 to 2"),
        (SOME, body("a", "x"), "choose 1 to 2"),
        (SOME, body("a", "a"), "choose 1 to 2"),
        (SeveralField("f", "Fruit?", OPTIONS, most=2), body("a", "b", "c"), "choose at most 2"),
        (SeveralField("f", "Fruit?", OPTIONS, least=3), body("a"), "choose 3"),
        (FILE, files(), "choose one file"),
        (FILE, body("x"), "choose one file"),
        (FILE, files(Upload("", b"")), "choose one file"),
        (FILE, files(Upload("x", b"abcd")), "at most 3 bytes, not 4"),
        (FILE, files(Upload("x", b""), Upload("y", b"")), "choose one file"),
    ],
)
def test_what_is_not_allowed_is_refused_in_words(field: Field[Any], sent: FormBody, words: str) -> None:
    with pytest.raises(FieldError, match=words):
        field.read(sent)


def shown(field: Field[Any], sent: FormBody, error: str = "") -> str:
    return render(field.show(sent, error)).decode().removeprefix("<!DOCTYPE html>\n")


def test_a_field_has_a_label_and_keeps_what_was_entered() -> None:
    found = shown(LINE, body('"><script>'))
    assert '<label for="field-f">Name</label>' in found
    assert 'id="field-f"' in found
    assert 'value="&quot;&gt;&lt;script&gt;"' in found
    assert ">\n a\nb</textarea>" in shown(LINES, body(" a\nb"))


@pytest.mark.parametrize("field", [LINE, LINES, NUMBER, ONE, PICKED, SOME, FILE])
def test_what_is_wrong_is_told_with_the_field(field: Field[Any]) -> None:
    found = shown(field, body(), "write something")
    assert '<p id="error-f" class="error">Write something</p>' in found
    assert 'aria-describedby="error-f"' in found
    assert 'class="field wrong"' in found
    assert f'id="{field.target}"' in found
    assert "error" not in shown(field, body())


def test_a_description_is_told_with_the_field() -> None:
    found = shown(TextField("f", "Name", description="As in the passport."), body(), "x")
    assert '<p id="description-f" class="description">As in the passport.</p>' in found
    assert 'aria-describedby="description-f error-f"' in found


def test_options_are_a_group_with_a_legend() -> None:
    found = shown(ONE, body("b"))
    assert found.startswith('<fieldset class="field"><legend>Fruit?</legend>')
    assert found.count('type="radio"') == 3
    assert found.count("checked") == 1
    assert 'value="b" checked=""' in found
    assert "<small>Red or green.</small>" in found
    assert shown(SOME, body("a", "c")).count("checked") == 2


def test_a_list_that_opens_has_an_empty_line_and_keeps_what_was_chosen() -> None:
    found = shown(PICKED, body("b"))
    assert '<label for="field-f">Fruit?</label>' in found
    assert found.count("<option") == 4
    assert '<option value=""></option>' in found
    assert found.count("selected") == 1
    assert '<option value="b" selected="">Pear</option>' in found


def test_a_password_is_hidden_while_it_is_typed_and_never_shown_again() -> None:
    field = TextField("f", "Password", complete="current-password")
    found = shown(field, body("marked-secret"), "wrong")
    assert 'type="password"' in found
    assert 'autocomplete="current-password"' in found
    assert "marked-secret" not in found
