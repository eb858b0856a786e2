"""A board with an election that is open, as a service outside the provider."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from loopixmix.seams import Clock
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from provider.api import ServiceContext
from tests.worlds.elections import CHOOSE, OPENS_AT
from tests.worlds.voters import Voters
from votes.board.answering import VoterAnswers
from votes.board.board import Board
from votes.board.casting import Casting
from votes.board.checks import checks_with
from votes.board.entryfile import EntryFile
from votes.board.log import BoardLog
from votes.board.service import BoardService
from votes.board.store.schema import SCHEMA
from votes.record.entries import EntryKind, sign_record

if TYPE_CHECKING:
    from collections.abc import Callable

STORE_FILE = "board.sqlite3"


class OpenClock:
    """The time of day while the election of the tests is open."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """Begin an hour after the election opens."""
        self._now_s = now_s
        self._moved_s = OPENS_AT + 3600 - now_s()

    def seconds(self) -> float:
        """Return the time."""
        return self._now_s() + self._moved_s


def new_voters(count: int) -> Voters:
    """Return the voters of the measured election, the same in each process: one poll, some options of three."""
    return Voters(count=count, polls=(CHOOSE,))


def make_board(context: ServiceContext) -> BoardService:
    """Make the service, with `context.settings["voters"]` voters. Every ballot is checked in full."""
    voters = new_voters(int(str(context.settings["voters"])))
    keys, clock = voters.world.keys, cast("Clock", OpenClock())
    log = BoardLog(
        Store(SCHEMA, sqlite_url(context.directory / STORE_FILE), exclusive=True),
        key=keys.board,
        clock=clock,
        file=EntryFile(context.directory / "entries"),
    )
    board = Board(
        log,
        voters.group,
        key=keys.board,
        administrator=keys.administrator.identity,
        make_checks=checks_with(voters.group, lambda _: False),
        clock=clock,
    )
    if not board.standing.has_election:
        board.publish_record(sign_record(voters.world.record, keys.administrator))
        for body in voters.world.approvals():
            board.announce(EntryKind.APPROVAL, body)
    return BoardService(VoterAnswers(board, Casting(board), result=bytes))
