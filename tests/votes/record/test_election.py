from __future__ import annotations

import json

import pytest

from loopixmix.errors import FormatError
from loopixmix.group.ristretto import ristretto255
from tests.worlds.elections import changed, new_election
from votes.record.canonical import Hex
from votes.record.election import MOST_RECORD_BYTES, decode_draft, draft_digest, encode_election

GROUP = ristretto255()
WORLD = new_election(GROUP)


def test_a_record_has_one_spelling() -> None:
    assert decode_draft(WORLD.record) == WORLD.election
    with pytest.raises(FormatError, match="canonical"):
        decode_draft(json.dumps(json.loads(WORLD.record)).encode())


def test_each_field_has_to_be_there_and_no_other() -> None:
    plain = json.loads(WORLD.record)
    for field in plain:
        missing = {name: value for name, value in plain.items() if name != field}
        with pytest.raises(FormatError, match=f"missing required field `{field}`"):
            decode_draft(json.dumps(missing).encode())
    with pytest.raises(FormatError, match="unknown field `more`"):
        decode_draft(json.dumps({**plain, "more": 1}).encode())
    for field in plain["polls"][0]:
        missing = {name: value for name, value in plain["polls"][0].items() if name != field}
        with pytest.raises(FormatError, match=f"`{field}`"):
            decode_draft(json.dumps({**plain, "polls": [missing]}).encode())


def test_each_field_has_to_be_of_its_type() -> None:
    plain = json.loads(WORLD.record)
    for field in plain:
        with pytest.raises(FormatError, match=f"\\$.{field}"):
            decode_draft(json.dumps({**plain, field: None}).encode())


def test_a_record_is_bounded() -> None:
    with pytest.raises(FormatError, match="at most"):
        decode_draft(b"{" * (MOST_RECORD_BYTES + 1))


def test_the_draft_is_the_same_before_and_after_the_key_is_made() -> None:
    before = changed(WORLD.election, key_commitments=())
    assert draft_digest(before) == draft_digest(WORLD.election)
    assert draft_digest(changed(before, title="Autumn")) != draft_digest(before)
    assert draft_digest(changed(before, salt=Hex(bytes(16)))) != draft_digest(before)


def test_the_public_key_is_the_first_commitment() -> None:
    assert WORLD.election.public_key == GROUP.generator.times(WORLD.secret).encode()
    assert encode_election(WORLD.election) == WORLD.record
