"""Requests of voters, answered."""

from __future__ import annotations

from collections.abc import Callable

from loopixmix.errors import FormatError
from votes.board.board import Board
from votes.board.casting import MOST_REASON, Casting, CastOutcome, Stored
from votes.board.requests import (
    AskCast,
    AskChallenge,
    AskConsistency,
    AskFind,
    AskInclusion,
    AskPart,
    AskSignatures,
    AskState,
    BoardAnswer,
    BoardRefusal,
    BoardRefused,
    BoardState,
    HeadAndPath,
    RequestKind,
    VoterRequest,
    decode_request,
    encode_answer,
)
from votes.board.standing import NotNowError
from votes.record.trustees import approval_signatures


class VoterAnswers:
    """Answers requests. Any thread may use it. None of them changes anything but casting and challenging."""

    def __init__(self, board: Board, casting: Casting, *, result: Callable[[], bytes]) -> None:
        """`result`: returns the published result; empty if there is none."""
        self._board = board
        self._casting = casting
        self._result = result

    def answer(self, body: bytes) -> bytes:
        """Return the answer to a request. The same request for the same thing has the same effect, and once."""
        try:
            request = decode_request(body)
        except FormatError as error:
            return encode_answer(BoardRefused(BoardRefusal.MALFORMED, str(error)))
        try:
            return encode_answer(self._answer(request))
        except NotNowError as error:
            return encode_answer(BoardRefused(BoardRefusal.NO_ELECTION, str(error)))

    def _answer(self, request: VoterRequest) -> BoardAnswer:
        match request:
            case AskState():
                return self._state().encode()
            case AskPart(kind, offset, length):
                return self._part(kind, offset, length)
            case AskCast(ballot):
                return self._receipt(self._casting.cast(ballot))
            case AskFind(digest):
                return self._receipt(self._casting.find(digest))
            case AskInclusion(index, size):
                return self._inclusion(index, size)
            case AskConsistency(before, size):
                return self._consistency(before, size)
            case AskChallenge(opening):
                return self._receipt(self._casting.challenge(opening))
            case AskSignatures():
                return self._signatures()

    def _state(self) -> BoardState:
        self._board.advance()
        standing = self._board.standing
        return BoardState(
            standing.fingerprint, len(standing.record), len(self._result()), standing.phase, self._board.head()
        )

    def _part(self, kind: RequestKind, offset: int, length: int) -> BoardAnswer:
        self._board.head()
        match kind:
            case RequestKind.RECORD:
                whole = self._board.standing.record
            case RequestKind.EXCLUSIONS:
                whole = self._board.exclusions
            case _:
                whole = self._result()
        # There may be no exclusion yet, or none that is new.
        if offset > len(whole) or (offset == len(whole) and kind is not RequestKind.EXCLUSIONS):
            return BoardRefused(BoardRefusal.UNKNOWN, f"there are {len(whole)} bytes")
        return whole[offset : offset + length]

    def _signatures(self) -> BoardAnswer:
        """Give them when they are complete: a voter's program encrypts nothing before."""
        standing = self._board.standing
        unsigned = standing.unsigned
        if unsigned is not None:
            return BoardRefused(BoardRefusal.EARLY, unsigned[:MOST_REASON])
        return approval_signatures([standing.approvals[number] for number in sorted(standing.approvals)])

    def _receipt(self, outcome: CastOutcome) -> BoardAnswer:
        if isinstance(outcome, Stored):
            return self._board.receipt(outcome.digest, outcome.index, outcome.at_s, outcome.highest)
        return outcome

    def _inclusion(self, index: int, size: int) -> BoardAnswer:
        head = self._board.head()
        size = size or head.head.size
        if not index < size <= head.head.size:
            return BoardRefused(BoardRefusal.UNKNOWN, f"the log has {head.head.size} entries")
        return HeadAndPath(head, self._board.log.inclusion(index, size)).encode()

    def _consistency(self, before: int, size: int) -> BoardAnswer:
        head = self._board.head()
        size = size or head.head.size
        if not before <= size <= head.head.size:
            return BoardRefused(BoardRefusal.UNKNOWN, f"the log has {head.head.size} entries")
        return HeadAndPath(head, self._board.log.consistency(before, size)).encode()
