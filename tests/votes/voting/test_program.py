from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from client.testing import wait_for
from loopixmix.errors import MisuseError, SignatureError
from tests.worlds.clients.memory_web import MemoryWeb
from tests.worlds.voting import Answers, VoterProgram, VotingWorld
from votes.ballot.choices import ChosenOptions, YesOrNo
from votes.board.requests import RequestKind
from votes.credentials.codes import CodeError
from votes.record.heads import ForkedBoardError
from votes.voting.asking import WrongBoardError
from votes.voting.program import enter_booth, open_guest, serve_page

CHOICES = (ChosenOptions(frozenset({1})), YesOrNo(True))


def test_from_a_code_to_a_booth(program: VoterProgram) -> None:
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
    program = VoterProgram(world, world.client())
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


def test_a_record_that_a_trustee_did_not_sign_is_never_voted_on(program: VoterProgram) -> None:
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


def test_who_has_an_account_needs_no_other(program: VoterProgram) -> None:
    client = program.setting.client
    wait_for(open_guest(client, program.setting.rng), program.world.clock)
    assert not wait_for(client.status(), program.world.clock).guest


def test_a_board_of_another_election_is_told(program: VoterProgram) -> None:
    program.world.service.answers = Silent()
    with pytest.raises(WrongBoardError, match="another election"):
        program.enter(service="board@provider-2")


class Silent:
    """A board that says nothing that makes sense."""

    def answer(self, body: bytes) -> bytes:
        return b"\0" + bytes(200)


def test_a_mistyped_code_is_told(program: VoterProgram) -> None:
    with pytest.raises(CodeError):
        program.enter("ABCDE-ABCDE-ABCDE-ABCDE-ABCDE")


def test_the_page_is_served_until_then(program: VoterProgram) -> None:
    booth, board = program.enter()
    clock = program.world.clock
    web = MemoryWeb(clock)
    serving = Deferred.fromCoroutine(serve_page(program.setting, booth, board, web, watches=False))
    assert "vote here, in a browser on this machine: http://election-" in program.said[-1]
    wait_for(booth.cast(booth.prepare(CHOICES), board, clock.seconds()), clock)
    wait_for(serving, clock, within_s=100_000, step_s=300)


def test_a_board_that_is_convicted_ends_it_and_the_voter_is_told_where_the_proof_is(
    program: VoterProgram, tmp_path: Path
) -> None:
    booth, board = program.enter()
    program.cast(booth, board, CHOICES)
    serving = Deferred.fromCoroutine(serve_page(program.setting, booth, board, MemoryWeb(program.world.clock)))
    while not any("your ballot is there" in line for line in program.said):
        program.world.clock.advance(300)
    (tmp_path / "other").mkdir()
    other = VotingWorld(tmp_path / "other")
    try:
        other.cast(other.client(), other.booth(1))
        other.until_closing()
        program.world.service.answers = other.service.answers
        with pytest.raises(ForkedBoardError):
            wait_for(serving, program.world.clock, within_s=100_000, step_s=300)
    finally:
        other.close()
    assert program.said[-1].startswith(f"keep the folder {booth.home.path}: it has the proof")
    assert list(booth.home.path.glob("evidence-*"))


def test_it_goes_on_until_the_result_is_there(program: VoterProgram) -> None:
    booth, board = program.enter()
    program.cast(booth, board, CHOICES)
    serving = Deferred.fromCoroutine(serve_page(program.setting, booth, board, MemoryWeb(program.world.clock)))
    program.world.until_closing()
    for _ in range(20):
        program.world.clock.advance(300)
    assert not serving.called
    program.world.abandon()
    wait_for(serving, program.world.clock, within_s=100_000, step_s=300)
    assert any("was abandoned" in line for line in program.said)
