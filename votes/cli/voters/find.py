"""`loopixmix vote find`: is my ballot there, and does it count?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopixmix.errors import MisuseError
from votes.cli.outside import AS_JSON, PUBLISHED

if TYPE_CHECKING:
    from votes.record.entries import Entry


@click.command()
@PUBLISHED
@click.argument("wanted", metavar="CODE|CREDENTIAL")
@AS_JSON
def find(published: Path, wanted: str, as_json: bool) -> None:
    """Find a ballot in the published election in PUBLISHED by its tracking code, and tell whether it counts.

    A credential in hexadecimal finds all ballots that it cast. Of a ballot that was challenged, the choices are shown.
    """
    from loopixmix.group.ristretto import ristretto255
    from votes.ballot.wording import choice_in_words
    from votes.cli.folder import FolderElection
    from votes.results.wording import visible
    from votes.shuffle.chunks import Unwatched
    from votes.verify.finding import find_ballots
    from votes.verify.verifier import Verification

    verification = Verification(FolderElection(published), ristretto255(), Unwatched())
    verification.record()
    verification.list_of_credentials()
    verification.entries()
    polls, times = verification.known.election.polls, _times(verification.log.ballots)
    found = list(find_ballots(verification.known, verification.credentials, verification.log, wanted))
    if not found:
        raise MisuseError(f"{published}: no ballot there has the tracking code or credential {wanted}")
    if as_json:
        told = [
            {
                "entry": each.entry,
                "ballot": each.ballot.tracking_code,
                "stored_at": times[each.entry].isoformat() if each.entry in times else None,
                "fate": each.fate,
                "says": [choice_in_words(poll, choice) for poll, choice in zip(polls, each.says, strict=False)],
            }
            for each in found
        ]
        return click.echo(json.dumps(told))
    for each in found:
        stored = f", stored on {times[each.entry]:%d %B %Y, %H:%M} UTC" if each.entry in times else ""
        click.echo(f"entry {each.entry}, ballot {each.ballot.tracking_code}{stored}: {each.fate}")
        for poll, choice in zip(polls, each.says, strict=False):
            # Somebody else's ballot may have a text that moves the cursor.
            click.echo(f"  {poll.title}: {visible('; '.join(choice_in_words(poll, choice)))}")
    return None


def _times(ballots: list[tuple[int, Entry]]) -> dict[int, datetime]:
    """Return when each ballot was stored."""
    return {index: datetime.fromtimestamp(entry.at_s, UTC) for index, entry in ballots}
