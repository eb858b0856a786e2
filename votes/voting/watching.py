"""Looks at the board's log at random times, from the start of the voter's program to the result."""

from __future__ import annotations

from client.api import NotRunningError, PeerError, ServiceFailedError, UnavailableError
from votes.record.election import Election
from votes.record.heads import ForkedBoardError
from votes.record.phases import Phase
from votes.voting.asking import BoardQuestions
from votes.voting.casting import VotingBooth
from votes.voting.setting import VotingSetting
from votes.witness.requests import SERVICE as SERVICE_OF_WITNESS

LOOKS = 40
"""So many looks there are on average while the election is open, within the two bounds below."""
MOST_BETWEEN_S, LEAST_BETWEEN_S = 3_600.0, 60.0


class LogWatch:
    """One voter's looks at the log: nothing was taken back, no ballot is missing or excluded, others see the same."""

    def __init__(self, setting: VotingSetting, booth: VotingBooth, board: BoardQuestions) -> None:
        self._setting = setting
        self._booth = booth
        self._board = board
        self._told: set[int] = set()

    async def run(self) -> None:
        """Look at random times until the result is published, or the election is abandoned.

        The times do not depend on what the voter does: they tell nobody whether a ballot was cast.
        Raises `ForkedBoardError` as soon as the board is convicted.
        """
        mean_s = between_looks_s(self._booth.election)
        while True:
            await self._setting.pause(self._setting.rng.expovariate(1 / mean_s))
            if await self.look():
                return

    async def look(self) -> bool:
        """Look once, and tell what is new; return whether there is nothing more to look for."""
        try:
            return await self._look()
        except (ForkedBoardError, NotRunningError):
            raise
        except (PeerError, ServiceFailedError, UnavailableError) as error:
            self._setting.say(f"the board's log could not be looked at: {error}; there will be another look")
            return False

    async def compare(self) -> None:
        """Compare the board's log with what others saw, at a provider that is not the board's."""
        say, network = self._setting.say, await self._setting.client.network()
        provider = self._board.service.partition("@")[2]
        others = [each.name for each in network.providers if SERVICE_OF_WITNESS in each.services]
        others = [name for name in others if name != provider]
        if not others:
            say("no provider of this network has a witness: nobody tells whether others see the same log")
            return
        witness = f"{SERVICE_OF_WITNESS}@{self._setting.rng.choice(others)}"
        try:
            count = await self._booth.log.compare(self._board, witness)
        except (UnavailableError, ServiceFailedError) as error:
            # The ballot is on the board whether a witness answers or not.
            say(f"{witness} could not be asked: {error}")
            return
        if count == 1:
            say(f"{witness} knows this state of the board's log only")
        else:
            say(f"{witness} knows {count} states of the board's log, and all go together")

    async def _look(self) -> bool:
        log, home, board = self._booth.log, self._booth.home, self._board
        state = await board.state(log.board_identity)
        head = await log.follow(board)
        excluded = await log.exclusions(board)
        found = 0
        for kept in home.ballots():
            receipt = home.receipt(kept.counter, log.board_identity)
            if receipt is None:
                continue
            await log.find(kept, receipt, head, board)
            found += 1
            if receipt.index in excluded and receipt.index not in self._told:
                self._told.add(receipt.index)
                self._setting.say(
                    f"ballot {kept.tracking_code} was excluded by the administrator, and does not count: "
                    f"{excluded[receipt.index]}"
                )
        yours = ("", "your ballot is there, and ")[found] if found < 2 else f"your {found} ballots are there, and "
        self._setting.say(f"looked at the board's log of {head.head.size:,} entries: {yours}nothing was taken back")
        await self.compare()
        return self._is_over(state.phase)

    def _is_over(self, phase: Phase) -> bool:
        if phase is Phase.ABANDONED:
            self._setting.say("the election was abandoned; there will be no result")
        if phase is Phase.PUBLISHED:
            self._setting.say("the result is published; `loopixmix vote fetch` and `verify` load and check it")
        return phase in (Phase.ABANDONED, Phase.PUBLISHED)


def between_looks_s(election: Election) -> float:
    """Return the mean time between two looks, the same for every voter of an election."""
    open_s = election.closes_at - election.opens_at
    return min(MOST_BETWEEN_S, max(LEAST_BETWEEN_S, open_s / LOOKS))
