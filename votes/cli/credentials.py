"""`loopixmix vote credentials`: the credential authority, who gives each voter a code."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopixmix.errors import MisuseError
from votes.cli.outside import AS_JSON, DIRECTORY, vote_outside

if TYPE_CHECKING:
    from votes.credentials.authority import CredentialAuthority, Progress

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
NEW_FILE = click.Path(path_type=Path, dir_okay=False)
VOTER = click.argument("voter", metavar="ID")


@click.group()
def credentials() -> None:
    """Say who may vote, and give each voter a code.

    An authority is a folder DIR, on a machine that is not the board's: `init` makes it, `voters` and `draw` fill it,
    `freeze` ends all changes, `invitations` and `reminders` write files for a mail merge, `erase` forgets who is who.
    """


@credentials.command()
@DIRECTORY
@click.option("--name", required=True, help="The authority's name, as the record of the election will show it.")
def init(directory: Path, name: str) -> None:
    """Make a credential authority in DIR, and print what the administrator needs."""
    from loopixmix.group.ristretto import ristretto255
    from votes.credentials.folder import AuthorityFacts, AuthorityFolder
    from votes.record.rules.elections import SALT_BYTES

    rng = vote_outside().rng
    facts = AuthorityFacts(name=name, group=ristretto255().name, salt=rng.randbytes(SALT_BYTES).hex())
    folder = AuthorityFolder.create(directory, facts, rng)
    click.echo(json.dumps({"name": name, "identity": folder.key().identity.hex()}))


@credentials.command()
@DIRECTORY
@click.argument("file", type=FILE)
@click.option("--require", "required", multiple=True, metavar="COLUMN", help="A column that no line may leave empty.")
@click.option("--shared-addresses", is_flag=True, help="Several voters may have one value in the column email.")
def voters(directory: Path, file: Path, required: tuple[str, ...], shared_addresses: bool) -> None:
    """Take all voters from the CSV file FILE, in place of those before.

    The first line names the columns. `id` has to be there and tells voters apart. If anything is wrong, all of it is
    said, and nothing is taken.
    """
    from votes.credentials.voters import EMAIL, VoterFileError, VoterRules

    with _authority(directory) as (authority, progress):
        try:
            rules = VoterRules(required=required, unique=() if shared_addresses else (EMAIL,))
            count = authority.take_voters(file.read_bytes(), rules, progress)
        except VoterFileError as error:
            for line in error.lines():
                click.echo(f"{file}: {line}", err=True)
            raise MisuseError(f"{file}: {error}") from error
    click.echo(f"{count} voters; next:  loopixmix vote credentials draw {directory}")


@credentials.command()
@DIRECTORY
def draw(directory: Path) -> None:
    """Draw a code for each voter, make the list of credentials, and print what belongs into the record."""
    with _authority(directory) as (authority, progress):
        made = authority.draw_codes(progress)
        facts = {"voters": len(made), "credential_root": made.root.hex(), "salt": authority.salt.hex()}
    click.echo(json.dumps(facts))


@credentials.command()
@DIRECTORY
@click.argument("draft", type=FILE)
@click.argument("out", type=NEW_FILE)
def sign(directory: Path, draft: Path, out: Path) -> None:
    """Sign that the draft of the election in DRAFT has this authority's list; the statement goes to OUT."""
    from votes.credentials.folder import write_private

    with _authority(directory) as (authority, _):
        write_private(out, [authority.sign_list(draft.read_bytes(), vote_outside().now_s())])
    click.echo(f"{out}: signed; it belongs to the administrator")


@credentials.command()
@DIRECTORY
@click.argument("record", type=FILE)
@AS_JSON
def freeze(directory: Path, record: Path, as_json: bool) -> None:
    """Take over the complete record in RECORD, if it has this authority's list; from then on nothing changes."""
    from votes.record.fingerprint import shown

    with _authority(directory) as (authority, _):
        fingerprint = authority.freeze(record.read_bytes())
    if as_json:
        return click.echo(json.dumps({"fingerprint": shown(fingerprint)}))
    return click.echo(f"frozen; the fingerprint of the election is\n{shown(fingerprint)}")


@credentials.command()
@DIRECTORY
@click.argument("out", type=NEW_FILE)
def invitations(directory: Path, out: Path) -> None:
    """Write the new file OUT (CSV), from which invitations with codes are mailed.

    It is as secret as the codes in it: delete it when the invitations are out.
    """
    with _authority(directory) as (authority, progress):
        authority.write_invitations(out, progress)
    click.echo(f"{out}: written; delete it when the invitations are out")


@credentials.command()
@DIRECTORY
@click.argument("out", type=NEW_FILE)
def reminders(directory: Path, out: Path) -> None:
    """Write the new file OUT (CSV), from which every voter is reminded; nobody knows who has voted."""
    with _authority(directory) as (authority, _):
        authority.write_reminders(out)
    click.echo(f"{out}: written; it has every voter, whether they have voted or not")


@credentials.command()
@DIRECTORY
@VOTER
def renew(directory: Path, voter: str) -> None:
    """Give the voter ID, who lost the code, a new one; only before the freeze.

    The list of credentials changes with it: print it by `draw`, and change the draft.
    """
    from votes.credentials.codes import shown_code

    with _authority(directory) as (authority, progress):
        code = authority.renew(voter, progress)
    click.echo(shown_code(code))


@credentials.command()
@DIRECTORY
@VOTER
@click.option("--reason", required=True, help="Why; it is kept.")
def exclude(directory: Path, voter: str, reason: str) -> None:
    """Take out the voter ID.

    Before the freeze the list changes: print it by `draw`. After the freeze the credential is printed, so that the
    administrator excludes the ballots that it casts, with the reason, for all to see.
    """
    with _authority(directory) as (authority, progress):
        removed = authority.remove(voter, reason, vote_outside().now_s(), progress)
    click.echo(f"credential {removed.credential}" if removed.credential else "taken out; the list has changed")


@credentials.command()
@DIRECTORY
@click.argument("out", type=NEW_FILE)
def erase(directory: Path, out: Path) -> None:
    """Erase codes, and who has which credential; the signed statement of that goes to OUT, for the board.

    Afterwards no voter can be excluded, and no invitation be sent again.
    """
    from votes.credentials.folder import write_private

    with _authority(directory) as (authority, _):
        statement = authority.erase(vote_outside().now_s())
    write_private(out, [statement])
    click.echo(f"erased; {out} says so; next:  loopixmix vote submit URL {out}")


@credentials.command()
@DIRECTORY
@AS_JSON
def status(directory: Path, as_json: bool) -> None:
    """Tell how far the authority is, and what it has to do by when."""
    from votes.credentials.telling import status_lines, status_of

    with _authority(directory) as (authority, _):
        found = status_of(authority, vote_outside().now_s())
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(found).decode())
        return
    for line in status_lines(found):
        click.echo(line)


@contextlib.contextmanager
def _authority(directory: Path) -> Iterator[tuple[CredentialAuthority, Progress]]:
    """Give the authority of a folder to this process alone, and a bar that shows its progress."""
    from rich.console import Console

    from loopixmix.group.ristretto import ristretto255
    from loopixmix.process.files import DirectoryLock
    from loopixmix.progress import Bar
    from votes.credentials.authority import CredentialAuthority
    from votes.credentials.folder import CONFIG_FILE, LOCK_FILE, AuthorityFolder

    if not (directory / CONFIG_FILE).exists():
        raise MisuseError(f"{directory}: there is no credential authority; `loopixmix vote credentials init` makes one")
    with DirectoryLock(directory / LOCK_FILE), Bar(Console(stderr=True)) as bar:
        yield CredentialAuthority(AuthorityFolder(directory), ristretto255(), rng=vote_outside().rng), bar.show
