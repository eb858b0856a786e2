"""Tables tell which heading belongs to which cell."""

from __future__ import annotations

import pytest

from loopixmix.errors import MisuseError
from loopixmix.web.showing.markup import render
from loopixmix.web.showing.tables import table


def test_a_table_has_a_caption_and_headings_for_columns_and_rows() -> None:
    body = render(table("Votes cast", ["proposal", "votes"], [("<trees>", 1204), ("road", 3)])).decode()
    assert '<caption id="table-votes-cast">Votes cast</caption>' in body
    assert '<th scope="col">proposal</th><th scope="col" class="number">votes</th>' in body
    assert '<th scope="row">&lt;trees&gt;</th><td class="number">1,204</td>' in body


def test_a_wide_table_can_be_scrolled_by_keyboard_and_has_a_name() -> None:
    body = render(table("Votes", ["a"], [])).decode()
    assert '<div class="scroll" role="region" tabindex="0" aria-labelledby="table-votes">' in body


def test_an_empty_cell_among_numbers_leaves_them_aligned() -> None:
    body = render(table("t", ["a", "b"], [("x", 1), ("y", ""), ("z", "word")])).decode()
    assert body.count("number") == 0
    assert render(table("t", ["a", "b"], [("x", 1), ("y", "")])).decode().count('class="number"') == 3


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(MisuseError, match="has 1 cells, not 2"):
        table("t", ["a", "b"], [("x",)])
