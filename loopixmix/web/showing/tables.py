"""Tables that can be read without seeing them: caption, headings with scope, and a frame that scrolls by keyboard."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from twisted.web.template import Tag

from loopixmix.errors import MisuseError
from loopixmix.web.showing.markup import Content, element
from loopixmix.web.showing.numbers import show_number

Cell: TypeAlias = str | int | float | Tag


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Tag:
    """Return a table whose first column names the rows; numbers are aligned to the right.

    `caption`: unlike those of the page's other tables. `columns`: a heading for each. Raises `MisuseError` if a row has
    more or fewer cells than there are columns.
    """
    for row in rows:
        if len(row) != len(columns):
            raise MisuseError(f"a row of the table {caption!r} has {len(row)} cells, not {len(columns)}")
    numeric = [_is_numeric([row[index] for row in rows]) for index in range(len(columns))]
    head = element(
        "tr",
        *(element("th", name, scope="col", class_=_class(right)) for name, right in zip(columns, numeric, strict=True)),
    )
    body = [
        element("tr", element("th", _shown(row[0]), scope="row", class_=_class(numeric[0])), *_cells(row, numeric))
        for row in rows
    ]
    identifier = "table-" + re.sub("[^a-z0-9]+", "-", caption.lower()).strip("-")
    return element(
        "div",
        element(
            "table",
            element("caption", caption, id=identifier),
            element("thead", head),
            element("tbody", *body),
        ),
        # A table that is wider than the window scrolls in here: by keyboard too, once it has the focus.
        class_="scroll",
        role="region",
        tabindex=0,
        aria_labelledby=identifier,
    )


def _is_numeric(cells: Sequence[Cell]) -> bool:
    return any(isinstance(cell, (int, float)) for cell in cells) and all(
        cell == "" or isinstance(cell, (int, float)) for cell in cells
    )


def _cells(row: Sequence[Cell], numeric: Sequence[bool]) -> list[Tag]:
    return [element("td", _shown(cell), class_=_class(right)) for cell, right in zip(row[1:], numeric[1:], strict=True)]


def _shown(cell: Cell) -> Content:
    return show_number(cell) if isinstance(cell, (int, float)) else cell


def _class(right: bool) -> str | None:
    return "number" if right else None
