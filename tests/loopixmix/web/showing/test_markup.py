"""HTML as values: nothing that is shown becomes markup, and nothing can be built that the policy forbids."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from loopixmix.errors import MisuseError
from loopixmix.web.showing.markup import element, items, link, notice, paragraph, render, section

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]))


class Reading(HTMLParser):
    """What a browser finds: elements with their attributes, and the text between them."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(body.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(text=TEXTS, value=TEXTS)
def test_any_text_stays_text_and_any_attribute_an_attribute(text: str, value: str) -> None:
    found = Reading(render(element("p", text, title=value)).removeprefix(b"<!DOCTYPE html>\n"))
    assert found.elements == [("p", {"title": value})]
    assert found.text == text


def test_attributes_are_spelt_as_html_spells_them() -> None:
    body = render(element("input", class_="a", for_="b", aria_label="c", tabindex=0, required=True, checked=False))
    assert Reading(body).elements == [
        ("input", {"class": "a", "for": "b", "aria-label": "c", "tabindex": "0", "required": ""})
    ]
    assert b"checked" not in body


@pytest.mark.parametrize(
    "name", ["script", "style", "iframe", "object", "embed", "base", "p><script", "SCRIPT", "", "x y"]
)
def test_elements_that_no_page_may_have(name: str) -> None:
    with pytest.raises(MisuseError, match="no element that a page may have"):
        element(name)


@pytest.mark.parametrize("name", ["onclick", "onload", "style", "a b", "x>", "1", "A"])
def test_attributes_that_no_page_may_have(name: str) -> None:
    with pytest.raises(MisuseError, match="no attribute that a page may have"):
        element("p", **{name: "x"})


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\nscript:alert(1)",
        "\tjavascript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "\\\\evil.example",
    ],
)
def test_addresses_that_no_page_may_have(address: str) -> None:
    with pytest.raises(MisuseError, match="no address that a page may have"):
        link(address, "x")
    with pytest.raises(MisuseError, match="no address that a page may have"):
        element("form", action=address)


@pytest.mark.parametrize(
    "address", ["/a?b=c#d", "#x", "a/b:c", "https://example.org/", "mailto:a@b", "?x=javascript:1"]
)
def test_addresses_that_a_page_may_have(address: str) -> None:
    assert Reading(render(link(address, "x"))).elements == [("a", {"href": address})]


def test_a_document_is_in_standards_mode() -> None:
    assert render(paragraph("x")) == b"<!DOCTYPE html>\n<p>x</p>"


def test_what_is_not_there_yet_cannot_be_shown() -> None:
    waiting: Deferred[str] = Deferred()
    with pytest.raises(MisuseError, match="not there yet"):
        render(paragraph(waiting))
    with pytest.raises(MisuseError, match="cannot be shown"):
        render(paragraph(object()))


def test_small_parts() -> None:
    body = render(element("div", section("Head", items("a", "b")), notice("done")))
    assert body.endswith(
        b"<div><section><h2>Head</h2><ul><li>a</li><li>b</li></ul></section>"
        b'<p class="notice" role="status">done</p></div>'
    )
