"""`loopixmix vote admin`: plan an election, freeze its record, sign its steps."""

from __future__ import annotations

from pathlib import Path

import click

from votes.cli.outside import DIRECTORY, vote_outside

PLACE = click.argument("place", metavar="PLACE", type=click.Path(path_type=Path, file_okay=False))


@click.group()
def admin() -> None:
    """Plan an election and hold it.

    `init` makes an administrator with a plan to be written, `draft` gives the draft to the trustees, `freeze` makes
    the record when they have the key.
    """


@admin.command()
@DIRECTORY
def init(directory: Path) -> None:
    """Make an administrator in DIR, with a plan that you then change."""
    from votes.administration.folder import PLAN, AdministratorFolder

    made = AdministratorFolder.create(directory, vote_outside().rng)
    click.echo(f"the administrator's identity is {made.key.identity.hex()}")
    click.echo(f"now write {directory / PLAN}, then: loopixmix vote admin draft {directory} PLACE")


@admin.command()
@DIRECTORY
@PLACE
@click.option("--rehearsal", is_flag=True, help="An election with test ballots; its result is shown as such.")
def draft(directory: Path, place: Path, rehearsal: bool) -> None:
    """Check the plan, and put the draft into the folder PLACE, where the trustees make the key.

    A draft that the trustees have begun with is not replaced.
    """
    from loopixmix.group.ristretto import ristretto255
    from votes.administration.folder import AdministratorFolder
    from votes.record.election import encode_election
    from votes.trustees.meeting import FolderMeeting

    election = AdministratorFolder(directory).draft(ristretto255(), rehearsal=rehearsal)
    FolderMeeting(place).put_draft(encode_election(election))
    names = ", ".join(trustee.name for trustee in election.trustees)
    click.echo(f"{place}: the draft of {election.title!r} is there")
    click.echo(f"now each trustee ({names}) runs: loopixmix vote trustee make-key DIR {place}")


@admin.command()
@DIRECTORY
@PLACE
def freeze(directory: Path, place: Path) -> None:
    """Make the record from the draft and the key in PLACE; from then on nothing changes."""
    from loopixmix.group.ristretto import ristretto255
    from votes.administration.folder import RECORD, AdministratorFolder
    from votes.administration.freezing import freeze as frozen
    from votes.record.election import decode_draft
    from votes.record.fingerprint import shown
    from votes.trustees.meeting import FolderMeeting

    folder, meeting = AdministratorFolder(directory), FolderMeeting(place)
    election = frozen(decode_draft(meeting.draft()), meeting.statements(), ristretto255())
    fingerprint = folder.keep(election)
    click.echo(f"{directory / RECORD}: frozen. The fingerprint of the election is\n{shown(fingerprint)}")
    click.echo("Tell it to voters and auditors by another way than this record, such as on paper.")
