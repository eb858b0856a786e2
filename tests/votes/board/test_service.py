from __future__ import annotations

import random
from typing import cast

from twisted.internet.task import Clock

from client.testing import FakeNetwork, wait_for
from provider.api import HostedService, declaration_of
from tests.worlds.boards import BoardWorld, plain_ballot
from votes.board.answering import VoterAnswers
from votes.board.requests import AskCast, AskState, decode_answer, decode_state, encode_request
from votes.board.service import BoardService
from votes.record.receipts import decode_receipt


def test_a_voter_casts_over_the_network_and_a_repetition_changes_nothing(boards: BoardWorld) -> None:
    boards.open()
    clock = Clock()
    network = FakeNetwork(clock=clock, rng=random.Random(1), delay_s=1.0)
    service = BoardService(VoterAnswers(boards.board, boards.casting, result=bytes))
    network.add_service(cast("HostedService", service), provider="away")
    voter = network.client("guest@home")
    board = boards.world.keys.board.identity

    def ask(body: bytes) -> bytes:
        answer = decode_answer(wait_for(voter.request("board", body, timeout_s=60.0), clock))
        assert isinstance(answer, bytes)
        return answer

    state = decode_state(ask(encode_request(AskState())), board)
    assert state.fingerprint == boards.world.fingerprint
    cast_ballot = encode_request(AskCast(plain_ballot(1)))
    first = ask(cast_ballot)
    assert decode_receipt(first, board).index == 5
    assert ask(cast_ballot) == first
    assert boards.board.log.size == 6


def test_the_provider_keeps_no_answers_of_the_board() -> None:
    assert declaration_of(cast("HostedService", BoardService)).recognises_repetition
