"""`loopixmix vote trustee`: make the key of an election with others, and back it up."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopixmix.errors import MisuseError
from votes.cli.outside import DIRECTORY, vote_outside

if TYPE_CHECKING:
    from votes.record.election import Election
    from votes.trustees.generation import Ceremony
    from votes.trustees.making import KeyMaking, MadeKey
    from votes.trustees.meeting import Meeting
    from votes.trustees.statements import KeyStatement

PAUSE_S = 1.0
PLACE = click.argument("place", metavar="PLACE", type=click.Path(path_type=Path, file_okay=False))
PASSPHRASE = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Read the passphrase from the first line of this file.  [default: ask]",
)


@click.group()
def trustee() -> None:
    """Hold a share of an election's key.

    `init` makes a trustee, `make-key` the key, with all other trustees; `backup` and `check-backup` keep it safe.
    `sign-record` signs the frozen record, `watch` checks ballots while they come, and `decrypt` decrypts. `object` says
    in public that something is wrong.
    """


@trustee.command()
@DIRECTORY
@click.option("--name", required=True, help="Your name, as the record of the election will show it.")
def init(directory: Path, name: str) -> None:
    """Make a trustee in DIR, and print the lines that the administrator needs."""
    from votes.trustees.directory import TrusteeDirectory

    made = TrusteeDirectory.create(directory, vote_outside().rng)
    card = {"name": name, "identity": made.signing_key.identity.hex(), "encryption_key": made.encryption_key.hex()}
    click.echo(json.dumps(card))


@trustee.command("make-key")
@DIRECTORY
@PLACE
@click.option("--wait/--no-wait", default=True, help="Wait for the other trustees, or say what is missing and end.")
def make_key(directory: Path, place: Path, wait: bool) -> None:
    """Make the election's key together with the other trustees, who meet in the folder PLACE.

    Each trustee runs this command. Stopped, it goes on where it was when it is run again.
    """
    from loopixmix.group.ristretto import ristretto255
    from votes.administration.freezing import ceremony_of
    from votes.record.election import decode_draft
    from votes.trustees.directory import TrusteeDirectory
    from votes.trustees.making import KeyMaking
    from votes.trustees.meeting import FolderMeeting

    outside, meeting = vote_outside(), FolderMeeting(place)
    own = TrusteeDirectory(directory)
    election = decode_draft(meeting.draft())
    ceremony = ceremony_of(election, ristretto255())
    number = _own_number(election, own.signing_key.identity)
    with own.lock:
        making = KeyMaking(
            ceremony,
            own.part(ceremony, number, outside.rng),
            signing_key=own.signing_key,
            decryption_key=own.decryption_key,
            encryption_keys=[each.encryption_key for each in election.trustees],
        )
        told = ""
        while (made := _turn(ceremony, election, meeting, making)) is None:
            awaited = f"waiting for {_awaited(ceremony, election, meeting)}"
            if not wait:
                raise MisuseError(f"the key is not made yet: {awaited}")
            if awaited != told:
                click.echo(told := awaited)
            outside.pause(PAUSE_S)
        own.keep(ceremony, made)
    click.echo(f"the key is made; {made.key.threshold} of {ceremony.trustees} trustees decrypt with it")
    click.echo(f"now back it up: loopixmix vote trustee backup {directory} {place} FILE")


@trustee.command()
@DIRECTORY
@PLACE
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@PASSPHRASE
def backup(directory: Path, place: Path, file: Path, passphrase_file: Path | None) -> None:
    """Write a backup of DIR to FILE, read it again, and tell the others in PLACE that it opens."""
    from loopixmix.group.ristretto import ristretto255
    from loopixmix.process.files import write_atomically
    from votes.administration.freezing import ceremony_of
    from votes.record.election import decode_draft
    from votes.trustees.backup import open_backup, seal_backup
    from votes.trustees.directory import TrusteeDirectory
    from votes.trustees.meeting import FolderMeeting
    from votes.trustees.statements import KeyStep, sign_key_statement

    meeting, own = FolderMeeting(place), TrusteeDirectory(directory)
    election = decode_draft(meeting.draft())
    ceremony = ceremony_of(election, ristretto255())
    if file.exists():
        raise MisuseError(f"{file}: is there already")
    secrets = own.secrets()
    own.share(ceremony)
    passphrase = read_passphrase(passphrase_file, confirm=True)
    write_atomically(file, seal_backup(secrets, passphrase, vote_outside().rng))
    # From the disk, and opened: a backup that was never read is a hope.
    if open_backup(file.read_bytes(), passphrase) != secrets:
        raise MisuseError(f"{file}: what was read is not what was written; use another disk")
    number = _own_number(election, own.signing_key.identity)
    meeting.publish(sign_key_statement(ceremony, own.signing_key, KeyStep.BACKUP, number, b"").encode(ceremony))
    click.echo(f"{file}: the backup opens. Keep it apart from this machine, and the passphrase apart from both")


@trustee.command("check-backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@PASSPHRASE
def check_backup(file: Path, passphrase_file: Path | None) -> None:
    """Tell whether the backup in FILE opens."""
    from votes.trustees.backup import open_backup

    secrets = open_backup(file.read_bytes(), read_passphrase(passphrase_file, confirm=False))
    click.echo(f"{file}: the backup opens; it is that of trustee {secrets.number}")


@trustee.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@DIRECTORY
@PASSPHRASE
def restore(file: Path, directory: Path, passphrase_file: Path | None) -> None:
    """Make the trustee of the backup FILE again, in DIR."""
    from votes.trustees.backup import open_backup
    from votes.trustees.directory import TrusteeDirectory

    secrets = open_backup(file.read_bytes(), read_passphrase(passphrase_file, confirm=False))
    TrusteeDirectory.restore(directory, secrets)
    click.echo(f"{directory}: trustee {secrets.number} is back")
    click.echo("it does not know what it decrypted before: `decrypt` will ask for the head that another trustee has")


def _own_number(election: Election, identity: bytes) -> int:
    identities = [bytes(each.identity) for each in election.trustees]
    if identity not in identities:
        raise MisuseError("this trustee is not one of the election's; the administrator has to put its lines in")
    return identities.index(identity) + 1


def _turn(ceremony: Ceremony, election: Election, meeting: Meeting, making: KeyMaking) -> MadeKey | None:
    """Publish all that is due, and return the key if it is made."""
    from votes.trustees.making import KeyStatements

    published = KeyStatements(_published(ceremony, election, meeting))
    while due := making.next_statements(published):
        for statement in due:
            meeting.publish(statement.encode(ceremony))
        published = KeyStatements(_published(ceremony, election, meeting))
    return making.made(published)


def _published(ceremony: Ceremony, election: Election, meeting: Meeting) -> list[KeyStatement]:
    from votes.trustees.statements import decode_key_statement

    identities = [each.identity for each in election.trustees]
    return [decode_key_statement(ceremony, identities, each) for each in meeting.statements()]


def _awaited(ceremony: Ceremony, election: Election, meeting: Meeting) -> str:
    from votes.trustees.making import KeyStatements
    from votes.trustees.statements import KeyStep

    published = KeyStatements(_published(ceremony, election, meeting))
    for step in (KeyStep.PROMISE, KeyStep.OPENING, KeyStep.SHARES, KeyStep.WORD):
        missing = [number for number in ceremony.numbers if published.body(step, number) is None]
        if missing:
            return f"{_names(election, missing)} ({step.name.lower()})"
    return "an answer to a complaint"


def _names(election: Election, numbers: Iterable[int]) -> str:
    return ", ".join(election.trustees[number - 1].name for number in numbers)


def read_passphrase(file: Path | None, *, confirm: bool) -> str:
    """Return the passphrase: the first line of a file, or what the person types."""
    if file is None:
        return str(click.prompt("passphrase", hide_input=True, confirmation_prompt=confirm))
    lines: Sequence[str] = file.read_text().splitlines()
    if not lines:
        raise MisuseError(f"{file}: there is no passphrase in it")
    return lines[0]
