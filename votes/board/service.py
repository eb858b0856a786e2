"""The board as a hosted service: voters ask it anonymously, over the network."""

from __future__ import annotations

from provider.api import Declaration
from votes.board.answering import VoterAnswers
from votes.board.requests import SERVICE


class BoardService:
    """Answers voters. Many threads wait at one time, so that their ballots are checked and stored together."""

    name = SERVICE
    # Repetitions are known by the ballots themselves, and all other requests change nothing.
    declaration = Declaration(threads=512, at_once=512, queue=4096, assemblies=4096, recognises_repetition=True)

    def __init__(self, answers: VoterAnswers) -> None:
        """`answers`: of the board in the same program, which closes it."""
        self._answers = answers

    def answer_again(self, repetition_key: bytes, body: bytes) -> bytes:  # noqa: ARG002 (the body tells)
        """Return the answer to a request, in a thread."""
        return self._answers.answer(body)
