"""The votes counted from what was decrypted: the last step of a tally, and the last check of a verifier."""

from __future__ import annotations

from votes.record.phases import Phase
from votes.results.documents import encode_result, published
from votes.results.wording import verdict
from votes.tally.counts import ChoiceCounter
from votes.tally.outcomes import ElectionResult
from votes.tally.results import count_election
from votes.verify.opened import LieError, announced, check_phase
from votes.verify.published import RESULT
from votes.verify.verifier import Verification


def count(verification: Verification) -> ElectionResult:
    """Count what was decrypted. All checks but that of the result were made."""
    form = verification.known.form
    counters = [ChoiceCounter(verification.group, coding) for coding in form.codings]
    for counter, columns in zip(counters, verification.plaintexts, strict=True):
        counter.add(columns)
    return count_election(verification.known.election, [counter.finish() for counter in counters])


def count_again(verification: Verification) -> str:
    """Count, and compare with the result that was published and announced. Raises `LieError` if they differ."""
    log = verification.log
    check_phase(log, Phase.DECRYPTED)
    if log.result is None:
        raise LieError("no result was announced yet")
    result = verification.published.read(RESULT)
    announced(result, bytes(log.result.result), RESULT)
    if not verification.plaintexts:
        return "announced; it cannot be counted again without the shares"
    counted = published(count(verification))
    if encode_result(counted) != bytes(result):
        raise LieError("the published result is not what the decrypted ballots say")
    return " ".join(f"{poll.id}: {verdict(poll) or 'counted.'}" for poll in counted.polls)
