"""Forms as a whole."""

from __future__ import annotations

import pytest

from loopixmix.errors import MisuseError
from loopixmix.web.forms.bodies import BadFormError, FormBody
from loopixmix.web.forms.fields import FileField, NumberField, TextField
from loopixmix.web.forms.forms import TOKEN_FIELD, Filled, Form, button_form
from loopixmix.web.showing.markup import element, render

NAME, AGE = TextField("name", "Your name"), NumberField("age", "Age?", least=0, most=9)
FORM = Form(NAME, AGE, submit="Send")


def shown(form: Form, filled: Filled | None = None) -> str:
    return render(element("div", form.show("TOKEN", filled))).decode()


def test_a_good_form_gives_each_value_in_its_type() -> None:
    filled = FORM.read(FormBody({"name": ("Ada",), "age": ("7",)}))
    assert filled.is_good
    assert (filled.value(NAME), filled.value(AGE)) == ("Ada", 7)


def test_a_form_carries_the_token_and_is_sent_by_post() -> None:
    assert f'<input type="hidden" name="{TOKEN_FIELD}" value="TOKEN" />' in shown(FORM)
    assert 'method="post" novalidate=""' in shown(FORM)
    assert "multipart" not in shown(FORM)
    assert 'enctype="multipart/form-data"' in shown(Form(FileField("f", "File", 9), submit="Send"))


def test_each_mistake_stands_in_a_summary_that_leads_to_it() -> None:
    filled = FORM.read(FormBody({"name": ("",), "age": ("x",)}))
    assert not filled.is_good
    found = shown(FORM, filled)
    assert '<div class="errors" role="alert" aria-labelledby="errors-title">' in found
    assert '<a href="#field-name">Your name: write something here</a>' in found
    assert '<a href="#field-age">Age: enter a whole number from 0 to 9</a>' in found
    with pytest.raises(MisuseError, match="'name' has no value: write something here"):
        filled.value(NAME)


def test_without_a_mistake_there_is_no_summary() -> None:
    assert "errors" not in shown(FORM)
    assert "errors" not in shown(FORM, FORM.read(FormBody({"name": ("a",), "age": ("1",)})))


@pytest.mark.parametrize("sent", [FormBody({"other": ("x",)}), FormBody({}, {"other": ()})])
def test_a_field_that_the_form_does_not_have_is_refused(sent: FormBody) -> None:
    with pytest.raises(BadFormError, match="no field 'other'"):
        FORM.read(sent)


def test_names_differ() -> None:
    with pytest.raises(MisuseError, match="different names"):
        Form(NAME, NAME, submit="x")
    with pytest.raises(MisuseError, match="none of them form-token"):
        Form(TextField(TOKEN_FIELD, "x"), submit="x")


def test_a_button_is_a_form_of_its_own() -> None:
    found = render(button_form("TOKEN", "Close", "/close")).decode()
    assert 'value="TOKEN"' in found
    assert 'action="/close"' in found
