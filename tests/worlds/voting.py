"""Voters who cast over a network in memory, at a board that really checks and stores."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater

from client.testing import FakeClient, FakeNetwork, wait_for
from loopixmix.group.ristretto import ristretto255
from loopixmix.store.transactions import Store
from tests.worlds.elections import CHOOSE, CLOSES_AT, OPENS_AT, YES_NO, ElectionWorld, new_election
from votes.ballot.choices import Choice, ChosenOptions, YesOrNo
from votes.board.answering import VoterAnswers
from votes.board.board import Board
from votes.board.casting import Casting
from votes.board.checks import checks_with
from votes.board.entryfile import EntryFile
from votes.board.log import BoardLog
from votes.board.requests import SERVICE
from votes.board.store.schema import SCHEMA
from votes.credentials.codes import code_of
from votes.credentials.derivation import credentials_of, secrets_of
from votes.credentials.invitation import Invitation
from votes.credentials.listing import CredentialList
from votes.record.canonical import Hex
from votes.record.entries import EntryKind, sign_record
from votes.record.phases import Phase, Transition
from votes.record.statements import Exclusion, sign_statement
from votes.voting.asking import BoardQuestions
from votes.voting.casting import VotingBooth
from votes.voting.home import KeptBallot, VoterHome
from votes.voting.program import enter_booth
from votes.voting.setting import VotingSetting
from votes.voting.voter import voter_of
from votes.voting.waiting import await_receipts
from votes.voting.watching import LogWatch
from votes.witness.service import WitnessService

GROUP = ristretto255()
CHOICES: Sequence[Choice] = (ChosenOptions(frozenset({1})), YesOrNo(True))


class Answers(Protocol):
    """What answers a board's requests."""

    def answer(self, body: bytes, /) -> bytes: ...


class AnsweringBoard:
    """The board as a hosted service in memory. `asked`: all requests, as bytes."""

    name = SERVICE

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[bytes] = []

    def answer(self, body: bytes) -> bytes:
        self.asked.append(body)
        return self.answers.answer(body)


class VotingWorld:
    """An election that is open, its board, and voters with codes."""

    def __init__(self, path: Path, *, voters: int = 3, signed: bool = True) -> None:
        self.path = path
        self.rng = random.Random(11)
        self.clock = Clock()
        self.clock.advance(OPENS_AT + 100)
        self.codes = [code_of(self.rng.randbytes(15)) for _ in range(voters)]
        salt = bytes(range(16))
        encoded = credentials_of(GROUP, secrets_of(GROUP, salt, self.codes)).encode()
        size = GROUP.element_bytes
        self.credentials = [encoded[at : at + size] for at in range(0, len(encoded), size)]
        self.list = CredentialList.of(self.credentials, size)
        self.world: ElectionWorld = new_election(
            GROUP, polls=(CHOOSE, YES_NO), voters=voters, credential_root=self.list.root
        )
        self.board = self._board()
        self.board.publish_record(sign_record(self.world.record, self.world.keys.administrator))
        if signed:
            self.sign()
        self.service = AnsweringBoard(VoterAnswers(self.board, Casting(self.board), result=lambda: b""))
        self.network = FakeNetwork(clock=self.clock, rng=self.rng)
        self.network.add_service(self.service, provider="provider-2")
        self.network.add_service(WitnessService(None), provider="provider-1")  # type: ignore[arg-type]

    def sign(self) -> None:
        """Let all trustees sign the record; then the election opens."""
        for body in self.world.approvals():
            self.board.announce(EntryKind.APPROVAL, body)
        self.board.advance()

    def _board(self) -> Board:
        keys = self.world.keys
        log = BoardLog(
            Store(SCHEMA, f"sqlite:///{self.path / 'board.db'}"),
            key=keys.board,
            clock=self.clock,
            file=EntryFile(self.path / "entries"),
        )
        return Board(
            log,
            GROUP,
            key=keys.board,
            administrator=keys.administrator.identity,
            make_checks=checks_with(GROUP, self.list.__contains__),
            clock=self.clock,
        )

    def close(self) -> None:
        self.board.log.close()

    def client(self, name: str = "") -> FakeClient:
        """Add a client; the account has no name that matters to the election."""
        return self.network.client(f"{name or 'guest'}@provider-1")

    def until_closing(self) -> None:
        """Let time pass until the election is closed."""
        while self.clock.seconds() < CLOSES_AT:
            self.clock.advance(600)

    def cast(self, client: FakeClient, booth: VotingBooth, choices: Sequence[Choice] = CHOICES) -> KeptBallot:
        """Cast a ballot; it leaves later."""
        prepared = booth.prepare(choices)
        return wait_for(booth.cast(prepared, self.questions(client), self.clock.seconds()), self.clock)

    def exclude(self, entry: int, reason: str = "left the club") -> int:
        """Exclude the ballot of an entry; return the index of the exclusion."""
        exclusion = Exclusion(fingerprint=Hex(self.world.fingerprint), entry=entry, reason=reason)
        return self.board.announce(EntryKind.EXCLUSION, sign_statement(exclusion, self.world.keys.administrator))

    def abandon(self) -> None:
        """End the election without a result."""
        transition = Transition(
            fingerprint=Hex(self.world.fingerprint),
            before=self.board.standing.phase,
            after=Phase.ABANDONED,
            at_s=int(self.clock.seconds()),
            reason="too few voters",
        )
        self.board.announce(EntryKind.TRANSITION, sign_statement(transition, self.world.keys.administrator))

    def questions(self, client: FakeClient) -> BoardQuestions:
        return BoardQuestions(client, f"{SERVICE}@provider-2", timeout_s=60)

    def invitation(self, number: int) -> Invitation:
        index = self.list.index(self.credentials[number])
        assert index is not None
        return Invitation(self.world.fingerprint, index, self.list.path(index))

    def booth(self, number: int, home: str = "") -> VotingBooth:
        """Return a voter's booth, from code and invitation."""
        voter = voter_of(self.world.election, GROUP, self.codes[number], self.invitation(number))
        folder = VoterHome(self.path / (home or f"home-{number}"))
        return VotingBooth(self.world.election, GROUP, voter, folder, rng=self.rng)


class VoterProgram:
    """A voter's program on a network in memory. `said`: the lines that it showed."""

    def __init__(self, world: VotingWorld, client: FakeClient, *, voter: int = 0, home: str = "client") -> None:
        self.world = world
        self.said: list[str] = []
        self.setting = VotingSetting(client, GROUP, world.clock, world.rng, self.said.append, self.pause)
        self._voter = voter
        self._home = world.path / home

    def pause(self, seconds: float) -> Deferred[None]:
        return deferLater(self.world.clock, seconds, lambda: None)  # type: ignore[arg-type]

    def enter(self, code: str = "", service: str = "") -> tuple[VotingBooth, BoardQuestions]:
        """Enter the booth: the code is the voter's own unless another one is given."""
        invitation = self.world.invitation(self._voter)
        entering = enter_booth(
            self.setting, self._home, code or self.world.codes[self._voter], invitation, service=service
        )
        return wait_for(entering, self.world.clock, within_s=1_000)

    def cast(self, booth: VotingBooth, board: BoardQuestions, choices: Sequence[Choice]) -> KeptBallot:
        """Cast a ballot; it leaves later."""
        clock = self.world.clock
        return wait_for(booth.cast(booth.prepare(choices), board, clock.seconds()), clock)

    def awaited(self, booth: VotingBooth, board: BoardQuestions, *, stays: bool = False) -> Deferred[None]:
        """Begin to wait for receipts."""
        watch = LogWatch(self.setting, booth, board)
        return Deferred.fromCoroutine(await_receipts(self.setting, booth, board, watch, stays=stays))
