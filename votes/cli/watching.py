"""`loopixmix vote trustee sign-record`, `object` and `watch`: what trustees do between the freeze and the tally."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from loopixmix.errors import MisuseError
from votes.cli.outside import DIRECTORY, OUT, vote_outside
from votes.cli.public import URL, perform_at, perform_with
from votes.cli.trustee import PASSPHRASE, read_passphrase

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime
    from twisted.internet.posixbase import PosixReactorBase

    from votes.public.calls import PublicBoard

WATCH_LOCK = "watch.lock"


@click.command("sign-record")
@DIRECTORY
@click.argument("record", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.argument("backup", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@OUT
@PASSPHRASE
@click.option("--yes", is_flag=True, help="Do not ask: you have compared dates, mixers and all the rest before.")
def sign_record(
    directory: Path, record: Path, backup: Path, out: Path, passphrase_file: Path | None, yes: bool
) -> None:
    """Check the frozen RECORD and this trustee's BACKUP, and sign the record; the signature goes to OUT.

    The board opens the election when all trustees signed. `submit` hands OUT in. RECORD is what the board has: `fetch`
    loads it. If a check fails, do not sign, and object in public: an administrator who froze a key of their own could
    read every ballot.
    """
    from loopixmix.group.ristretto import ristretto255
    from loopixmix.process.files import PUBLIC_FILE, make_directory, write_atomically
    from votes.record.fingerprint import shown
    from votes.record.trustees import sign_approval
    from votes.trustees.approving import check_frozen, record_lines
    from votes.trustees.backup import open_backup
    from votes.trustees.directory import TrusteeDirectory
    from votes.verify.opened import opened_record
    from votes.verify.published import APPROVAL, announcement_of

    own = TrusteeDirectory(directory)
    opened = opened_record(record.read_bytes(), ristretto255())
    secrets = own.secrets()
    try:
        check_frozen(opened.election, opened.group, secrets, vote_outside().now_s())
    except MisuseError as error:
        raise MisuseError(f"{record}: {error}") from error
    if open_backup(backup.read_bytes(), read_passphrase(passphrase_file, confirm=False)) != secrets:
        raise MisuseError(f"{backup}: opens, but is the backup of another trustee, or of another key")
    for line in record_lines(opened.election):
        click.echo(line)
    click.echo(f"fingerprint: {shown(opened.fingerprint)}")
    click.echo("the key is the one that the trustees made together, and the backup opens")
    if not yes and not click.confirm("Is all of it as it was agreed? Then it is signed"):
        raise MisuseError("not signed; say in public what is wrong")
    make_directory(out)
    signed = sign_approval(opened.fingerprint, secrets.number, own.signing_key)
    write_atomically(out / announcement_of(APPROVAL), signed, mode=PUBLIC_FILE)
    click.echo(f"signed as trustee {secrets.number}; next:  loopixmix vote submit URL {out}")


@click.command()
@DIRECTORY
@URL
@click.argument("published", metavar="PUBLISHED", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--every-s", type=click.FloatRange(1), default=30.0, show_default=True, help="The pause between two looks."
)
def watch(directory: Path, url: str, published: Path, every_s: float) -> None:
    """Follow the log of the board at URL until the election closes, and check ballots while they come.

    The log goes into PUBLISHED, as `fetch` does it. `decrypt` does not check again what was checked here. Stopped, it
    goes on where it was when it is run again. If the board opens or closes at another time than the record says, by
    this machine's clock, an objection goes into the log, for everybody to see.
    """
    from loopixmix.group.ristretto import ristretto255
    from loopixmix.process.files import DirectoryLock
    from votes.trustees.directory import TrusteeDirectory
    from votes.watching.following import WatchSetting, follow

    own, outside = TrusteeDirectory(directory), vote_outside()

    async def work(board: PublicBoard, reactor: PosixReactorBase) -> None:
        from twisted.internet.task import deferLater

        async def pause() -> None:
            await deferLater(cast("IReactorTime", reactor), every_s, lambda: None)

        setting = WatchSetting(board, directory, published, own.signing_key, click.echo, pause, outside.now_s)
        await follow(setting, ristretto255())

    with DirectoryLock(directory / WATCH_LOCK):
        perform_with(url, work)


@click.command("object")
@DIRECTORY
@URL
@click.option("--reason", required=True, help="What is wrong; everybody sees it for ever.")
def object_to_it(directory: Path, url: str, reason: str) -> None:
    """Say in the log of the board at URL that something is wrong, for everybody to see.

    Such as: this record has another key. Verifiers show it, and whether it matters is for people to judge.
    """
    from loopixmix.group.ristretto import ristretto255
    from votes.trustees.directory import TrusteeDirectory
    from votes.watching.following import object_in_public

    key, now_s = TrusteeDirectory(directory).signing_key, vote_outside().now_s()

    async def work(board: PublicBoard) -> None:
        entry = await object_in_public(board, ristretto255(), key, reason, now_s)
        click.echo(f"entry {entry} of the board has the objection")

    perform_at(url, work)
