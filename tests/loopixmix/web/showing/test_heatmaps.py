"""Heat maps as markup."""

from __future__ import annotations

import pytest
from twisted.web.template import Tag

from loopixmix.errors import MisuseError
from loopixmix.web.showing.charts import Caption
from loopixmix.web.showing.heatmaps import MOST_SIDE, SHADES, heat_map
from loopixmix.web.showing.markup import render

CAPTION = Caption(title="Where", description="Here.", x="west to east", y="south to north")


def shown(tag: Tag) -> str:
    return render(tag).decode()


def test_each_value_has_a_shade_by_its_size() -> None:
    found = shown(heat_map(CAPTION, [[0, 0.1, 6.0], [1.01, 3.0, 5.9]], ["cell", "people"], [("middle", 6)]))
    drawing = found.partition('role="img"')[2].partition("</svg>")[0]
    kinds = [part.partition('"')[0] for part in drawing.split('class="heat ')[1:]]
    assert kinds == ["heat-0", "heat-1", f"heat-{SHADES}", "heat-2", "heat-4", f"heat-{SHADES}"]
    assert "middle" in found
    assert "5 to 6" in found


def test_what_is_not_told_is_crossed_out_and_named() -> None:
    found = shown(heat_map(CAPTION, [[None, 1.0]], ["cell", "people"], []))
    assert found.count('class="untold"') == 2
    assert "not told" in found
    assert "not told" not in shown(heat_map(CAPTION, [[0.5, 1.0]], ["cell", "people"], []))


def test_a_map_without_anything_is_shown_too() -> None:
    assert "heat-0" in shown(heat_map(CAPTION, [[0.0, 0.0]], ["cell", "people"], []))


@pytest.mark.parametrize(
    "cells", [[], [[]], [[1.0], [1.0, 2.0]], [[-0.1]], [[1.0] * (MOST_SIDE + 1)], [[1.0]] * (MOST_SIDE + 1)]
)
def test_other_grids_are_refused(cells: list[list[float]]) -> None:
    with pytest.raises(MisuseError):
        heat_map(CAPTION, cells, ["cell", "people"], [])
