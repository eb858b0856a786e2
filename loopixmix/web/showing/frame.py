"""The frame around the content of every page: language, title, stylesheet, a way past the navigation."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from twisted.web.template import Tag

from loopixmix.web.showing.markup import Content, element, link, render

STYLE = files("loopixmix.web.showing").joinpath("style.css").read_bytes()
STYLE_NAME = f"style-{hashlib.sha256(STYLE).hexdigest()[:16]}.css"
"""Named by its content, so that a browser may keep it and never shows a page in an older one."""


@dataclass(frozen=True)
class MenuEntry:
    """A page in the navigation: its address and its name."""

    address: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Frame:
    """All that the pages of one application have in common.

    `prefix`: the path before all addresses, without a slash at its end. `leave`: a form that ends the session, if there
    is one to end.
    """

    application: str
    prefix: str
    places: Sequence[MenuEntry] = ()
    language: str = "en"
    leave: Tag | None = None


def document(frame: Frame, title: str, content: Content, *, is_error: bool = False) -> bytes:
    """Return a whole page. `title`: of this page; `is_error`: it says that something is wrong."""
    spoken = f"{'Error: ' if is_error else ''}{title} - {frame.application}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("title", spoken),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("link", rel="stylesheet", href=f"{frame.prefix}/{STYLE_NAME}"),
    )
    body = element(
        "body",
        link("#content", "Skip to the content", class_="skip"),
        _header(frame, title),
        element("main", element("h1", title), content, id="content", tabindex=-1),
    )
    return render(element("html", head, body, lang=frame.language))


def _header(frame: Frame, title: str) -> Tag:
    home = link(f"{frame.prefix}/", frame.application, class_="application")
    places = [
        element("li", link(frame.prefix + place.address, place.name, aria_current=_current(place.name == title)))
        for place in frame.places
    ]
    navigation = element("nav", element("ul", *places), aria_label="Pages") if places else ""
    return element("header", element("div", home, navigation, frame.leave or "", class_="bar-of-pages"))


def _current(is_here: bool) -> str | None:
    return "page" if is_here else None
