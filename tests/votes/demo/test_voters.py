from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from client.testing import FakeClient, wait_for
from loopixmix.errors import UnavailableError
from tests.worlds.voting import CHOICES, GROUP, VotingWorld
from votes.ballot.choices import BlankVote, YesOrNo
from votes.demo.choosing import Intention
from votes.demo.folders import DemoFolders
from votes.demo.network import BOARD, DemoSize
from votes.demo.preparing import Invited
from votes.demo.voters import Electorate, VotersOutside

OTHERS = (BlankVote(), YesOrNo(False))


class DemoVoters:
    """Three voters with clients on a network in memory."""

    def __init__(self, path: Path) -> None:
        self.world = VotingWorld(path)
        self.world.network.add_service(self.world.service, provider=BOARD.partition("@")[2])
        self.clients: dict[int, FakeClient] = {number: self.world.network.client() for number in (1, 2, 3)}
        outside = VotersOutside(None, self.world.clock, self.world.rng, self.pause)  # type: ignore[arg-type]
        size = DemoSize(voters=3, per_process=1)
        self.electorate = Electorate(outside, GROUP, DemoFolders(path), size, self.clients)
        self.told: list[int] = []

    def pause(self, seconds: float) -> Deferred[None]:
        return deferLater(self.world.clock, seconds, lambda: None)  # type: ignore[arg-type]

    def open_accounts(self) -> None:
        wait_for(self.electorate.open_accounts(self.told.append), self.world.clock, within_s=1_000)

    def vote(self, *intended: Intention) -> None:
        letters = [
            Invited(number, self.world.codes[number - 1], self.world.invitation(number - 1))
            for number in range(1, len(intended) + 1)
        ]
        voting = self.electorate.vote(letters, intended, self.told.append)
        wait_for(voting, self.world.clock, within_s=200_000, step_s=60)


@pytest.fixture
def voters(tmp_path: Path) -> Iterator[DemoVoters]:
    made = DemoVoters(tmp_path)
    yield made
    made.world.close()


def test_nobody_is_a_guest_at_the_boards_provider(voters: DemoVoters) -> None:
    voters.open_accounts()
    assert [client.guest_at for client in voters.clients.values()] == ["provider-1", "provider-2", "provider-1"]
    assert voters.told == [1, 2, 3]


def test_what_each_voter_did_is_counted(voters: DemoVoters) -> None:
    voters.open_accounts()
    voters.told.clear()
    voters.vote(
        Intention((CHOICES,), challenges=False),
        Intention((CHOICES, OTHERS), challenges=False),
        Intention((OTHERS,), challenges=True),
    )
    turnout = voters.electorate.turnout
    assert (turnout.voted, turnout.receipts, turnout.found, turnout.challenged) == (3, 4, 4, 1)
    assert turnout.problems == []
    assert voters.told == [1, 2, 3]


def test_a_voter_who_cannot_vote_is_named_and_the_others_vote(voters: DemoVoters) -> None:
    voters.open_accounts()
    voters.world.codes[1] = voters.world.codes[0]
    voters.vote(*[Intention((CHOICES,), challenges=False)] * 3)
    assert voters.electorate.turnout.voted == 2
    [problem] = voters.electorate.turnout.problems
    assert problem.startswith("voter 2: this code does not belong to this invitation")


class NeverReady(FakeClient):
    """A client whose daemon never gets a link."""

    async def register_guest(self, provider: str = "", *, token: bytes = b"") -> str:
        raise UnavailableError("no link yet")


def test_a_client_without_a_link_is_given_up_after_a_while(voters: DemoVoters) -> None:
    voters.clients[2].__class__ = NeverReady
    with pytest.raises(UnavailableError, match="no link yet"):
        voters.open_accounts()
