from __future__ import annotations

import pytest

from tests.worlds.voting import GROUP, VotingWorld
from votes.credentials.codes import CodeError, shown_code
from votes.voting.voter import NotAVoterError, voter_of


def test_code_and_invitation_make_a_voter(world: VotingWorld) -> None:
    voter = voter_of(world.world.election, GROUP, shown_code(world.codes[1]).lower(), world.invitation(1))
    assert voter.credential == world.credentials[1]
    assert "secret" not in repr(voter)


def test_a_code_with_the_invitation_of_somebody_else_is_told(world: VotingWorld) -> None:
    with pytest.raises(NotAVoterError, match="does not belong to this invitation"):
        voter_of(world.world.election, GROUP, world.codes[0], world.invitation(1))


def test_a_mistyped_code_is_told(world: VotingWorld) -> None:
    code = world.codes[0]
    wrong = code[:5] + ("A" if code[5] != "A" else "B") + code[6:]
    with pytest.raises(CodeError, match="mistyped"):
        voter_of(world.world.election, GROUP, wrong, world.invitation(0))
