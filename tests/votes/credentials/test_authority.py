from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from loopixmix.errors import FormatError, MisuseError
from loopixmix.group.ristretto import ristretto255
from tests.worlds.elections import ElectionWorld, changed, new_election
from votes.credentials.authority import CredentialAuthority
from votes.credentials.codes import read_code, shown_code
from votes.credentials.derivation import credentials_of, secrets_of
from votes.credentials.folder import AuthorityFacts, AuthorityFolder
from votes.credentials.invitation import decode_invitation
from votes.credentials.voters import VoterFileError, VoterRules
from votes.record.canonical import Hex
from votes.record.election import Election, ElectionParty, draft_digest, encode_election
from votes.record.fingerprint import fingerprint_of, shown
from votes.record.merkle import leaf_hash, proves_inclusion
from votes.record.phases import Phase, open_transition
from votes.record.statements import ErasureStatement, open_statement

GROUP = ristretto255()
VOTERS = b"id,name,email\n" + b"".join(b"%d,Voter %d,v%d@example.org\n" % (n, n, n) for n in range(1, 8))
NOW = 1_790_000_000.0
WORLD: ElectionWorld = new_election(GROUP)


@pytest.fixture
def authority(tmp_path: Path) -> CredentialAuthority:
    facts = AuthorityFacts(name="Credentials", group="ristretto255", salt="0123456789abcdef" * 2)
    folder = AuthorityFolder.create(tmp_path / "authority", facts, random.Random(99))
    made = CredentialAuthority(folder, GROUP, rng=random.Random(2))
    made.take_voters(VOTERS, VoterRules())
    return made


def election_of(authority: CredentialAuthority) -> Election:
    credentials = authority.credentials()
    return changed(
        WORLD.election,
        voters=len(credentials),
        credential_root=Hex(credentials.root),
        salt=Hex(authority.salt),
        credential_authority=ElectionParty(name="Credentials", identity=Hex(authority.folder.key().identity)),
    )


def frozen(authority: CredentialAuthority) -> bytes:
    record = encode_election(election_of(authority))
    authority.freeze(record)
    return record


def mailed(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def invited(authority: CredentialAuthority, path: Path) -> dict[str, str]:
    authority.write_invitations(path)
    return {row["id"]: row["code"] for row in mailed(path)}


def credential(authority: CredentialAuthority, code: str) -> bytes:
    return credentials_of(GROUP, secrets_of(GROUP, authority.salt, [read_code(code)])).encode()


def test_every_code_gives_a_credential_that_its_invitation_proves(
    authority: CredentialAuthority, tmp_path: Path
) -> None:
    authority.draw_codes()
    record = frozen(authority)
    authority.write_invitations(tmp_path / "invitations.csv")
    rows = mailed(tmp_path / "invitations.csv")
    assert [row["name"] for row in rows] == [f"Voter {number}" for number in range(1, 8)]
    election = election_of(authority)
    for row in rows:
        invitation = decode_invitation(row["invitation"])
        leaf = leaf_hash(credential(authority, row["code"]))
        assert invitation.fingerprint == fingerprint_of(record)
        assert row["fingerprint"] == shown(fingerprint_of(record))
        assert proves_inclusion(leaf, invitation.index, election.voters, invitation.path, election.credential_root)
    assert (tmp_path / "invitations.csv").stat().st_mode & 0o777 == 0o600


def test_a_wrong_file_of_voters_changes_nothing(authority: CredentialAuthority) -> None:
    authority.draw_codes()
    before = {path.name: path.read_bytes() for path in authority.folder.path.iterdir()}
    with pytest.raises(VoterFileError):
        authority.take_voters(VOTERS + b"8\n", VoterRules())
    assert {path.name: path.read_bytes() for path in authority.folder.path.iterdir()} == before


def test_other_voters_get_other_codes(authority: CredentialAuthority, tmp_path: Path) -> None:
    authority.draw_codes()
    first = invited(authority, tmp_path / "first.csv")
    authority.take_voters(VOTERS, VoterRules())
    with pytest.raises(MisuseError, match="draw the codes first"):
        authority.credentials()
    authority.draw_codes()
    assert not set(first.values()) & set(invited(authority, tmp_path / "second.csv").values())


def test_codes_that_were_given_out_stay_when_the_list_is_made_anew(
    authority: CredentialAuthority, tmp_path: Path
) -> None:
    root = authority.draw_codes().root
    first = invited(authority, tmp_path / "first.csv")
    # As if a crash had come while the list was made.
    authority.folder.drop_list()
    authority.folder.places.erase()
    assert authority.draw_codes().root == root
    assert invited(authority, tmp_path / "second.csv") == first


def test_a_lost_code_is_replaced_before_the_freeze_only(authority: CredentialAuthority, tmp_path: Path) -> None:
    authority.draw_codes()
    codes = invited(authority, tmp_path / "first.csv")
    new = authority.renew("3")
    assert invited(authority, tmp_path / "second.csv").items() - codes.items() == {
        ("3", "-".join(new[at : at + 5] for at in range(0, 25, 5)))
    }
    assert credential(authority, new) in authority.credentials()
    assert credential(authority, codes["3"]) not in authority.credentials()
    assert credential(authority, codes["4"]) in authority.credentials()
    frozen(authority)
    for change in (
        lambda: authority.renew("3"),
        authority.draw_codes,
        lambda: authority.take_voters(VOTERS, VoterRules()),
    ):
        with pytest.raises(MisuseError, match="the election is frozen"):
            change()


def test_a_voter_is_taken_out_before_the_freeze_with_a_reason(authority: CredentialAuthority, tmp_path: Path) -> None:
    authority.draw_codes()
    codes = invited(authority, tmp_path / "first.csv")
    with pytest.raises(MisuseError, match="reason"):
        authority.remove("3", " ", NOW)
    assert authority.remove("3", "moved away", NOW).credential == ""
    assert len(authority.credentials()) == 6
    assert credential(authority, codes.pop("3")) not in authority.credentials()
    assert invited(authority, tmp_path / "second.csv") == codes
    assert [each.reason for each in authority.folder.removed()] == ["moved away"]
    for again in (lambda: authority.remove("3", "again", NOW), lambda: authority.renew("3")):
        with pytest.raises(MisuseError, match="was taken out"):
            again()


def test_after_the_freeze_the_credential_of_an_excluded_voter_is_told(
    authority: CredentialAuthority, tmp_path: Path
) -> None:
    authority.draw_codes()
    codes = invited(authority, tmp_path / "first.csv")
    root = authority.credentials().root
    frozen(authority)
    assert authority.remove("3", "two votes", NOW).credential == credential(authority, codes["3"]).hex()
    assert authority.credentials().root == root


def test_reminders_go_to_every_voter_without_a_code(authority: CredentialAuthority, tmp_path: Path) -> None:
    authority.draw_codes()
    authority.write_reminders(tmp_path / "reminders.csv")
    assert (tmp_path / "reminders.csv").read_bytes().replace(b"\r\n", b"\n") == VOTERS


def test_the_list_is_signed_for_the_draft_that_has_it(authority: CredentialAuthority) -> None:
    authority.draw_codes()
    election = changed(election_of(authority), key_commitments=())
    body = authority.sign_list(encode_election(election), NOW)
    transition = open_transition(body, election, draft_digest(election), phase=Phase.DRAFT)
    assert transition.after is Phase.LISTED
    for field, value in (("voters", 9), ("credential_root", Hex(bytes(32))), ("salt", Hex(bytes(16)))):
        with pytest.raises(MisuseError, match=f"{field} of the record is not that of this authority"):
            authority.sign_list(encode_election(changed(election, **{field: value})), NOW)
    other = changed(election, credential_authority=WORLD.election.credential_authority)
    with pytest.raises(MisuseError, match="identity of the record"):
        authority.sign_list(encode_election(other), NOW)


def test_only_a_complete_record_freezes_and_only_one(authority: CredentialAuthority) -> None:
    authority.draw_codes()
    election = election_of(authority)
    with pytest.raises(FormatError, match="key_commitments"):
        authority.freeze(encode_election(changed(election, key_commitments=())))
    frozen(authority)
    frozen(authority)
    with pytest.raises(MisuseError, match="with another record"):
        authority.freeze(encode_election(changed(election, title="Autumn")))


def test_who_has_which_credential_is_erased_with_a_signed_statement(
    authority: CredentialAuthority, tmp_path: Path
) -> None:
    authority.draw_codes()
    with pytest.raises(MisuseError, match="before the freeze"):
        authority.erase(NOW)
    record = frozen(authority)
    digests = (authority.folder.codes.digest(), authority.folder.places.digest())
    body = authority.erase(NOW)
    statement = open_statement(body, ErasureStatement, lambda _: authority.folder.key().identity)
    assert statement.fingerprint == fingerprint_of(record)
    assert statement.erased == digests
    assert statement.at_s == NOW
    assert not authority.folder.codes.is_there
    assert not authority.folder.places.is_there
    assert authority.erase(NOW + 9) == body
    with pytest.raises(MisuseError, match="are erased"):
        authority.write_invitations(tmp_path / "late.csv")
    with pytest.raises(MisuseError, match="is erased"):
        authority.remove("3", "two votes", NOW)
    authority.write_reminders(tmp_path / "reminders.csv")


def test_a_crash_between_statement_and_erasure_is_made_good(authority: CredentialAuthority) -> None:
    authority.draw_codes()
    frozen(authority)
    folder = authority.folder.path
    before = {path: path.read_bytes() for path in folder.glob("places.sealed*")}
    body = authority.erase(NOW)
    for path, content in before.items():
        path.write_bytes(content)
        path.chmod(0o600)
    assert authority.folder.places.is_there
    assert authority.erase(NOW + 9) == body
    assert not authority.folder.places.is_there


def test_progress_is_told(authority: CredentialAuthority) -> None:
    heard: list[tuple[str, int, int]] = []
    authority.draw_codes(lambda *told: heard.append(told))
    assert heard == [("Codes", 7, 7)]


def test_an_authority_is_for_one_group(tmp_path: Path) -> None:
    facts = AuthorityFacts(name="Credentials", group="P-256", salt="00" * 16)
    folder = AuthorityFolder.create(tmp_path / "other", facts, random.Random(1))
    with pytest.raises(MisuseError, match="made for P-256, not for ristretto255"):
        CredentialAuthority(folder, GROUP, rng=random.Random(2))


DANGEROUS = (b'1,"=HYPERLINK(""x"")",+49 30 1', b"2,@SUM(A1),-5", b"3, =1+1,\xef\xbc\x9d1")
HARMLESS = (b"4,O'Brien-M\xc3\xbcller,a-b+c@example.org", b"5,'quoted,=".replace(b"=", b"x="))


def test_no_spreadsheet_finds_a_formula_in_a_mailing(authority: CredentialAuthority, tmp_path: Path) -> None:
    authority.take_voters(b"\n".join((b"id,name,phone", *DANGEROUS, *HARMLESS)), VoterRules(unique=()))
    authority.draw_codes()
    frozen(authority)
    authority.write_invitations(tmp_path / "invitations.csv")
    authority.write_reminders(tmp_path / "reminders.csv")
    invitations, reminders = mailed(tmp_path / "invitations.csv"), mailed(tmp_path / "reminders.csv")
    for rows in (invitations, reminders):
        told = [(row["name"], row["phone"]) for row in rows]
        assert told[:3] == [('\'=HYPERLINK("x")', "'+49 30 1"), ("'@SUM(A1)", "'-5"), ("' =1+1", "'\uff1d1")]
        # Names and addresses that are no formulas stay as they are.
        assert told[3:] == [("O'Brien-M\u00fcller", "a-b+c@example.org"), ("'quoted", "x=")]
    for row in invitations:
        assert shown_code(read_code(row["code"])) == row["code"]
        decode_invitation(row["invitation"])
    # What the authority itself keeps is what it was given.
    table = authority.folder.voters()
    assert table is not None
    assert table.rows[0][1] == '=HYPERLINK("x")'


def test_a_column_whose_name_is_a_formula_is_no_formula_in_a_mailing(
    authority: CredentialAuthority, tmp_path: Path
) -> None:
    authority.take_voters(b"id,=1+1\n1,x", VoterRules(unique=()))
    authority.write_reminders(tmp_path / "reminders.csv")
    assert (tmp_path / "reminders.csv").read_bytes() == b"id,'=1+1\r\n1,x\r\n"
