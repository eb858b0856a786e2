"""A heat map: values on a grid as shades of one colour, with a legend, and numbers in a table behind."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from twisted.web.template import Tag

from loopixmix.errors import MisuseError
from loopixmix.web.showing.axes import percent, px
from loopixmix.web.showing.charts import Caption, chart_figure
from loopixmix.web.showing.markup import element
from loopixmix.web.showing.numbers import show_number
from loopixmix.web.showing.tables import Cell

MOST_SIDE = 64
SHADES = 6
"""From the faintest to the strongest; more cannot be told apart."""
_HEIGHT_PX, _LEAST_PX, _MOST_PX = 320.0, 6.0, 30.0


def heat_map(
    caption: Caption,
    cells: Sequence[Sequence[float | None]],
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
) -> Tag:
    """Return a shade for each value, 0 or more; None is a cell that is not told, and is crossed out.

    `cells`: rows from above, all of one length, at most `MOST_SIDE` in both directions. `caption`: `x` and `y` name
    what lies across and upright. `columns`, `rows`: the numbers behind it, those that matter most. Raises `MisuseError`
    for another grid, or a value below 0.
    """
    width = len(cells[0]) if cells else 0
    if not 0 < width <= MOST_SIDE or len(cells) > MOST_SIDE or any(len(row) != width for row in cells):
        raise MisuseError(f"a heat map has 1 to {MOST_SIDE} rows of 1 to {MOST_SIDE} cells each")
    known = [value for row in cells for value in row if value is not None]
    if min(known, default=0.0) < 0:
        raise MisuseError("the values of a heat map are 0 or more")
    most = max(known, default=0.0)
    height_px = min(_MOST_PX, max(_LEAST_PX, _HEIGHT_PX / len(cells)))
    drawn: list[Tag] = []
    for row, values in enumerate(cells):
        for column, value in enumerate(values):
            drawn += _cell(column / width * 100, row * height_px, 100 / width, height_px, _shade(value, most))
    return chart_figure(
        caption, drawn, len(cells) * height_px, columns, rows, legend=_legend(most, len(known) < len(cells) * width)
    )


def _shade(value: float | None, most: float) -> int | None:
    """Return the number of a shade: 0 for nothing, None for what is not told."""
    if value is None:
        return None
    return min(SHADES, int(value / most * SHADES) + 1) if value > 0 else 0


def _cell(x: float, y_px: float, width: float, height_px: float, shade: int | None) -> list[Tag]:
    name = "untold" if shade is None else f"heat-{shade}"
    drawn = [
        element("rect", x=percent(x), y=px(y_px), width=percent(width), height=px(height_px), class_=f"heat {name}")
    ]
    if shade is None:
        end, bottom = percent(x + width), px(y_px + height_px)
        drawn.append(element("line", x1=percent(x), y1=bottom, x2=end, y2=px(y_px), class_="untold"))
    return drawn


def _legend(most: float, has_untold: bool) -> Tag:
    bounds = [most * shade / SHADES for shade in range(SHADES + 1)]
    spans = [f"{_near(low)} to {_near(high)}" for low, high in pairwise(bounds)] if most > 0 else []
    named = [("heat-0", "0"), *((f"heat-{number}", span) for number, span in enumerate(spans, 1))]
    if has_untold:
        named.append(("untold", "not told"))
    return element("ul", *(element("li", _swatch(kind), words) for kind, words in named), class_="legend")


def _swatch(kind: str) -> Tag:
    box = element("rect", x="0", y="0", width="16", height="16", class_=f"heat {kind}")
    cross = [element("line", x1="0", y1="16", x2="16", y2="0", class_="untold")] if kind == "untold" else []
    return element("svg", box, *cross, width="16", height="16", aria_hidden="true", focusable="false")


def _near(value: float) -> str:
    """Return a bound of the legend with two digits: between shades nobody sees more."""
    return show_number(float(f"{value:.2g}"))
