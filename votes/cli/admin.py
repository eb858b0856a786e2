"""`loopixmix vote admin`: plan an election, freeze its record, sign its steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopixmix.errors import MisuseError, PeerError
from votes.cli.outside import AS_JSON, DIRECTORY, vote_outside
from votes.cli.public import URL, perform_at

if TYPE_CHECKING:
    from votes.public.calls import PublicBoard
    from votes.record.entries import EntryKind

PLACE = click.argument("place", metavar="PLACE", type=click.Path(path_type=Path, file_okay=False))


@click.group()
def admin() -> None:
    """Plan an election and hold it.

    `init` makes an administrator with a plan to be written, `draft` gives the draft to the trustees, `freeze` makes
    the record when they have the key.
    """


@admin.command()
@DIRECTORY
@click.option("--survey", is_flag=True, help="A plan of an anonymous survey: an election without a winner.")
def init(directory: Path, survey: bool) -> None:
    """Make an administrator in DIR, with a plan that you then change."""
    from votes.administration.folder import PLAN, AdministratorFolder

    made = AdministratorFolder.create(directory, vote_outside().rng, survey=survey)
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
@click.option(
    "--listed",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="What `credentials sign` wrote: refuse any other draft than the one that was signed.",
)
@AS_JSON
def freeze(directory: Path, place: Path, listed: Path | None, as_json: bool) -> None:
    """Make the record from the draft and the key in PLACE; from then on nothing changes."""
    from loopixmix.group.ristretto import ristretto255
    from votes.administration.folder import RECORD, AdministratorFolder
    from votes.administration.freezing import freeze as frozen
    from votes.record.election import decode_draft, draft_digest
    from votes.record.fingerprint import shown
    from votes.record.phases import Phase, open_transition
    from votes.trustees.meeting import FolderMeeting

    folder, meeting = AdministratorFolder(directory), FolderMeeting(place)
    draft = decode_draft(meeting.draft())
    if listed is not None:
        try:
            open_transition(listed.read_bytes(), draft, draft_digest(draft), phase=Phase.DRAFT)
        except PeerError as error:
            raise MisuseError(f"{listed}: the credential authority did not sign this draft: {error}") from error
    election = frozen(draft, meeting.statements(), ristretto255())
    fingerprint = folder.keep(election)
    if as_json:
        return click.echo(json.dumps({"record": str(directory / RECORD), "fingerprint": shown(fingerprint)}))
    click.echo(f"{directory / RECORD}: frozen. The fingerprint of the election is\n{shown(fingerprint)}")
    return click.echo("Tell it to voters and auditors by another way than this record, such as on paper.")


@admin.command()
@DIRECTORY
@URL
def start(directory: Path, url: str) -> None:
    """Give the frozen record to the board at URL.

    It opens the election when its time has come and all trustees have signed the record.
    """
    from votes.administration.folder import SIGNED_RECORD, AdministratorFolder
    from votes.record.entries import EntryKind

    folder = AdministratorFolder(directory)
    body = (folder.path / SIGNED_RECORD).read_bytes() if (folder.path / SIGNED_RECORD).exists() else b""
    if not body:
        raise MisuseError(f"{directory}: nothing is frozen yet; see `loopixmix vote admin freeze`")
    _hand_in(url, EntryKind.RECORD, body)
    click.echo("now each trustee signs it: loopixmix vote trustee sign-record; the board opens when all have")


@admin.command("go-on")
@DIRECTORY
@URL
@click.argument("phase", type=click.Choice(["mixed", "decrypted", "published", "abandoned"]))
@click.option("--reason", default="", help="Why the election is abandoned; everybody sees it.")
def go_on(directory: Path, url: str, phase: str, reason: str) -> None:
    """Tell the board at URL that the election is now in PHASE: all have mixed, decrypted, or the result is out."""
    from votes.administration.folder import AdministratorFolder
    from votes.record.canonical import Hex
    from votes.record.entries import EntryKind
    from votes.record.phases import Phase, Transition
    from votes.record.statements import sign_statement

    folder = AdministratorFolder(directory)
    before = {"mixed": Phase.CLOSED, "decrypted": Phase.MIXED, "published": Phase.DECRYPTED}.get(phase)
    fingerprint = folder.fingerprint()

    async def work(board: PublicBoard) -> None:
        import msgspec

        state = msgspec.json.decode(await board.get("/v1/state"))
        statement = Transition(
            fingerprint=Hex(fingerprint),
            before=before or Phase(state["phase"]),
            after=Phase(phase),
            at_s=int(vote_outside().now_s()),
            reason=reason,
        )
        entry = await board.announce(EntryKind.TRANSITION, sign_statement(statement, folder.key))
        click.echo(f"entry {entry}: the election is {phase}")

    perform_at(url, work)


@admin.command()
@DIRECTORY
@URL
@click.argument("entry", type=click.IntRange(min=0))
@click.option("--reason", required=True, help="Why; everybody sees it.")
def exclude(directory: Path, url: str, entry: int, reason: str) -> None:
    """Exclude the ballot in ENTRY of the board's log; the exclusion and its reason are public."""
    from votes.administration.folder import AdministratorFolder
    from votes.record.canonical import Hex
    from votes.record.entries import EntryKind
    from votes.record.statements import Exclusion, sign_statement

    folder = AdministratorFolder(directory)
    statement = Exclusion(fingerprint=Hex(folder.fingerprint()), entry=entry, reason=reason)
    _hand_in(url, EntryKind.EXCLUSION, sign_statement(statement, folder.key))


def _hand_in(url: str, kind: EntryKind, body: bytes) -> None:
    async def work(board: PublicBoard) -> None:
        click.echo(f"{url}: entry {await board.announce(kind, body)} of the board")

    perform_at(url, work)
