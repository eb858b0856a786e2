"""Waits until the board has what a voter casts, and tells what comes of it."""

from __future__ import annotations

from client.api import NotRunningError, ServiceFailedError
from loopixmix.errors import MisuseError, PeerError, UnavailableError
from votes.record.receipts import BallotReceipt
from votes.voting.asking import BoardQuestions, BoardRefusedError
from votes.voting.casting import LostBallotError, VotingBooth
from votes.voting.home import KeptBallot
from votes.voting.setting import VotingSetting
from votes.voting.watching import LogWatch

LOOK_S = 5.0


class OtherBallotCountsError(PeerError):
    """The ballot is stored, and another one of the same voter counts."""


async def await_receipts(
    setting: VotingSetting, booth: VotingBooth, board: BoardQuestions, watch: LogWatch, *, stays: bool = False
) -> None:
    """Wait until a ballot that is cast has its receipt, and check that it is on the board.

    While the election is open, a ballot that was stored before does not end the waiting: its voter may want to vote
    again. Neither does one that was lost or refused: its voter can make another one. If it `stays`, it goes on until
    the election is over.
    Raises `LostBallotError`, `BoardRefusedError` and `OtherBallotCountsError` after the end, `MisuseError` if the
    election is over and no ballot was cast, and errors that convict the board.
    """
    receipts = _Receipts(setting, booth, board, watch)
    receipts.begin()
    while True:
        is_over = setting.clock.seconds() >= booth.election.closes_at
        is_stored = await receipts.look(is_over=is_over)
        if is_over and not receipts.has_ballot:
            if not stays:
                raise MisuseError("the election is over, and no ballot was cast here")
            setting.say("the election is closed, and no ballot was cast here")
            return
        if is_stored and (is_over or not stays):
            return
        await setting.pause(LOOK_S)


class _Receipts:
    """What was told already. `_settled`: counters of ballots of which no more is awaited."""

    def __init__(self, setting: VotingSetting, booth: VotingBooth, board: BoardQuestions, watch: LogWatch) -> None:
        self._setting = setting
        self._booth = booth
        self._board = board
        self._watch = watch
        self._settled: set[int] = set()
        self._stored: set[int] = set()
        self._told: set[int] = set()
        self._silent = False

    @property
    def has_ballot(self) -> bool:
        """Whether a ballot was cast here."""
        return self._newest() is not None

    def begin(self) -> None:
        """Tell what was stored before, and may be replaced."""
        newest, is_over = self._newest(), self._setting.clock.seconds() >= self._booth.election.closes_at
        if is_over and newest is None:
            raise MisuseError("the election is over, and no ballot was cast here")
        if is_over or newest is None:
            return
        if self._booth.home.receipt(newest.counter, self._booth.board_identity) is not None:
            self._settled.add(newest.counter)
            self._setting.say(
                f"the board has ballot {newest.tracking_code}; vote again on the page, or end this by ctrl-C"
            )

    async def look(self, *, is_over: bool) -> bool:
        """Tell what is new; return whether the newest ballot is on the board since the program began."""
        for kept in self._booth.home.ballots():
            if kept.challenged and kept.counter not in self._settled:
                await self._look_for_opening(kept, is_over=is_over)
        newest = self._newest()
        if newest is None:
            return False
        if newest.counter in self._settled and not is_over:
            return newest.counter in self._stored
        try:
            return await self._look_for(newest, is_over=is_over)
        except (BoardRefusedError, LostBallotError) as error:
            if is_over:
                raise
            self._settled.add(newest.counter)
            self._setting.say(f"{error}; make another ballot on the page")
        except NotRunningError:
            raise
        except (UnavailableError, ServiceFailedError) as error:
            if not self._silent:
                self._silent = True
                self._setting.say(f"the board cannot be asked now: {error}; it is asked again")
        return False

    async def _look_for(self, newest: KeptBallot, *, is_over: bool) -> bool:
        say = self._setting.say
        kept = await self._booth.resume(newest, self._board, self._setting.clock.seconds())
        if kept.counter not in self._told:
            self._told.add(kept.counter)
            say(f"ballot {kept.tracking_code} is cast at a random time; leave this running")
        receipt = await self._booth.receipt(kept, self._board)
        if receipt is None:
            return False
        head = await self._booth.log.check(kept, receipt, self._board)
        self._settled.add(kept.counter)
        say(f"it is entry {receipt.index} of the board's {head.head.size} entries")
        if receipt.highest > kept.counter:
            if is_over:
                raise OtherBallotCountsError(other_counts(kept, receipt))
            say(f"{other_counts(kept, receipt)}. If this one is to count, cast it again on the page")
            return False
        await self._watch.compare()
        self._stored.add(kept.counter)
        return True

    async def _look_for_opening(self, kept: KeptBallot, *, is_over: bool) -> None:
        try:
            if not kept.request and is_over:
                raise MisuseError("the election is over, and it was not opened")
            kept = await self._booth.resume(kept, self._board, self._setting.clock.seconds())
            receipt = await self._booth.receipt(kept, self._board)
        except (BoardRefusedError, LostBallotError, MisuseError) as error:
            self._settled.add(kept.counter)
            self._setting.say(f"challenged ballot {kept.tracking_code}: {error}. It does not count in any case")
            return
        if receipt is not None:
            self._settled.add(kept.counter)
            self._setting.say(f"challenged ballot {kept.tracking_code} is opened for everybody: entry {receipt.index}")

    def _newest(self) -> KeptBallot | None:
        cast = [kept for kept in self._booth.home.ballots() if not kept.challenged]
        return cast[-1] if cast else None


def other_counts(kept: KeptBallot, receipt: BallotReceipt) -> str:
    """Return in words that a ballot does not count, because its voter has cast another one with a higher number."""
    return (
        f"ballot {kept.tracking_code} has number {kept.counter}, and does not count: the board has another ballot of "
        f"yours, with number {receipt.highest}, as from another machine. If you did not cast that, somebody else has "
        "your code: tell the credential authority"
    )
