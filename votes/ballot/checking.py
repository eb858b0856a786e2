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
GROUP = 16
"""If that sum is wrong, so many ballots are checked in one sum; smaller sums cost more for each ballot.

Anybody can send wrong ballots, and makes all that wait beside them slower. So one must not cost much: it has the batch
summed up a second time, and its own group checked one by one. Halving again and again would do no less work for one
wrong ballot, and several times as much for many: each level is a pass over all halves that are wrong.
"""


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

        All proofs are checked in one sum. Only if that is wrong, they are in groups, and those of a wrong group alone.
        """
        checked: list[Ballot | BallotError] = []
        for start in range(0, len(encodings), BATCH):
            checked += self._check_batch(encodings[start : start + BATCH])
        return checked

    def _check_batch(self, encodings: Sequence[bytes]) -> list[Ballot | BallotError]:
        decoded = [self._decoded_or_error(encoding) for encoding in encodings]
        ballots = [ballot for ballot in decoded if isinstance(ballot, Ballot)]
        if self._all_hold(ballots):
            return decoded
        checked = iter([result for start in range(0, len(ballots), GROUP) for result in self._group(ballots, start)])
        return [next(checked) if isinstance(each, Ballot) else each for each in decoded]

    def _group(self, ballots: Sequence[Ballot], start: int) -> Sequence[Ballot | BallotError]:
        group = ballots[start : start + GROUP]
        # A batch that is one group was summed up already.
        if len(ballots) > GROUP and self._all_hold(group):
            return group
        return [self._alone(ballot) for ballot in group]

    def _all_hold(self, ballots: Sequence[Ballot]) -> bool:
        try:
            return all_proofs_hold(self.form, ballots)
        except (BadElementError, BadScalarError):
            # Found again later, with the ballot that it is in.
            return False

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
