"""What the board needs of ballots: `votes.ballot` implements it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from loopixmix.errors import PeerError
from votes.record.election import Election


class CheckedBallot(Protocol):
    """A ballot that is right, whatever else is stored."""

    @property
    def credential(self) -> bytes:
        """The encoded credential that made it."""

    @property
    def counter(self) -> int:
        """Its number among the ballots of the credential, from 1."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of the ballot."""


class BallotChecks(Protocol):
    """Checks ballots of one election: form, election, credential, elements, proofs."""

    def check_many(self, encodings: Sequence[bytes], /) -> Sequence[CheckedBallot | PeerError]:
        """Return for each ballot what it is, or why it is refused."""

    def check_opening(self, opening: bytes, /) -> CheckedBallot:
        """Return the ballot that is opened instead of cast; raise `PeerError` if the opening does not fit it."""


MakeChecks: TypeAlias = Callable[[Election], BallotChecks]
"""Makes the checks of an election, once its record is there. Raises `PeerError` if its ballots would be too long."""
