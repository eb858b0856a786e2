"""The board's log as one voter sees it: it only grows, it has what receipts promise, and others see the same."""

from __future__ import annotations

from collections.abc import Mapping

from votes.record.election import Election, encode_election
from votes.record.entries import Entry, EntryKind, decode_entry
from votes.record.fingerprint import fingerprint_of
from votes.record.heads import ForkedBoardError, SignedHead, check_growth
from votes.record.merkle import Path, leaf_hash, proves_inclusion
from votes.record.receipts import BallotReceipt
from votes.record.statements import Exclusion, open_statement
from votes.verify.log import split_entries
from votes.voting.asking import TIMEOUT_S, BoardQuestions, BoardRefusedError, WrongBoardError
from votes.voting.home import KeptBallot, VoterHome
from votes.witness.requests import ShownHead, decode_heads


class BrokenReceiptError(ForkedBoardError):
    """The board's log has not what its receipt promised: the receipt proves it."""


class FollowedLog:
    """The log of one election's board, followed from look to look."""

    def __init__(self, election: Election, home: VoterHome) -> None:
        """`home`: keeps the newest head that was checked."""
        self._election = election
        self._home = home
        self.fingerprint = fingerprint_of(encode_election(election))
        self.board_identity = bytes(election.board.identity)
        """Whose signature heads and receipts have."""

    async def check(self, kept: KeptBallot, receipt: BallotReceipt, board: BoardQuestions) -> SignedHead:
        """Check that the log only grew since the last check, and that the ballot is in it; return its head.

        Raises `BrokenReceiptError` or `ForkedBoardError`; both are proof against the board.
        """
        # The ballot has to be under the very head that is followed. A newer one might be that of another log.
        followed = await self.follow(board)
        await self.find(kept, receipt, followed, board)
        return followed

    async def find(self, kept: KeptBallot, receipt: BallotReceipt, head: SignedHead, board: BoardQuestions) -> None:
        """Check that a ballot, or its opening if it was challenged, is where its receipt says, under a head.

        Raises `BrokenReceiptError`.
        """
        kind, body = (EntryKind.CHALLENGE, kept.opening) if kept.challenged else (EntryKind.BALLOT, kept.ballot)
        entry, size = Entry(kind, receipt.at_s, body).encode(), head.head.size
        path: Path = ()
        if receipt.index < size:
            path = await board.inclusion(receipt.index, size, self.board_identity)
        if not proves_inclusion(leaf_hash(entry), receipt.index, size, path, head.head.root):
            self._home.keep_evidence(head)
            raise BrokenReceiptError(
                f"ballot {kept.tracking_code} is not in the log where its receipt says, entry {receipt.index}"
            )

    async def follow(self, board: BoardQuestions) -> SignedHead:
        """Check that the log continues the one that was seen last, and remember its head.

        Every voter's program does it from time to time, whether it has cast or not.
        """
        before = self._home.head(self.board_identity)
        try:
            grown = await board.growth(before.head.size if before else 1, self.board_identity)
        except BoardRefusedError:
            if before is None:
                raise
            # There is no proof for a log that became shorter. But the board signs how long it is now.
            now = (await board.state(self.board_identity)).head
            if now.head.size < before.head.size:
                self._check_growth(before, now, ())
            raise
        if grown.head.head.fingerprint != self.fingerprint:
            raise ForkedBoardError("the board signed a head of another election")
        if before is not None:
            self._check_growth(before, grown.head, grown.path)
        self._home.keep_head(grown.head)
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
            older, newer = sorted((head, newest), key=lambda each: each.head.size)
            path = await board.consistency(older.head.size, newer.head.size, self.board_identity)
            self._check_growth(older, newer, path)
        return len(heads)

    async def exclusions(self, board: BoardQuestions) -> Mapping[int, str]:
        """Load the exclusions that are new; return the reasons of all, by the indices of the excluded entries.

        All are asked for, so that nobody is asked about one ballot. A board may hide some: only the whole log shows
        that. Raises `PeerError` for one that the administrator did not sign.
        """
        known = self._home.exclusions()
        new = await board.exclusions(len(known))
        if new:
            self._excluded(new)
            self._home.keep_exclusions(known + new)
        return self.excluded()

    def excluded(self) -> Mapping[int, str]:
        """Return the reasons of all exclusions that were loaded, by the indices of the excluded entries."""
        return self._excluded(self._home.exclusions())

    def _excluded(self, entries: bytes) -> dict[int, str]:
        administrator = bytes(self._election.administrator.identity)
        found = {}
        for encoded in split_entries(entries):
            entry = decode_entry(encoded)
            if entry.kind is not EntryKind.EXCLUSION:
                raise WrongBoardError(f"the board gave a {entry.kind.name.lower()} where exclusions were asked for")
            exclusion = open_statement(entry.body, Exclusion, lambda _: administrator)
            if exclusion.fingerprint != self.fingerprint:
                raise WrongBoardError("the board gave an exclusion of another election")
            found[exclusion.entry] = exclusion.reason
        return found

    def _check_growth(self, older: SignedHead, newer: SignedHead, path: Path) -> None:
        try:
            check_growth(older.head, newer.head, path)
        except ForkedBoardError:
            # Of the two heads that prove it, one would be forgotten otherwise.
            self._home.keep_evidence(older)
            self._home.keep_evidence(newer)
            raise
