from __future__ import annotations

import pytest

from loopixmix.errors import MisuseError
from votes.credentials.voters import VoterFileError, VoterRules, VoterTable, read_voters, write_rows

GOOD = "id,name,email\r\n1,Ada,ada@example.org\r\n2,Ben,ben@example.org\r\n"


LATIN_1 = "id,name\n1,Zo\xeb\n2,Ada\n3,J\xfcrg\n".encode("latin-1")


def told(data: str | bytes, rules: VoterRules | None = None) -> list[str]:
    with pytest.raises(VoterFileError) as caught:
        read_voters(data.encode() if isinstance(data, str) else data, rules or VoterRules())
    assert "nothing was taken" in str(caught.value)
    return list(caught.value.lines())


def test_voters_are_read_from_all_usual_forms_of_csv() -> None:
    table = read_voters(GOOD.encode(), VoterRules())
    assert table.columns == ("id", "name", "email")
    assert table.rows == [("1", "Ada", "ada@example.org"), ("2", "Ben", "ben@example.org")]
    for other in (GOOD.replace("\r\n", "\n"), "\ufeff" + GOOD, GOOD.strip(), GOOD.replace("Ada", '"Ada"')):
        assert read_voters(other.encode(), VoterRules()) == table


def test_fields_may_have_commas_quotes_and_names_of_all_languages() -> None:
    table = read_voters('id,name\n1,"Lovelace, ""Ada"""\n2,"می\u200cخواهم"\n3,Zoë\u00a0K.\n'.encode(), VoterRules())
    assert [row[1] for row in table.rows] == ['Lovelace, "Ada"', "می\u200cخواهم", "Zoë\u00a0K."]
    again = read_voters(b"".join(write_rows(table.columns, iter(table.rows))), VoterRules())
    assert again == table


@pytest.mark.parametrize(
    ("data", "faults"),
    [
        ("", ["line 1: the file is empty; the first line has the names of the columns"]),
        ("id,name\n", ["line 2: there is no voter"]),
        ("name\nAda\n", ["line 1: the column 'id' is missing; there are 'name'"]),
        ("id,name,name\n1,a,b\n", ["line 1: the column 'name' is there 2 times"]),
        ("id,\n1,a\n", ["line 1: a column has no name"]),
        ("id,code\n1,a\n", ["line 1: the column 'code' is one that invitations get; call it otherwise"]),
        ("id,name\n1,Ada,x\n2\n", ["line 2: has 3 fields; the first line has 2", "line 3: has 1 fields"]),
        ("id,name\n1,A\n\n2,B\n", ["line 3: has 0 fields; the first line has 2"]),
        ("id,name\n,Ada\n 2,Ben\n", ["line 2: id is empty", "line 3: id begins or ends with a space"]),
        ("id\n1\n2\n1\n1\n", ["line 4: id '1' stands in line 2 already", "line 5: id '1' stands in line 2 already"]),
        (
            "id,email\n1,A@example.org\n2,a@Example.org\n3,\n4,\n",
            ["line 3: email 'a@Example.org' stands in line 2 already"],
        ),
        ("id,name\n1,A\x00da\n2,B\x07en\n", ["line 2: name has a character", "line 3: name has a character"]),
        ('id,name\n1,"a\nb"\n2,x\n2,y\n', ["line 2: name has a character that is not seen (U+000A)", "line 5: id '2'"]),
        ('id,name\n1,"Ada\n2,Ben\n', ["line 2: is not CSV: unexpected end of data"]),
        ('id,name\n1,A"d"a\n2,"B"en\n', ["line 3: is not CSV: ',' expected after '\"'"]),
        ("id,name\n1," + "a" * 1001, ["line 2: name has 1001 characters; at most 1000 are allowed"]),
        ("id,name\n1," + "a" * 200_000, ["line 2: is not CSV: field larger than field limit"]),
        (LATIN_1, ["line 2: byte 5 is not UTF-8", "line 4: byte 4 is not"]),
        (GOOD.encode("utf-16"), ["line 1: the file is in UTF-16; allowed is UTF-8"]),
        (",".join(["id", *map(str, range(100))]) + "\n", ["line 1: has 101 columns; at most 100 are allowed"]),
    ],
)  # fmt: skip
def test_all_faults_are_told_at_once_with_their_lines(data: str | bytes, faults: list[str]) -> None:
    found = told(data)
    assert len(found) == len(faults)
    for line, fault in zip(found, faults, strict=True):
        assert line.startswith(fault)


def test_columns_may_be_required_and_addresses_shared() -> None:
    assert told("id\n1\n", VoterRules(required=("email",))) == ["line 1: the column 'email' is missing; there are 'id'"]
    assert told("id,email\n1,\n", VoterRules(required=("email",))) == ["line 2: email is empty"]
    assert len(read_voters(b"id,email\n1,a@b\n2,a@b\n", VoterRules(unique=())).rows) == 2


def test_a_file_with_a_fault_in_every_line_does_not_fill_the_screen() -> None:
    found = told("id,name\n" + "1\n" * 3000)
    assert len(found) == 1001
    assert found[-1] == "and 2000 more"


def test_progress_is_told() -> None:
    heard: list[int] = []
    read_voters(b"id\n" + b"".join(b"%d\n" % number for number in range(25_000)), VoterRules(), heard.append)
    assert heard == [10_000, 20_000]


def test_a_voter_is_found_by_id() -> None:
    table = VoterTable(("name", "id"), [("Ada", "1"), ("Ben", "2")])
    assert table.find("2") == 1
    with pytest.raises(MisuseError, match="no voter with the id 'Ada'"):
        table.find("Ada")
