"""The form of an election's ballots."""

from __future__ import annotations

from tests.worlds.voters import Voters


def test_the_form_is_that_of_the_record() -> None:
    voters = Voters()
    form, election = voters.form, voters.world.election
    assert [coding.width for coding in form.codings] == [1, 1, 2]
    assert [form.first_pair(poll) for poll in range(3)] == [0, 1, 2]
    assert (form.width, form.rows_bytes) == (4, 4 * 64)
    assert form.fingerprint == voters.world.fingerprint
    assert form.public_key.encode() == election.public_key
    assert (form.voters, form.credential_root) == (3, election.credential_root)
