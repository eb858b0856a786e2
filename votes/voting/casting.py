"""From a choice to a receipt: a ballot is made, kept, cast at a random time, and looked for on the board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from client.api import PostedRequest, RequestId, RequestState
from loopixmix.errors import MisuseError, UnavailableError
from loopixmix.group.group import Group
from loopixmix.seams import Rng
from votes.ballot.ballots import Ballot, decode_ballot
from votes.ballot.challenging import open_ballot
from votes.ballot.choices import Choice
from votes.ballot.form import BallotForm, form_of
from votes.ballot.making import MadeBallot, make_ballot, read_back
from votes.board.requests import AskCast, AskChallenge, encode_request
from votes.record.election import Election, encode_election
from votes.record.entries import Entry, EntryKind
from votes.record.fingerprint import fingerprint_of
from votes.record.heads import ForkedBoardError, SignedHead, check_growth
from votes.record.merkle import Path, leaf_hash, proves_inclusion
from votes.record.receipts import BallotReceipt, decode_receipt
from votes.voting.asking import TIMEOUT_S, BoardQuestions, content_of
from votes.voting.home import KeptBallot, VoterHome
from votes.voting.voter import Voter
from votes.witness.requests import ShownHead, decode_heads

MOST_MARGIN_S = 3_600.0
LEAST_MARGIN_S = 60.0
MARGIN_SHARE = 0.1
"""A ballot is to be stored this long before the election closes, so that lost packets can be sent again."""


class LostBallotError(UnavailableError):
    """No receipt came for the ballot in time."""


class BrokenReceiptError(ForkedBoardError):
    """The board's log has not what its receipt promised: the receipt proves it."""


@dataclass(frozen=True)
class PreparedBallot:
    """A ballot that was made and not cast yet. `says`: the choices, read back from its ciphertexts."""

    made: MadeBallot
    counter: int
    says: tuple[Choice, ...]


class VotingBooth:
    """One voter in one election."""

    def __init__(self, election: Election, group: Group, voter: Voter, home: VoterHome, *, rng: Rng) -> None:
        self.election = election
        self.form: BallotForm = form_of(election, group)
        self.fingerprint = fingerprint_of(encode_election(election))
        self.home = home
        self._voter = voter
        self._rng = rng

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
        deadline_s = cast_before_s(self.election, now_s)
        kept = KeptBallot(prepared.counter, prepared.made.ballot.encoding, board.service)
        self.home.begin(kept)
        request = await self._post(kept, board, now_s, deadline_s)
        kept = msgspec.structs.replace(kept, request=str(request))
        self.home.keep(kept)
        return kept

    async def challenge(self, prepared: PreparedBallot, board: BoardQuestions) -> BallotReceipt:
        """Have a ballot opened for everybody instead of casting it; return the board's receipt for the opening.

        It is asked at once: who challenges is seen to do so by nobody but the board, which cannot tell who it is.
        """
        kept = KeptBallot(prepared.counter, prepared.made.ballot.encoding, board.service, challenged=True)
        # First, so that the counter is never used for a ballot that is cast.
        self.home.begin(kept)
        return decode_receipt(await board.ask(AskChallenge(open_ballot(prepared.made))), self.board_identity)

    async def resume(self, kept: KeptBallot, board: BoardQuestions, now_s: float) -> KeptBallot:
        """Hand a ballot to the client that was kept, but perhaps not handed over before a kill."""
        if kept.request or kept.challenged:
            return kept
        request = await self._post(kept, board, now_s, cast_before_s(self.election, now_s))
        kept = msgspec.structs.replace(kept, request=str(request))
        self.home.keep(kept)
        return kept

    async def receipt(self, kept: KeptBallot, board: BoardQuestions) -> BallotReceipt | None:
        """Return the receipt of a ballot; None if the answer is still awaited.

        Raises `BoardRefusedError` with the board's reason, `LostBallotError` if no answer came in time,
        `BrokenReceiptError` if the receipt is for something else.
        """
        known = self.home.receipt(kept.counter, self.board_identity)
        if known is not None:
            return known
        request = await board.client.answer(RequestId(kept.request))
        if not has_ended(request):
            return None
        if request.state is not RequestState.ANSWERED or request.answer is None:
            raise LostBallotError(
                f"the ballot was cast, but no receipt came ({request.problem or request.state.value})"
            )
        encoded = content_of(request.answer)
        receipt = decode_receipt(encoded, self.board_identity)
        if (receipt.fingerprint, receipt.digest) != (self.fingerprint, self.ballot(kept).digest):
            raise BrokenReceiptError("the board gave a receipt for another ballot")
        self.home.keep_receipt(kept.counter, encoded)
        return receipt

    async def check(self, kept: KeptBallot, receipt: BallotReceipt, board: BoardQuestions) -> SignedHead:
        """Check that the log only grew since the last check, and that the ballot is in it; return its head.

        Raises `BrokenReceiptError` or `ForkedBoardError`; both are proof against the board.
        """
        # The ballot has to be under the very head that is followed. A newer one might be that of another log.
        followed = await self.follow(board)
        head = followed.head
        entry = Entry(EntryKind.BALLOT, receipt.at_s, kept.ballot).encode()
        path: Path = ()
        if receipt.index < head.size:
            path = await board.inclusion(receipt.index, head.size, self.board_identity)
        if not proves_inclusion(leaf_hash(entry), receipt.index, head.size, path, head.root):
            raise BrokenReceiptError("the ballot is not in the log where the receipt says")
        return followed

    async def follow(self, board: BoardQuestions) -> SignedHead:
        """Check that the log continues the one that was seen last, and remember its head.

        Every voter's client does it from time to time, whether it has cast or not.
        """
        before = self.home.head(self.board_identity)
        grown = await board.growth(before.head.size if before else 1, self.board_identity)
        if grown.head.head.fingerprint != self.fingerprint:
            raise ForkedBoardError("the board signed a head of another election")
        if before is not None:
            check_growth(before.head, grown.head.head, grown.path)
        self.home.keep_head(grown.head)
        return grown.head

    async def compare(self, board: BoardQuestions, witness: str) -> int:
        """Compare the board's log with the heads that others saw, as a witness tells them; return how many there were.

        `witness`: a service at another provider, such as `witness@provider-1`. A board that shows each voter another
        log is convicted by two heads with its signature. Raises `ForkedBoardError`.
        """
        newest = await self.follow(board)
        shown = ShownHead(self.board_identity, newest).encode()
        answer = await board.client.request(witness, shown, timeout_s=TIMEOUT_S)
        heads = decode_heads(answer, self.board_identity, self.fingerprint)
        for head in heads:
            # Two heads that were seen, and none that the board picks only now: it might pick one that fits.
            older, newer = sorted((head.head, newest.head), key=lambda each: each.size)
            path = await board.consistency(older.size, newer.size, self.board_identity)
            check_growth(older, newer, path)
        return len(heads)

    @property
    def board_identity(self) -> bytes:
        """Whose signature heads and receipts have."""
        return bytes(self.election.board.identity)

    def ballot(self, kept: KeptBallot) -> Ballot:
        """Return a kept ballot in parts."""
        return decode_ballot(self.form, kept.ballot)

    async def _post(self, kept: KeptBallot, board: BoardQuestions, now_s: float, deadline_s: float) -> RequestId:
        key = f"vote-{self.fingerprint.hex()[:32]}-{self._voter.credential.hex()[:16]}-{kept.counter}"
        return await board.client.post_request(
            board.service,
            encode_request(AskCast(kept.ballot)),
            idempotency_key=key,
            not_before_s=now_s,
            deadline_s=deadline_s,
        )


def has_ended(request: PostedRequest) -> bool:
    """Tell whether nothing more comes of a request."""
    return request.state not in (RequestState.QUEUED, RequestState.ASKING)


def cast_before_s(election: Election, now_s: float) -> float:
    """Return by when a ballot has to be stored, so that there is time to send lost packets again.

    A tenth of the time that is left, at most an hour and at least a minute. Raises `MisuseError` if the election is not
    open, or closes too soon.
    """
    if now_s < election.opens_at:
        raise MisuseError(f"the election is not open yet: {election.opens_at - now_s:,.0f} seconds are left")
    left_s = election.closes_at - now_s
    margin_s = max(LEAST_MARGIN_S, min(MOST_MARGIN_S, MARGIN_SHARE * left_s))
    if left_s <= 2 * LEAST_MARGIN_S:
        raise MisuseError("the election is closed, or closes too soon for a ballot to be stored in time")
    return election.closes_at - margin_s
