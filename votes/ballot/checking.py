"""Checks of ballots, one or many at once (docs/protocol/votes.md, 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loopixmix.group.group import BadElementError, BadScalarError
from votes.ballot.ballots import Ballot, BallotError, decode_ballot
from votes.ballot.form import BallotForm
from votes.ballot.proving import all_proofs_hold, check_proof
from votes.record.merkle import leaf_hash, proves_inclusion

BATCH = 8_192
"""Ballots whose proofs are checked in one sum. More would be hardly faster, and take more memory."""


class BallotCheck:
    """Tells whether ballots are right, whatever else is stored: form, election, credential, elements, proof."""

    def __init__(self, form: BallotForm, *, is_listed: Callable[[bytes], bool]) -> None:
        """`is_listed`: tells whether an encoded credential is in the list; for ballots that bring no proof of it.

        Whoever does not have the list says no to all.
        """
        self.form = form
        self._is_listed = is_listed

    def check(self, encoding: bytes) -> Ballot:
        """Return a ballot that is right; raise `BallotError` with the reason for one that is not."""
        ballot = self._decoded(encoding)
        _check_alone(self.form, ballot)
        return ballot

    def check_many(self, encodings: Sequence[bytes]) -> list[Ballot | BallotError]:
        """Return for each ballot what `check` returns or raises.

        All proofs are checked in one sum. Only if that is wrong, each is checked alone, which takes several times as
        long.
        """
        checked: list[Ballot | BallotError] = []
        for start in range(0, len(encodings), BATCH):
            checked += self._check_batch(encodings[start : start + BATCH])
        return checked

    def _check_batch(self, encodings: Sequence[bytes]) -> list[Ballot | BallotError]:
        decoded = [self._decoded_or_error(encoding) for encoding in encodings]
        ballots = [ballot for ballot in decoded if isinstance(ballot, Ballot)]
        try:
            if all_proofs_hold(self.form, ballots):
                return decoded
        except (BadElementError, BadScalarError):
            # Found again below, with the ballot that it is in.
            pass
        return [self._alone(ballot) if isinstance(ballot, Ballot) else ballot for ballot in decoded]

    def _alone(self, ballot: Ballot) -> Ballot | BallotError:
        try:
            _check_alone(self.form, ballot)
        except BallotError as error:
            return error
        return ballot

    def _decoded_or_error(self, encoding: bytes) -> Ballot | BallotError:
        try:
            return self._decoded(encoding)
        except BallotError as error:
            return error

    def _decoded(self, encoding: bytes) -> Ballot:
        ballot = decode_ballot(self.form, encoding)
        if not self._is_member(ballot):
            raise BallotError("the credential of the ballot is not one of this election")
        return ballot

    def _is_member(self, ballot: Ballot) -> bool:
        if not ballot.path and self._is_listed(ballot.credential):
            return True
        form = self.form
        # In a list of one, the empty path is a proof.
        return proves_inclusion(
            leaf_hash(ballot.credential), ballot.index, form.voters, ballot.path, form.credential_root
        )


def _check_alone(form: BallotForm, ballot: Ballot) -> None:
    try:
        check_proof(form, ballot)
    except (BadElementError, BadScalarError) as error:
        raise BallotError(f"a part of the ballot is no element or scalar in its only allowed form: {error}") from error
