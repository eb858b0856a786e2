"""HTML as values: text is escaped by construction, and what the pages' policy forbids cannot be built."""

from __future__ import annotations

import re
from typing import TypeAlias

from twisted.web.template import Flattenable, Tag, flattenString

from loopixmix.errors import MisuseError

Content: TypeAlias = Flattenable
"""Something to show: text, which is escaped, an element, or a list of both."""

Attribute: TypeAlias = str | int | float | bool | None
"""True gives an attribute without a value; False and None leave it out."""

_ELEMENT = re.compile(r"[a-z][a-zA-Z0-9]*")
_ATTRIBUTE = re.compile(r"[a-z][a-zA-Z0-9-]*")
_UNSAFE_ADDRESS = re.compile(r"[\x00-\x20\x7f\\]")
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_SCHEMES = ("http", "https", "mailto")
_FORBIDDEN_ELEMENTS = frozenset({"script", "style", "iframe", "frame", "object", "embed", "base"})
_ADDRESSES = frozenset({"href", "src", "action", "formaction", "cite", "data", "poster", "xlink:href"})


def element(name: str, /, *children: Content, **attributes: Attribute) -> Tag:
    """Return an HTML or SVG element.

    `attributes`: a closing underscore is dropped (`class_`, `for_`), others become hyphens (`aria_label`). Raises
    `MisuseError` for what the policy of our pages makes a browser ignore: scripts, frames, event attributes, inline
    style, and addresses of a scheme that is not http, https or mailto.
    """
    if not _ELEMENT.fullmatch(name) or name in _FORBIDDEN_ELEMENTS:
        raise MisuseError(f"<{name}> is no element that a page may have")
    made = Tag(name, children=list(children))
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        spelt = key.rstrip("_").replace("_", "-")
        text = "" if value is True else str(value)
        _check_attribute(spelt, text)
        made.attributes[spelt] = text
    return made


def link(to: str, *content: Content, **attributes: Attribute) -> Tag:
    """Return a link to an address."""
    return element("a", *content, href=to, **attributes)


def paragraph(*content: Content, **attributes: Attribute) -> Tag:
    """Return a paragraph."""
    return element("p", *content, **attributes)


def section(heading: str, *content: Content) -> Tag:
    """Return a part of a page under a heading of the second level."""
    return element("section", element("h2", heading), *content)


def items(*entries: Content) -> Tag:
    """Return a list of entries."""
    return element("ul", *(element("li", entry) for entry in entries))


def notice(*content: Content) -> Tag:
    """Return a line that says how something ended; screen readers tell it at once."""
    return element("p", *content, class_="notice", role="status")


def render(root: Tag) -> bytes:
    """Return a whole document as bytes; raise `MisuseError` if something in it cannot be shown at once."""
    # The Deferred has fired if nothing in the tree waits, and none of our values does.
    results: list[object] = []
    flattenString(None, root).addBoth(results.append)
    match results:
        case [bytes() as body]:
            return b"<!DOCTYPE html>\n" + body
    raise MisuseError(f"a page cannot be shown: {results[0] if results else 'a part of it is not there yet'}")


def _check_attribute(name: str, value: str) -> None:
    if not _ATTRIBUTE.fullmatch(name) or name == "style" or name.startswith("on"):
        raise MisuseError(f"{name!r} is no attribute that a page may have")
    if name in _ADDRESSES:
        scheme = _SCHEME.match(value)
        # Browsers drop white space and control characters within an address: "java\nscript:" would be a script.
        if _UNSAFE_ADDRESS.search(value) or (scheme is not None and scheme[1].lower() not in _SCHEMES):
            raise MisuseError(f"{value[:80]!r} is no address that a page may have (allowed: {', '.join(_SCHEMES)})")
