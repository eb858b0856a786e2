"""What became of a ballot, in the words of the voter's page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from loopixmix.errors import LoopixmixError
from votes.record.receipts import BallotReceipt
from votes.voting.asking import BoardQuestions
from votes.voting.casting import VotingBooth
from votes.voting.home import KeptBallot

_WAITS = (
    "It waits for its time. It leaves at a random moment, so that nobody sees when you voted, and the receipt comes "
    "some minutes later. Leave the client running; you may close this page."
)
_OPENED = "You challenged it, so it does not count, and can never be cast."


@dataclass(frozen=True)
class BallotState:
    """How a ballot stands. `may_be_repeated`: its voter may want to cast another one instead."""

    lines: tuple[str, ...]
    is_stored: bool = False
    may_be_repeated: bool = False


async def state_of(kept: KeptBallot, booth: VotingBooth, board: BoardQuestions) -> BallotState:
    """Return what is known of a ballot; the board is not asked."""
    try:
        receipt = await booth.receipt(kept, board)
    except LoopixmixError as error:
        said = f"{str(error)[:1].upper()}{str(error)[1:]}."
        if kept.challenged:
            return BallotState((_OPENED, said))
        return BallotState((said, "Cast a new ballot, while the election is open."), may_be_repeated=True)
    if kept.challenged:
        if receipt is None:
            return BallotState((_OPENED, "The board has not answered yet whether it has published it."))
        return BallotState((_OPENED, f"The board published it on {moment(receipt.at_s)}."), is_stored=True)
    if receipt is None:
        return BallotState((_WAITS,))
    return _stored(kept, receipt, booth)


def _stored(kept: KeptBallot, receipt: BallotReceipt, booth: VotingBooth) -> BallotState:
    stored = f"The board has stored it, and given a receipt, on {moment(receipt.at_s)}."
    reason = booth.log.excluded().get(receipt.index)
    if reason is not None:
        excluded = f"The administrator has excluded it, so it does not count. The reason given is: {reason}"
        return BallotState((stored, excluded), is_stored=True)
    if receipt.highest > kept.counter:
        lines = (
            stored,
            f"It has number {kept.counter}, and does not count: the board has another ballot of yours, with number "
            f"{receipt.highest}. Did you cast that on another machine, and is this one to count instead? Then make it "
            "again: it gets a higher number.",
            "If you did not cast the other one, somebody else has your code: tell the credential authority.",
        )
        return BallotState(lines, is_stored=True, may_be_repeated=True)
    return BallotState((stored,), is_stored=True)


def moment(at_s: float) -> str:
    """Return a moment in words. `at_s`: Unix seconds."""
    return f"{datetime.fromtimestamp(at_s, UTC):%d %B %Y, %H:%M} UTC"
