"""Few people are not shown, and cannot be found by subtraction."""

from __future__ import annotations

import numpy as np
import pytest

from stats.estimate.suppression import hidden_cells, hidden_values


def test_a_value_of_few_people_is_hidden_with_the_smallest_other_one() -> None:
    assert hidden_values(np.array([40.0, 4.9, 9.0, 30.0]), one_each=True).tolist() == [False, True, True, False]


def test_several_hidden_values_hide_each_other() -> None:
    assert hidden_values(np.array([40.0, 4.9, -3.0, 30.0]), one_each=True).tolist() == [False, True, True, False]


def test_options_of_a_multiple_choice_do_not_add_up() -> None:
    assert hidden_values(np.array([40.0, 4.9, 9.0]), one_each=False).tolist() == [False, True, False]


def test_nothing_is_hidden_where_there_are_enough() -> None:
    assert not hidden_values(np.array([5.0, 5.0]), one_each=True).any()
    assert not hidden_values(np.array([-5.0, 5.0]), one_each=True, min_cell=0).any()
    assert not hidden_cells(np.array([[-5.0, 5.0]]), min_cell=0).any()


def test_no_row_and_no_column_has_one_hidden_cell() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        counts = rng.exponential(15, (rng.integers(2, 7), rng.integers(2, 7)))
        hidden = hidden_cells(counts)
        assert hidden[counts < 5].all()
        assert 1 not in hidden.sum(axis=0)
        assert 1 not in hidden.sum(axis=1)


def test_the_smallest_other_cell_of_the_row_and_column_is_taken() -> None:
    counts = np.array([[3.0, 20.0, 30.0], [50.0, 60.0, 70.0], [10.0, 90.0, 80.0]])
    assert hidden_cells(counts).tolist() == [[True, True, False], [False, False, False], [True, True, False]]


@pytest.mark.parametrize(("rows", "columns"), [(True, False), (False, True), (False, False)])
def test_only_what_adds_up_is_hidden_further(rows: bool, columns: bool) -> None:
    counts = np.array([[3.0, 20.0, 30.0], [50.0, 60.0, 70.0], [10.0, 90.0, 80.0]])
    hidden = hidden_cells(counts, rows_add_up=rows, columns_add_up=columns)
    assert hidden.sum() == 1 + rows + columns
    assert hidden[0, 1] == rows
    assert hidden[2, 0] == columns
