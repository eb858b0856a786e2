"""A file becomes rows of whole numbers, or is refused without quoting it."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pyarrow.parquet
import pytest

from loopixmix.errors import MisuseError
from stats.central import importing
from stats.central.importing import Imported, import_csv
from stats.central.terms import DataSetTerms
from tests.worlds.stats.data_sets import AGE, MARKED, PAY, SEX, TERMS, TOWN


def imported(tmp_path: Path, text: str, terms: DataSetTerms = TERMS) -> tuple[Imported, list[dict[str, object]]]:
    source, target = tmp_path / "in.csv", tmp_path / "made" / "rows.parquet"
    source.write_text(text)
    made = import_csv(source, target, terms)
    return made, pyarrow.parquet.read_table(target).to_pylist()


def test_numbers_are_scaled_clamped_and_rounded(tmp_path: Path) -> None:
    text = "town,sex,pay,age,more\nUlm,f,1.234,40.4,x\nBonn,?,-1000,130,x\n,m,,-3,x\nUlm,f,1e2,1e1,x\n"
    made, rows = imported(tmp_path, text)
    assert rows == [
        {"age": 40, "pay": 123, "sex": 0, "town": "Ulm"},
        {"age": 120, "pay": -10_000, "sex": 2, "town": "Bonn"},
        {"age": 0, "pay": 0, "sex": 1, "town": ""},
        {"age": 10, "pay": 10_000, "sex": 0, "town": "Ulm"},
    ]
    assert made == Imported(rows=4, clamped=3, left_out=0)


def test_a_person_has_so_many_rows_and_no_name(tmp_path: Path) -> None:
    terms = msgspec.structs.replace(TERMS, columns=(AGE,), person="who", rows_each=2)
    made, rows = imported(tmp_path, "who,age\na,1\nb,2\na,3\na,4\nb,5\na,6\n", terms)
    assert [row["age"] for row in rows] == [1, 2, 3, 5]
    assert list(rows[0]) == ["age"]
    assert made.left_out == 2


def test_files_are_private(tmp_path: Path) -> None:
    imported(tmp_path, "age,pay,sex,town\n1,2,f,Ulm\n")
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "made" / "rows.parquet").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "column 'age'"),
        ("age,pay,sex\n", "column 'town'"),
        ("age,age,pay,sex,town\n", "column 'age'"),
        (f"age,pay,sex,town\n1,2,f,Ulm\n{MARKED},2,f,Ulm\n", "line 3, age: this is no number"),
        ("age,pay,sex,town\n,2,f,Ulm\n", "line 2, age: this is no number"),
        ("age,pay,sex,town\nnan,2,f,Ulm\n", "no number"),
        ("age,pay,sex,town\ninf,2,f,Ulm\n", "no number"),
        ("age,pay,sex,town\n1e999999999,2,f,Ulm\n", "no number"),
        ("age,pay,sex,town\n" + "1" * 50 + ",2,f,Ulm\n", "no number"),
        (f"age,pay,sex,town\n1,2,f,{MARKED * 20}\n", "line 2, town: a key has at most 100"),
        (f"age,pay,sex,town\n1,2,{MARKED}\n", "line 2: there are 3 fields instead of 4"),
        (f'age,pay,sex,town\n1,2,f,"{MARKED}\n', "no CSV"),
    ],
)
def test_faults_are_told_by_their_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(MisuseError, match=words) as refused:
        imported(tmp_path, text)
    assert MARKED not in str(refused.value)
    assert list((tmp_path / "made").iterdir()) == []


def test_too_many_keys_and_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terms = msgspec.structs.replace(TERMS, columns=(msgspec.structs.replace(TOWN, most=2),))
    with pytest.raises(MisuseError, match="over 2 different keys"):
        imported(tmp_path, "town\na\nb\na\nc\n", terms)
    monkeypatch.setattr(importing, "MOST_ROWS", 3)
    with pytest.raises(MisuseError, match="at most 3 rows"):
        imported(tmp_path, "town\na\nb\na\na\n", terms)


def test_what_is_no_text_or_no_file_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    with pytest.raises(MisuseError, match="No such file"):
        import_csv(source, tmp_path / "made" / "rows.parquet", TERMS)
    source.write_bytes(b"age,pay,sex,town\n1,2,f,\xff\n")
    with pytest.raises(MisuseError, match="UTF-8"):
        import_csv(source, tmp_path / "made" / "rows.parquet", TERMS)


def test_many_rows_are_written_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_AT_ONCE", 7)
    terms = msgspec.structs.replace(TERMS, columns=(AGE, PAY, SEX))
    _, rows = imported(tmp_path, "age,pay,sex\n" + "".join(f"{n},0,f\n" for n in range(50)), terms)
    assert [row["age"] for row in rows] == list(range(50))
