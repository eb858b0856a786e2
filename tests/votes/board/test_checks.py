from __future__ import annotations

import msgspec
import pytest

from loopixmix.errors import FormatError, PeerError
from tests.worlds.elections import changed
from tests.worlds.polling import WRITE_IN
from tests.worlds.voters import Voters
from votes.ballot.ballots import Ballot
from votes.ballot.challenging import open_ballot
from votes.board.checks import checks_with, longest_ballot

VOTERS = Voters()


def test_ballots_are_checked_by_their_election() -> None:
    checks = checks_with(VOTERS.group, lambda _: False)(VOTERS.world.election)
    good, wrong = checks.check_many([VOTERS.cast(1), VOTERS.cast(2)[:-1]])
    assert isinstance(good, Ballot)
    assert isinstance(wrong, PeerError)
    assert len(VOTERS.cast(1)) <= longest_ballot(VOTERS.form)


def test_an_opening_has_to_fit_its_ballot() -> None:
    checks = checks_with(VOTERS.group, lambda _: False)(VOTERS.world.election)
    made = VOTERS.made(1)
    opening = open_ballot(made)
    assert checks.check_opening(opening) == made.ballot
    with pytest.raises(PeerError):
        checks.check_opening(opening[:-1] + bytes([opening[-1] ^ 1]))


def test_an_election_whose_ballots_are_too_long_is_refused() -> None:
    polls = tuple(msgspec.structs.replace(WRITE_IN, id=f"p{number}", longest=1500) for number in range(64))
    with pytest.raises(FormatError, match="too long"):
        checks_with(VOTERS.group, lambda _: False)(changed(VOTERS.world.election, polls=polls))
