"""`loopixmix stats issuer`; running one is in tests/integration/test_survey_issuer.py."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from loopixmix.tokens import decode_token_key
from stats.questionnaire.questionnaire import PersonKind, SurveyDraft, SurveyKey
from tests.worlds.stats.commands import good, refused
from tests.worlds.stats.issuers import survey_draft, write_draft


@pytest.fixture
def issuer(tmp_path: Path) -> Path:
    said = good("issuer", "init", tmp_path / "issuer")
    assert "[remote.stats-issuer]" in said
    assert str(tmp_path / "issuer" / "issuer.sock") in said
    return tmp_path / "issuer"


@pytest.fixture
def sending(tmp_path: Path) -> Path:
    """An issuer with a client."""
    good("issuer", "init", tmp_path / "sending", "--client", tmp_path / "client")
    return tmp_path / "sending"


def a_draft(path: Path, kind: PersonKind) -> Path:
    # In years to come it is still to open.
    far = {"opens": survey_draft().opens.replace(year=2099), "closes": survey_draft().closes.replace(year=2100)}
    return write_draft(path / f"{kind.value}.json", msgspec.structs.replace(survey_draft(kind=kind), **far))


def test_the_keys_of_a_survey_are_made_for_its_questionnaire(issuer: Path, tmp_path: Path) -> None:
    draft, keys = a_draft(tmp_path, PersonKind.CODES), tmp_path / "keys.json"
    assert "1 keys are in" in good("issuer", "add", issuer, draft, keys)
    [key] = msgspec.json.decode(keys.read_bytes(), type=list[SurveyKey])
    draft_id = msgspec.json.decode(draft.read_bytes(), type=SurveyDraft).draft_id
    assert decode_token_key(key.key).purpose == f"stats-{draft_id.hex()[:16]}-0"
    assert "never overwritten" in refused("issuer", "add", issuer, draft, keys)


def test_codes_are_handed_out_and_counted(issuer: Path, tmp_path: Path) -> None:
    draft, out = a_draft(tmp_path, PersonKind.CODES), tmp_path / "codes.csv"
    assert "add it first" in refused("issuer", "codes", issuer, draft, 3, out)
    good("issuer", "add", issuer, draft, tmp_path / "keys.json")
    good("issuer", "codes", issuer, draft, 3, out)
    head, *codes = out.read_text().splitlines()
    assert head == "code"
    assert len(set(codes)) == 3
    assert out.stat().st_mode & 0o777 == 0o600
    assert not any(code.encode() in path.read_bytes() for code in codes for path in issuer.glob("issuer.sqlite3*"))
    told = json.loads(good("issuer", "status", issuer, "--json"))
    assert told["running"] is None
    [survey] = told["surveys"]
    assert (survey["codes"], survey["signed"], survey["keys"]) == (3, [0], 1)
    assert "Tea: 3 codes" in good("issuer", "status", issuer)
    assert "no list of contacts" in refused("issuer", "contacts", issuer, draft)


def test_a_list_of_contacts_is_read_and_told(sending: Path, tmp_path: Path) -> None:
    draft, listed = a_draft(tmp_path, PersonKind.CONTACTS), tmp_path / "contacts.csv"
    good("issuer", "add", sending, draft, tmp_path / "keys.json")
    listed.write_text("address,fingerprint\nann@one,aaaa-bbbb\nbob@two,cccc-dddd\n")
    assert "2 addresses were read; there are 2 now" in good("issuer", "contacts", sending, draft, listed)
    told = json.loads(good("issuer", "contacts", sending, draft, "--json"))
    assert told == {"ann@one": "waiting", "bob@two": "waiting"}
    assert "ann@one: waiting" in good("issuer", "contacts", sending, draft)
    assert "gives out no codes" in refused("issuer", "codes", sending, draft, 3, tmp_path / "codes.csv")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the first line is"),
        ("address\nann@one\n", "the first line is"),
        ("address,fingerprint\nann@one\n", "line 2"),
        ("address,fingerprint\nann@one,\n", "line 2"),
        ("address,fingerprint\nann@one," + "a" * 201 + "\n", "line 2"),
    ],
)
def test_a_list_of_another_form_is_refused(sending: Path, tmp_path: Path, text: str, problem: str) -> None:
    draft, listed = a_draft(tmp_path, PersonKind.CONTACTS), tmp_path / "contacts.csv"
    good("issuer", "add", sending, draft, tmp_path / "keys.json")
    listed.write_text(text)
    assert problem in refused("issuer", "contacts", sending, draft, listed)


def test_codes_that_are_to_be_sent_need_a_client(issuer: Path, tmp_path: Path) -> None:
    for kind in (PersonKind.CONTACTS, PersonKind.ACCOUNT):
        draft = a_draft(tmp_path, kind)
        assert "name the issuer's client" in refused("issuer", "add", issuer, draft, tmp_path / "keys.json")


def test_the_configuration_is_checked(issuer: Path, tmp_path: Path) -> None:
    assert "the configuration is good" in good("issuer", "run", issuer, "--check-config")
    assert "there is no such file" in refused("issuer", "run", tmp_path / "nowhere", "--check-config")
    (issuer / "issuer.toml").write_text("port = 1\n")
    assert "port" in refused("issuer", "run", issuer, "--check-config")
    assert "exists already" in refused("issuer", "init", issuer)


def test_an_open_survey_needs_no_issuer(issuer: Path, tmp_path: Path) -> None:
    draft = a_draft(tmp_path, PersonKind.OPEN)
    assert "needs no issuer" in refused("issuer", "add", issuer, draft, tmp_path / "keys.json")
