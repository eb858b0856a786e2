"""The voters: each opens a guest account, loads the record, casts over the network, and checks the board."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from client.api import Client
from client.remote import RemoteClient, remote_client
from loopixmix.errors import LoopixmixError, UnavailableError
from loopixmix.group.group import Group
from loopixmix.seams import Clock, Rng
from votes.demo.choosing import Intention
from votes.demo.folders import DemoFolders
from votes.demo.network import BOARD, DemoSize
from votes.demo.preparing import Invited
from votes.record.receipts import BallotReceipt
from votes.voting.asking import BoardQuestions
from votes.voting.casting import VotingBooth
from votes.voting.concurrency import together
from votes.voting.home import KeptBallot
from votes.voting.program import enter_booth
from votes.voting.setting import VotingSetting

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

LOOK_S, GUEST_POLL_S, GUEST_WITHIN_S = 3.0, 0.5, 90.0
SPREAD_S = 8.0
"""The longest pause before a request for the record. Two minutes where an election lasts days."""
MARGIN_S = 20.0
"""From the last moment for a ballot to the close: within it lost packets are sent again, on a network of seconds."""

Told = Callable[[int], object]
"""Is told how many voters are done."""


@dataclass
class Turnout:
    """What came of the voting. `receipts`, `found`: ballots with a receipt, and those that were then in the log."""

    receipts: int = 0
    found: int = 0
    challenged: int = 0
    voted: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class VotersOutside:
    """What the voters' machines have: `pause` waits for seconds."""

    reactor: ReactorBase
    clock: Clock
    rng: Rng
    pause: Callable[[float], Awaitable[None]]


def connected_clients(
    folders: DemoFolders, size: DemoSize, *, reactor: ReactorBase, rng: Rng
) -> dict[int, RemoteClient]:
    """Return the clients of all voters, by their numbers from 1; whoever asks for them closes them."""
    return {
        number: remote_client(folders.client(number), reactor=reactor, rng=rng) for number in range(1, size.voters + 1)
    }


class Electorate:
    """All voters. Their clients run in a few processes; here are the programs that use them."""

    def __init__(
        self,
        outside: VotersOutside,
        group: Group,
        folders: DemoFolders,
        size: DemoSize,
        clients: Mapping[int, Client],
    ) -> None:
        """`clients`: of all voters, by their numbers from 1."""
        self._outside = outside
        self._group = group
        self._folders = folders
        self._size = size
        self._clients = clients
        self.turnout = Turnout()

    async def open_accounts(self, told: Told) -> None:
        """Open an account without a name for each voter, at a provider that is not the board's.

        Raises the first error, if one cannot.
        """
        done: list[int] = []

        async def open_one(number: int) -> None:
            await self._open_account(self._clients[number], self._size.provider_of(number))
            done.append(number)
            told(len(done))

        await together(*(open_one(number) for number in self._clients))

    async def vote(self, invited: Sequence[Invited], intended: Sequence[Intention], told: Told) -> None:
        """Let everybody vote; `turnout` has what came of it, also of those who cannot."""
        await together(
            *(self._vote_told(letter, intention, told) for letter, intention in zip(invited, intended, strict=True))
        )

    async def _open_account(self, client: Client, provider: str) -> None:
        # The daemon writes down where it is before it has a link: until then it answers that it cannot.
        deadline_s = self._outside.clock.seconds() + GUEST_WITHIN_S
        while True:
            try:
                await client.register_guest(provider)
                return
            except UnavailableError:
                if self._outside.clock.seconds() > deadline_s:
                    raise
            await self._outside.pause(GUEST_POLL_S)

    async def _vote_told(self, letter: Invited, intention: Intention, told: Told) -> None:
        try:
            await self._vote(letter, intention)
        except LoopixmixError as error:
            self.turnout.problems.append(f"voter {letter.number}: {error}")
        else:
            self.turnout.voted += 1
        told(self.turnout.voted + len(self.turnout.problems))

    async def _vote(self, letter: Invited, intention: Intention) -> None:
        outside, number = self._outside, letter.number
        client = self._clients[number]
        setting = VotingSetting(client, self._group, outside.clock, outside.rng, lambda _: None, outside.pause)
        booth, board = await enter_booth(
            setting,
            self._folders.client(number),
            letter.code,
            letter.invitation,
            service=BOARD,
            spread_s=SPREAD_S,
            least_margin_s=MARGIN_S,
        )
        if intention.challenges:
            opened = await booth.challenge(booth.prepare(intention.counts), board, outside.clock.seconds())
            await self._answered(booth, opened, board)
            self.turnout.challenged += 1
        cast = [
            await booth.cast(booth.prepare(choices), board, outside.clock.seconds()) for choices in intention.ballots
        ]
        for kept in cast:
            await self._follow(booth, kept, board)

    async def _follow(self, booth: VotingBooth, kept: KeptBallot, board: BoardQuestions) -> None:
        """Wait for the receipt of a ballot, and look for it on the board."""
        receipt = await self._answered(booth, kept, board)
        self.turnout.receipts += 1
        await booth.log.check(kept, receipt, board)
        self.turnout.found += 1

    async def _answered(self, booth: VotingBooth, kept: KeptBallot, board: BoardQuestions) -> BallotReceipt:
        while (receipt := await booth.receipt(kept, board)) is None:
            await self._outside.pause(LOOK_S)
        return receipt
