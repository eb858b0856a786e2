"""From a choice to a receipt: a ballot is made, kept, cast at a random time, and looked for on the board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from client.api import PostedRequest, RequestId, RequestState
from loopixmix.errors import MisuseError, UnavailableError
from loopixmix.group.group import Group
from loopixmix.seams import Rng
from votes.ballot.challenging import open_ballot
from votes.ballot.choices import Choice
from votes.ballot.form import BallotForm, form_of
from votes.ballot.making import MadeBallot, make_ballot, read_back
from votes.board.requests import AskCast, AskChallenge, encode_request
from votes.record.election import Election
from votes.record.receipts import BallotReceipt, decode_receipt
from votes.voting.asking import BoardQuestions, BoardRefusedError, content_of
from votes.voting.home import KeptBallot, VoterHome
from votes.voting.looking import BrokenReceiptError, FollowedLog
from votes.voting.voter import Voter

MOST_MARGIN_S = 3_600.0
LEAST_MARGIN_S = 60.0
MARGIN_SHARE = 0.1
"""A ballot is to be stored this long before the election closes, so that lost packets can be sent again."""


class LostBallotError(UnavailableError):
    """No receipt came for the ballot in time."""


@dataclass(frozen=True)
class PreparedBallot:
    """A ballot that was made and not cast yet. `says`: the choices, read back from its ciphertexts."""

    made: MadeBallot
    counter: int
    says: tuple[Choice, ...]


class VotingBooth:
    """One voter in one election."""

    def __init__(
        self,
        election: Election,
        group: Group,
        voter: Voter,
        home: VoterHome,
        *,
        rng: Rng,
        least_margin_s: float = LEAST_MARGIN_S,
    ) -> None:
        """`least_margin_s`: see `cast_before_s`; less than a minute is for networks of seconds."""
        self.election = election
        self.form: BallotForm = form_of(election, group)
        self.home = home
        self.log = FollowedLog(election, home)
        self.fingerprint = self.log.fingerprint
        self.board_identity = self.log.board_identity
        self._voter = voter
        self._rng = rng
        self._least_margin_s = least_margin_s

    def prepare(self, choices: Sequence[Choice]) -> PreparedBallot:
        """Make a ballot for a preview; nothing of it leaves. Raises `ChoiceError` for what a poll does not allow."""
        counter = self.home.next_counter()
        made = make_ballot(
            self.form, choices, secret=self._voter.secret, counter=counter, place=self._voter.place, rng=self._rng
        )
        return PreparedBallot(made, counter, tuple(read_back(self.form, made.ballot, made.randomness)))

    async def cast(self, prepared: PreparedBallot, board: BoardQuestions, now_s: float) -> KeptBallot:
        """Cast a ballot at a random time before the deadline; return once that is durable.

        It goes on after a restart of client or machine, and the board stores it once, however often it is sent.
        Raises `MisuseError` if the election is not open, closes too soon, or another ballot has the same counter.
        """
        encoding = prepared.made.ballot.encoding
        return await self._begin(KeptBallot(prepared.counter, encoding, board.service), board, now_s)

    async def challenge(self, prepared: PreparedBallot, board: BoardQuestions, now_s: float) -> KeptBallot:
        """Have a ballot opened for everybody instead of casting it; return once that is durable.

        It is asked at once: who challenges is seen to do so by nobody but the board, which cannot tell who it is.
        From then on the ballot cannot be cast, whatever the board answers. Raises `MisuseError` as `cast` does.
        """
        encoding, opening = prepared.made.ballot.encoding, open_ballot(prepared.made)
        return await self._begin(KeptBallot(prepared.counter, encoding, board.service, opening=opening), board, now_s)

    async def resume(self, kept: KeptBallot, board: BoardQuestions, now_s: float) -> KeptBallot:
        """Hand a ballot to the client that was kept, but perhaps not handed over before a kill."""
        if kept.request:
            return kept
        request = await self._post(kept, board, now_s, cast_before_s(self.election, now_s, self._least_margin_s))
        kept = msgspec.structs.replace(kept, request=str(request))
        self.home.keep(kept)
        return kept

    async def receipt(self, kept: KeptBallot, board: BoardQuestions) -> BallotReceipt | None:
        """Return the receipt of a ballot, or of its opening if it was challenged; None if the answer is still awaited.

        If the board says that it has a higher counter of this voter, that is kept: the next ballot has a higher one.
        Raises `BoardRefusedError` with the board's reason, `LostBallotError` if no answer came in time,
        `BrokenReceiptError` if the receipt is for something else.
        """
        known = self.home.receipt(kept.counter, self.board_identity)
        if known is not None:
            return known
        if not kept.request:
            return None
        request = await board.client.answer(RequestId(kept.request))
        if not has_ended(request):
            return None
        if request.state is not RequestState.ANSWERED or request.answer is None:
            sent = "its opening was sent, but no answer" if kept.challenged else "the ballot was cast, but no receipt"
            raise LostBallotError(f"{sent} came ({request.problem or request.state.value})")
        try:
            encoded = content_of(request.answer)
        except BoardRefusedError as error:
            self.home.keep_highest(error.refused.highest)
            raise
        receipt = decode_receipt(encoded, self.board_identity)
        if (receipt.fingerprint, receipt.digest) != (self.fingerprint, kept.digest):
            raise BrokenReceiptError("the board gave a receipt for another ballot")
        self.home.keep_highest(receipt.highest)
        self.home.keep_receipt(kept.counter, encoded)
        return receipt

    async def _begin(self, kept: KeptBallot, board: BoardQuestions, now_s: float) -> KeptBallot:
        # Asked first: what cannot be handed over is not begun, and uses up no counter.
        cast_before_s(self.election, now_s, self._least_margin_s)
        # Whether it is cast or opened is on the disk before anything of it leaves, so that no kill makes both of it.
        self.home.begin(kept)
        return await self.resume(kept, board, now_s)

    async def _post(self, kept: KeptBallot, board: BoardQuestions, now_s: float, deadline_s: float) -> RequestId:
        key = f"{self.fingerprint.hex()[:32]}-{self._voter.credential.hex()[:16]}-{kept.counter}"
        if kept.challenged:
            return await board.client.post_request(
                board.service,
                encode_request(AskChallenge(kept.opening)),
                idempotency_key=f"open-{key}",
                deadline_s=deadline_s,
            )
        return await board.client.post_request(
            board.service,
            encode_request(AskCast(kept.ballot)),
            idempotency_key=f"vote-{key}",
            not_before_s=now_s,
            deadline_s=deadline_s,
        )


def has_ended(request: PostedRequest) -> bool:
    """Tell whether nothing more comes of a request."""
    return request.state not in (RequestState.QUEUED, RequestState.ASKING)


def cast_before_s(election: Election, now_s: float, least_margin_s: float = LEAST_MARGIN_S) -> float:
    """Return by when a ballot has to be stored, so that there is time to send lost packets again.

    A tenth of the time that is left, at most an hour and at least `least_margin_s`. Raises `MisuseError` if the
    election is not open, or closes too soon.
    """
    if now_s < election.opens_at:
        raise MisuseError(f"the election is not open yet: {election.opens_at - now_s:,.0f} seconds are left")
    left_s = election.closes_at - now_s
    margin_s = max(least_margin_s, min(MOST_MARGIN_S, MARGIN_SHARE * left_s))
    if left_s <= 2 * least_margin_s:
        raise MisuseError("the election is closed, or closes too soon for a ballot to be stored in time")
    return election.closes_at - margin_s
