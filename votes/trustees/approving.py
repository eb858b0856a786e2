"""What a trustee checks before it signs the frozen record, and what it shows to its person (5.1 of the page)."""

from __future__ import annotations

from collections.abc import Iterator

from loopixmix.errors import MisuseError
from loopixmix.group.group import Group
from votes.record.election import Election, draft_digest, shown_time
from votes.trustees.backup import TrusteeSecrets


def check_frozen(election: Election, group: Group, secrets: TrusteeSecrets, now_s: float) -> None:
    """Check that a frozen record is the draft for which this trustee made the key, with that key, and still to be held.

    The draft has titles, polls, dates, list of voters and all parties, so none of them has changed since. All
    commitments are compared, and not only this trustee's share: with less than all of them, an administrator and a few
    trustees could put a key of their own behind shares that others find right.
    `now_s`: Unix seconds by this trustee's clock. Raises `MisuseError` with what is wrong.
    """
    if draft_digest(election) != secrets.draft:
        raise MisuseError(
            "this record is NOT the draft for which the key was made: something of it has changed since. "
            "Do not sign it, and say so in public"
        )
    if b"".join(election.key_commitments) != secrets.commitments:
        raise MisuseError(
            f"its key is NOT the one that trustee {secrets.number} made with the others. "
            "Whoever froze this record can read the ballots: say so in public"
        )
    public = group.generator.times(group.scalars(secrets.share)).encode()
    if public != bytes(election.trustees[secrets.number - 1].public_share):
        raise MisuseError(f"the share of trustee {secrets.number} is NOT the one that is kept here: restore the backup")
    if now_s >= election.closes_at:
        closes = shown_time(election.closes_at)
        raise MisuseError(f"by this machine's clock the election is over: it closes at {closes}")


def record_lines(election: Election) -> Iterator[str]:
    """Yield what a trustee's person compares with what was agreed, and what should give a pause."""
    if election.rehearsal:
        yield "a REHEARSAL: nothing counts"
    yield f"title: {election.title}"
    for poll in election.polls:
        yield f"poll {poll.id}: {poll.title}"
    yield f"opens {shown_time(election.opens_at)}, closes {shown_time(election.closes_at)}"
    yield f"voters: {election.voters:,}; codes are erased by {shown_time(election.codes_erased_by)}"
    trustees = ", ".join(each.name for each in election.trustees)
    yield f"trustees: {trustees}; {election.threshold} of them decrypt"
    yield f"mixers: {', '.join(each.name for each in election.mixers)}"
    yield f"administrator: {election.administrator.name}; board: {election.board.name}"
    yield f"credential authority: {election.credential_authority.name}"
    yield from hidden_by_nothing(election)


def hidden_by_nothing(election: Election) -> Iterator[str]:
    """Yield what in a record keeps it from hiding who voted how."""
    if len(election.mixers) == 1:
        yield "there is only one mixer: it knows whose ballot is whose, and no other hides it"
    if election.voters == 1:
        yield "there is only one voter: the result is that voter's ballot"
