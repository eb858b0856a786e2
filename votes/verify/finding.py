"""Ballots found in a log: by the tracking code that their voter wrote down, or by the credential that cast them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from loopixmix.errors import PeerError
from votes.ballot.ballots import Ballot, decode_ballot
from votes.ballot.challenging import AuditedBallot, audit_opening
from votes.ballot.checking import BallotCheck
from votes.ballot.choices import Choice
from votes.ballot.weeding import StoredBallot, weed
from votes.verify.log import ElectionLog
from votes.verify.opened import OpenedRecord

COUNTS = "it counts"
OPENED = "it was challenged, and never counts; it says"


@dataclass(frozen=True)
class FoundBallot:
    """A ballot in the log. `entry`: the index of its entry, or of its opening. `says`: choices, if it was opened."""

    entry: int
    ballot: Ballot
    fate: str
    says: tuple[Choice, ...] = ()


def find_ballots(
    opened: OpenedRecord, credentials: Sequence[bytes], log: ElectionLog, wanted: str
) -> Iterator[FoundBallot]:
    """Yield the ballots with a tracking code or credential, in whatever form people write it.

    Proofs of ballots that were cast are not checked: that is the verifier's work.
    """
    is_wanted = _matching(wanted)
    check = BallotCheck(opened.form, is_listed=frozenset(credentials).__contains__)
    audited = list(_audited(check, log))
    stored = list(_stored(opened, log))
    excluded = {exclusion.entry for _, exclusion in log.exclusions}
    weeded = weed(stored, excluded=excluded, challenged={each.ballot.digest for _, each in audited})
    for each in stored:
        if is_wanted(each.ballot):
            fate = weeded.not_counted.get(each.entry)
            yield FoundBallot(each.entry, each.ballot, COUNTS if fate is None else f"it does not count: {fate.value}")
    for index, opening in audited:
        if is_wanted(opening.ballot):
            yield FoundBallot(index, opening.ballot, OPENED, opening.choices)


def _audited(check: BallotCheck, log: ElectionLog) -> Iterator[tuple[int, AuditedBallot]]:
    for index, opening in log.challenges:
        try:
            yield index, audit_opening(check, opening)
        except PeerError:
            # It challenges nothing; the verifier names it.
            continue


def _matching(wanted: str) -> Callable[[Ballot], bool]:
    letters = _letters(wanted)
    return lambda ballot: letters in (_letters(ballot.tracking_code), _letters(ballot.credential.hex()))


def _letters(text: str) -> str:
    return "".join(letter for letter in text.upper() if letter.isalnum())


def _stored(opened: OpenedRecord, log: ElectionLog) -> Iterator[StoredBallot]:
    for index, entry in log.ballots:
        try:
            yield StoredBallot(index, decode_ballot(opened.form, entry.body))
        except PeerError:
            # It has no tracking code that anybody was told; the verifier names it.
            continue
