from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from client.testing import FakeClient, wait_for
from loopixmix.errors import MisuseError, SignatureError
from tests.worlds.clients.memory_web import MemoryWeb
from tests.worlds.elections import CLOSES_AT
from tests.worlds.voting import GROUP, Answers, VotingWorld
from votes.ballot.choices import ChosenOptions, YesOrNo
from votes.board.requests import RequestKind
from votes.credentials.codes import CodeError
from votes.voting.asking import BoardQuestions, WrongBoardError
from votes.voting.casting import VotingBooth
from votes.voting.program import VotingSetting, await_receipts, enter_booth, open_guest, serve_page

CHOICES = (ChosenOptions(frozenset({1})), YesOrNo(True))


class Program:
    """A voter's program on a network in memory. `said`: the lines that it showed."""

    def __init__(self, world: VotingWorld, client: FakeClient) -> None:
        self.world = world
        self.said: list[str] = []
        self.setting = VotingSetting(client, GROUP, world.clock, world.rng, self.said.append, self.pause)

    def pause(self, seconds: float) -> Deferred[None]:
        return deferLater(self.world.clock, seconds, lambda: None)  # type: ignore[arg-type]

    def enter(self, code: str = "", service: str = ""):  # type: ignore[no-untyped-def]
        entering = enter_booth(
            self.setting,
            self.world.path / "client",
            code or self.world.codes[0],
            self.world.invitation(0),
            service=service,
        )
        return wait_for(entering, self.world.clock, within_s=1_000)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[VotingWorld]:
    made = VotingWorld(tmp_path)
    yield made
    made.close()


@pytest.fixture
def program(world: VotingWorld) -> Program:
    return Program(world, world.client())


def test_from_a_code_to_a_booth(program: Program) -> None:
    booth, board = program.enter()
    assert board.service == "board@provider-2"
    assert booth.election.title == "Spring"
    assert program.said[1:] == [
        "looking for its board",
        "loading the record from board@provider-2, at random times",
    ]
    # The second time the record is there.
    asked = len(program.world.service.asked)
    program.enter(service="board@provider-2")
    assert len(program.world.service.asked) == asked


def test_the_program_waits_until_all_trustees_signed(tmp_path: Path) -> None:
    world = VotingWorld(tmp_path, signed=False)
    program = Program(world, world.client())
    entering = Deferred.fromCoroutine(
        enter_booth(program.setting, tmp_path / "client", world.codes[0], world.invitation(0), spread_s=60.0)
    )
    for _ in range(100):
        world.clock.advance(60)
    assert not entering.called
    assert program.said[-1] == (
        "the board refuses it: the record is not signed by trustee 1 (Trustee 1), 2 (Trustee 2), 3 (Trustee 3); "
        "waiting for that"
    )
    world.sign()
    wait_for(entering, world.clock, within_s=1_000)
    world.close()


class ForgingBoard:
    """A board that gives signatures which nobody made."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def answer(self, body: bytes) -> bytes:
        return b"\0" + bytes(3 * 64) if body[0] == RequestKind.SIGNATURES else self._answers.answer(body)


def test_a_record_that_a_trustee_did_not_sign_is_never_voted_on(program: Program) -> None:
    program.world.service.answers = ForgingBoard(program.world.service.answers)
    with pytest.raises(SignatureError, match=r"trustee 1 .* did not sign this record"):
        program.enter()
    # Nor is it kept, as if it had been found right.
    with pytest.raises(SignatureError):
        program.enter()


def guest_of(world: VotingWorld, *, provider: str = "", service: str = "") -> str:
    stranger = world.network.client()
    wait_for(open_guest(stranger, world.rng, provider=provider, service=service), world.clock)
    return stranger.guest_at


def test_a_guest_account_is_never_at_the_provider_of_a_board(world: VotingWorld) -> None:
    assert {guest_of(world) for _ in range(12)} == {"provider-1"}
    # One that refuses is followed by another.
    world.network.add_provider("provider-3", guests=False)
    world.network.add_provider("provider-4")
    assert {guest_of(world) for _ in range(24)} == {"provider-1", "provider-4"}
    assert guest_of(world, provider="provider-2") == "provider-2"


def test_where_each_provider_has_a_board_the_voter_says_which(world: VotingWorld) -> None:
    world.network.add_service(world.service, provider="provider-1")
    with pytest.raises(MisuseError, match="each of the 2 providers of this network has a board"):
        guest_of(world)
    assert guest_of(world, service="board@provider-1") == "provider-2"


def test_who_has_an_account_needs_no_other(program: Program) -> None:
    client = program.setting.client
    wait_for(open_guest(client, program.setting.rng), program.world.clock)
    assert not wait_for(client.status(), program.world.clock).guest


def test_a_board_of_another_election_is_told(program: Program) -> None:
    program.world.service.answers = Silent()
    with pytest.raises(WrongBoardError, match="another election"):
        program.enter(service="board@provider-2")


class Silent:
    """A board that says nothing that makes sense."""

    def answer(self, body: bytes) -> bytes:
        return b"\0" + bytes(200)


def test_a_mistyped_code_is_told(program: Program) -> None:
    with pytest.raises(CodeError):
        program.enter("ABCDE-ABCDE-ABCDE-ABCDE-ABCDE")


def test_the_program_ends_when_the_ballot_is_on_the_board(program: Program) -> None:
    booth, board = program.enter()
    clock = program.world.clock
    wait_for(booth.cast(booth.prepare(CHOICES), board, clock.seconds()), clock)
    wait_for(await_receipts(program.setting, booth, board), clock, within_s=100_000, step_s=300)
    assert "is cast at a random time" in program.said[-3]
    assert program.said[-2].startswith("it is entry 5 of the board's")
    assert program.said[-1] == "witness@provider-1 knows 1 states of the board's log, and all go together"


def awaited(program: Program, booth: VotingBooth, board: BoardQuestions) -> Deferred[None]:
    return Deferred.fromCoroutine(await_receipts(program.setting, booth, board))


def test_who_has_voted_may_vote_again(program: Program) -> None:
    booth, board = program.enter()
    clock = program.world.clock
    wait_for(booth.cast(booth.prepare(CHOICES), board, clock.seconds()), clock)
    wait_for(awaited(program, booth, board), clock, within_s=100_000, step_s=300)
    # Started again, the program waits for another ballot.
    waiting = awaited(program, booth, board)
    assert "vote again on the page" in program.said[-1]
    clock.advance(60)
    assert not waiting.called
    wait_for(booth.cast(booth.prepare(CHOICES), board, clock.seconds()), clock)
    wait_for(waiting, clock, within_s=100_000, step_s=300)
    assert any("it is entry 6 of the board's" in line for line in program.said)


def test_after_the_end_the_ballot_is_looked_for_again(program: Program) -> None:
    booth, board = program.enter()
    clock = program.world.clock
    wait_for(booth.cast(booth.prepare(CHOICES), board, clock.seconds()), clock)
    wait_for(awaited(program, booth, board), clock, within_s=100_000, step_s=300)
    clock.advance(CLOSES_AT - clock.seconds() + 1)
    program.said.clear()
    wait_for(awaited(program, booth, board), clock)
    assert any("it is entry 5 of the board's" in line for line in program.said)


def test_after_a_lost_ballot_another_one_can_be_cast(program: Program) -> None:
    booth, board = program.enter()
    clock = program.world.clock
    wait_for(booth.cast(booth.prepare(CHOICES), board, clock.seconds()), clock)
    program.world.network.cut()
    waiting = awaited(program, booth, board)
    while "make another ballot on the page" not in program.said[-1]:
        assert clock.seconds() < CLOSES_AT
        clock.advance(300)
    program.world.network.mend()
    wait_for(booth.cast(booth.prepare(CHOICES), board, clock.seconds()), clock)
    wait_for(waiting, clock, within_s=100_000, step_s=60)
    assert any("it is entry 5 of the board's" in line for line in program.said)


def test_the_page_is_served_until_then(program: Program) -> None:
    booth, board = program.enter()
    clock = program.world.clock
    web = MemoryWeb(clock)
    serving = Deferred.fromCoroutine(serve_page(program.setting, booth, board, web))
    assert "vote here, in a browser on this machine: http://election-" in program.said[-1]
    wait_for(booth.cast(booth.prepare(CHOICES), board, clock.seconds()), clock)
    wait_for(serving, clock, within_s=100_000, step_s=300)


def test_an_election_that_is_over_is_told(program: Program) -> None:
    booth, board = program.enter()
    clock = program.world.clock
    clock.advance(CLOSES_AT - clock.seconds() + 1)
    with pytest.raises(MisuseError, match="the election is over"):
        wait_for(await_receipts(program.setting, booth, board), clock)


class BrokenWitness:
    """A witness that cannot answer."""

    name = "witness"

    def answer(self, body: bytes) -> bytes:
        raise RuntimeError("broken")


def test_a_witness_that_cannot_answer_does_not_end_the_program_badly(program: Program) -> None:
    program.world.network.add_service(BrokenWitness(), provider="provider-1")
    booth, board = program.enter()
    clock = program.world.clock
    wait_for(booth.cast(booth.prepare(CHOICES), board, clock.seconds()), clock)
    wait_for(await_receipts(program.setting, booth, board), clock, within_s=100_000, step_s=300)
    assert "witness@provider-1 could not be asked" in program.said[-1]
