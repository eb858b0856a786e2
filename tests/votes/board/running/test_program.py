"""A board as a program: by which clock it opens and closes. As a process it is in tests/integration."""

from __future__ import annotations

import random
from pathlib import Path

from loopixmix.group.ristretto import ristretto255
from loopixmix.process.wallclock import DOUBT_S
from tests.worlds.elections import CLOSES_AT, OPENS_AT, new_election
from tests.worlds.networks.stepped_reactors import Computer, SteppedReactor, world_on
from votes.board.running.directory import BoardConfig, BoardDirectory
from votes.board.running.program import open_board
from votes.board.store.rows import statements
from votes.record.entries import EntryKind, sign_record
from votes.record.phases import Phase

GROUP = ristretto255()
DAY_S = 86_400.0


def test_a_clock_that_is_wrong_for_a_minute_closes_no_election(tmp_path: Path) -> None:
    election = new_election(GROUP, voters=0)
    computer = Computer(OPENS_AT - 10.0)
    reactor = SteppedReactor(computer)
    world = world_on(reactor)
    config = BoardConfig(administrator=election.keys.administrator.identity.hex())
    directory = BoardDirectory.create(tmp_path / "board", config, random.Random(1))
    (directory.path / "board.key").write_bytes(election.keys.board.seed.hex().encode() + b"\n")
    parts = open_board(directory, GROUP, world)
    board, ahead_s = parts.board, CLOSES_AT - OPENS_AT + DAY_S
    world.clock_watch.start()
    board.publish_record(sign_record(election.record, election.keys.administrator))
    for body in election.approvals():
        board.announce(EntryKind.APPROVAL, body)
    reactor.run_for(20.0, step_s=1.0)
    board.advance()
    assert board.standing.phase is Phase.OPEN
    computer.set_clock(ahead_s)
    board.advance()  # before anybody has seen that it was set
    reactor.run_for(90.0, step_s=1.0)
    board.advance()
    computer.set_clock(-ahead_s)
    reactor.run_for(5.0, step_s=1.0)
    board.advance()
    assert board.standing.phase is Phase.OPEN
    # One that stays so is believed, after a while.
    computer.set_clock(ahead_s)
    reactor.run_for(DOUBT_S + 5.0, step_s=1.0)
    board.advance()
    assert board.standing.phase is Phase.CLOSED
    assert [each.entry.kind for each in board.log.read(statements)].count(EntryKind.TRANSITION) == 2
    board.log.close()
