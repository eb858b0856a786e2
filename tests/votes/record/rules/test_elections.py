from __future__ import annotations

import msgspec
import pytest

from loopixmix.group.ristretto import ristretto255
from tests.worlds.elections import CHOOSE, CLOSES_AT, OPENS_AT, changed, new_election
from votes.record.canonical import Hex
from votes.record.election import Election
from votes.record.rules.elections import draft_faults, faults

GROUP = ristretto255()
ELECTION = new_election(GROUP).election
IDENTITY = GROUP.identity.encode()


def told(election: Election) -> str:
    return "; ".join(map(str, faults(election, GROUP)))


def with_trustee(**fields: object) -> Election:
    first, *others = ELECTION.trustees
    return changed(ELECTION, trustees=(msgspec.structs.replace(first, **fields), *others))


def test_a_complete_record_has_no_fault() -> None:
    assert told(ELECTION) == ""


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("version", 1, "version is 1; allowed is 2"),
        ("title", "a" * 201, "title has 201 characters; allowed is 1 to 200"),
        ("description", "a" * 10_001, "description has 10001 characters; allowed is 0 to 10000"),
        ("group", "P-256", "group is 'P-256'; allowed is ristretto255"),
        ("polls", (), "polls has 0 entries; allowed is 1 to 64"),
        ("polls", (CHOOSE, CHOOSE), "polls has an entry twice"),
        ("polls", (msgspec.structs.replace(CHOOSE, most=9),), "polls[0].most is 9; allowed is 1 to 3"),
        ("trustees", (), "trustees has 0 entries; allowed is 1 to 32"),
        ("mixers", (), "mixers has 0 entries; allowed is 1 to 16"),
        ("mixers", ELECTION.mixers * 9, "mixers has 18 entries; allowed is 1 to 16"),
        ("mixers", ELECTION.mixers[:1] * 2, "the identities of all parties has an entry twice"),
        ("board", ELECTION.credential_authority, "the identities of all parties has an entry twice"),
        ("threshold", 0, "threshold is 0; allowed is 1 to 3"),
        ("threshold", 4, "threshold is 4; allowed is 1 to 3"),
        ("key_commitments", ELECTION.key_commitments[:1], "key_commitments has 1 entries; allowed is 2"),
        ("key_commitments", (Hex(b"\xff" * 32),) * 2, "canonical elements of ristretto255"),
        ("key_commitments", (Hex(bytes(31)),) * 2, "canonical elements of ristretto255"),
        ("key_commitments", (Hex(IDENTITY), ELECTION.key_commitments[1]), "is the neutral element"),
        ("key_commitments", ELECTION.key_commitments[::-1], "public shares that do not follow from key_commitments"),
        ("voters", 2**24 + 1, "voters is 16777217; allowed is 0 to 16777216"),
        ("voters", 5, "credential_root does not fit the number of voters"),
        ("credential_root", Hex(bytes(31)), "credential_root has 31 bytes; allowed is 32"),
        ("salt", Hex(bytes(15)), "salt has 15 bytes; allowed is 16"),
        ("opens_at", 2**53, "opens_at is 9007199254740992; allowed is 0 to"),
        ("closes_at", OPENS_AT, f"closes_at is {OPENS_AT}; allowed is {OPENS_AT + 1} to"),
        ("codes_erased_by", CLOSES_AT - 1, f"codes_erased_by is {CLOSES_AT - 1}; allowed is {CLOSES_AT} to"),
    ],
)
def test_a_fault_names_the_field_and_the_allowed_values(field: str, value: object, sentence: str) -> None:
    assert sentence in told(changed(ELECTION, **{field: value}))


@pytest.mark.parametrize(
    "key",
    [
        bytes(32),
        b"\1" + bytes(31),
        (2**255 - 19 + 9).to_bytes(32, "little"),
        ELECTION.trustees[0].encryption_key[:31],
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    ],
)
def test_encryption_keys_of_low_order_and_other_spellings_are_refused(key: bytes) -> None:
    assert "trustees[0].encryption_key is wrong" in told(with_trustee(encryption_key=Hex(key)))


def test_parties_have_names_and_real_identities() -> None:
    assert "trustees[0].name has 0 characters" in told(with_trustee(name=""))
    assert "trustees[0].identity is wrong: an identity is the canonical form" in told(
        with_trustee(identity=Hex(bytes(32)))
    )
    assert "do not follow" in told(with_trustee(public_share=Hex(IDENTITY)))


def test_all_faults_are_told_at_once() -> None:
    assert len(faults(changed(ELECTION, title="", threshold=0, closes_at=0), GROUP)) == 4


def test_a_draft_needs_neither_credentials_nor_a_key() -> None:
    draft = changed(ELECTION, key_commitments=(), credential_root=Hex(), salt=Hex(), voters=0)
    assert draft_faults(draft, GROUP) == []
    assert "key_commitments" in told(draft)


def test_a_record_that_no_voter_could_load_is_refused() -> None:
    polls = tuple(
        msgspec.structs.replace(CHOOSE, id=f"p{number}", options=tuple(f"{each:0100}" for each in range(1000)))
        for number in range(12)
    )
    assert told(changed(ELECTION, polls=polls)) == "the record is too long; allowed are 1048576 bytes"
