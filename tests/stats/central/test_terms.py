"""Terms that contradict themselves are refused before there is a data set."""

from __future__ import annotations

import msgspec
import pytest

from loopixmix.errors import MisuseError
from stats.central.terms import CategoryColumn, DataSetTerms, KeyColumn, NumberColumn, check_terms
from tests.worlds.stats.data_sets import AGE, SEX, TERMS, TOWN


def test_sound_terms_pass_and_survive_json() -> None:
    check_terms(TERMS)
    assert msgspec.json.decode(msgspec.json.encode(TERMS), type=DataSetTerms) == TERMS


def test_a_number_is_a_whole_number_of_steps() -> None:
    column = NumberColumn(name="pay", lower="-1.5", upper="2", step="0.25")
    check_terms(DataSetTerms(title="x", columns=(column,), eps="1"))
    assert (column.low, column.high) == (-6, 8)


@pytest.mark.parametrize(
    "changes",
    [
        {"columns": (AGE, AGE)},
        {"columns": (AGE,), "person": "age"},
        {"columns": (NumberColumn(name="x", lower="5", upper="5"),)},
        {"columns": (NumberColumn(name="x", lower="0", upper="1", step="0"),)},
        {"columns": (NumberColumn(name="x", lower="0", upper="1", step="-1"),)},
        {"columns": (NumberColumn(name="x", lower="0", upper="1", step="0.3"),)},
        {"columns": (NumberColumn(name="x", lower="0", upper="999999999999", step="0.001"),)},
        {"columns": (NumberColumn(name="x", lower="0", upper="9", default="10"),)},
        {"columns": (CategoryColumn(name="x", values=("a", "a")),)},
        {"columns": (CategoryColumn(name="x", values=("a", "other")),)},
        {"columns": (TOWN,), "delta_each": "0"},
        {"eps_each": "11"},
        {"eps_each": "0"},
        {"delta_each": "0.1"},
    ],
)
def test_contradictions_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(MisuseError):
        check_terms(msgspec.structs.replace(TERMS, **changes))


@pytest.mark.parametrize(
    "text",
    [
        b'{"title": "x", "columns": [], "eps": "1"}',
        b'{"title": "x", "columns": [{"kind": "number", "name": "A", "lower": "0", "upper": "1"}], "eps": "1"}',
        b'{"title": "x", "columns": [{"kind": "number", "name": "a", "lower": "1e3", "upper": "2"}], "eps": "1"}',
        b'{"title": "x", "columns": [{"kind": "text", "name": "a"}], "eps": "1"}',
        b'{"title": "x", "columns": [{"kind": "key", "name": "a", "most": 0}], "eps": "1"}',
        b'{"title": "x", "columns": [{"kind": "key", "name": "a"}], "eps": "0.0000001"}',
        b'{"title": "x", "columns": [{"kind": "key", "name": "a"}], "eps": "1", "more": 1}',
    ],
)
def test_other_shapes_are_no_terms(text: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=DataSetTerms)


def test_columns_are_found_by_name() -> None:
    assert TERMS.column("sex") is SEX
    assert isinstance(TERMS.column("town"), KeyColumn)
    assert TERMS.column("nothing") is None
