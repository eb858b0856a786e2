"""Ballots a second of a board that checks each in full and stores it, asked by real packets through a provider.

The provider has one core; the board, the load and the other nodes share the other one. A share of the ballots is sent a
second time, as after a lost answer.
"""

from __future__ import annotations

import sqlite3

from benchmarks.asking.load import Asked, RequestLoad
from benchmarks.asking.services import BOARD
from benchmarks.asking.stage import Program, Stage, perform, staged
from benchmarks.neighbours import pause
from benchmarks.report import Figure, barred, tell
from benchmarks.voting.served_board import STORE_FILE, new_voters
from loopixmix.directory import Document
from votes.ballot.choices import ChosenOptions
from votes.board.requests import AskCast, encode_request

FIGURES = ("board_ballots_per_s", "board_unanswered", "recorded_twice")
BAR_PER_S = 500.0
RATES_PER_S = (500.0, 700.0, 1000.0)
TRIAL_S = 12.0
SENT_TWICE = 0.2
"""Of the ballots of the first rate."""
SETTLE_S = 6.0
VOTERS = int(TRIAL_S * sum(RATES_PER_S)) + 100


def measure() -> list[Figure]:
    """Return the highest rate at which all ballots are answered, and how many were recorded twice."""
    found: list[tuple[float, int]] = []
    with staged([], [Program(BOARD, [f"voters={VOTERS}"])]) as stage:
        perform(stage, lambda load, document: _cast_all(load, document, found))
        recorded, distinct = _recorded(stage)
    held = [rate for rate, unanswered in found if not unanswered]
    return [
        barred("board_ballots_per_s", max(held, default=0.0), "ballots/s", bar=BAR_PER_S, better="higher"),
        barred("board_unanswered", float(found[0][1]), "ballots", bar=0, better="lower"),
        barred("recorded_twice", float(recorded - distinct), "ballots", bar=0, better="lower", reference=recorded),
    ]


async def _cast_all(load: RequestLoad, document: Document, found: list[tuple[float, int]]) -> None:
    voters = new_voters(VOTERS)
    cast_by = 0
    for rate_per_s in RATES_PER_S:
        count = int(rate_per_s * TRIAL_S)
        tell(f"{count} ballots are made")
        asked = load.new(count)
        for number, each in enumerate(asked):
            ballot = voters.cast(cast_by + number, (ChosenOptions(frozenset({number % 3})),))
            each.body, each.answer = encode_request(AskCast(ballot)), b"\0" + voters.form.fingerprint
        cast_by += count
        spent_s = await load.send(asked, load.frames(asked, BOARD, last_epoch=document.epoch), rate_per_s=rate_per_s)
        await pause(SETTLE_S)
        load.read_answers()
        unanswered = sum(not each.answered_s for each in asked)
        tell(f"{count / spent_s:.0f}/s: {count - unanswered} of {count} have a receipt")
        found.append((count / spent_s, unanswered))
        if rate_per_s == RATES_PER_S[0]:
            await _send_again(load, document, asked[: int(SENT_TWICE * count)])
        if unanswered:
            return


async def _send_again(load: RequestLoad, document: Document, asked: list[Asked]) -> None:
    """Send ballots once more, in requests of their own, as a client does that got no answer."""
    again = load.new(len(asked))
    for each, before in zip(again, asked, strict=True):
        each.body, each.answer = before.body, before.answer
    await load.send(again, load.frames(again, BOARD, last_epoch=document.epoch), rate_per_s=RATES_PER_S[0])
    await pause(SETTLE_S)
    load.read_answers()
    tell(f"{sum(each.answered_s > 0 for each in again)} of {len(again)} that were sent again have a receipt")


def _recorded(stage: Stage) -> tuple[int, int]:
    """Return how many ballots are in the log, and how many different ones."""
    database = sqlite3.connect(stage.directory / BOARD / STORE_FILE)
    try:
        [row] = database.execute("SELECT count(*), count(DISTINCT body) FROM entries WHERE kind = 3")
        return int(row[0]), int(row[1])
    finally:
        database.close()
