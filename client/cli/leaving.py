"""Commands for a user who leaves: take everything along, erase everything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from client.cli.outside import DIRECTORY, JSON, console, show_json

if TYPE_CHECKING:
    from client.leaving.erasure import WhatIsErased


@click.command()
@DIRECTORY
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--keys", is_flag=True, help="Also the secret keys, with which others could act in your name.")
@JSON
def export(directory: Path, file: Path, keys: bool, as_json: bool) -> None:
    """Write all that is kept about you into a new zip FILE.

    That is account, contacts, messages in and out with their history, requests, tokens and settings, as text and JSON;
    README.txt in the archive explains it. The client may be running. The archive is not encrypted: keep it safe.
    """
    from client.leaving.archive import export_client
    from loopixmix.progress import Bar

    if keys:
        click.echo("WARNING: who gets this file can read your messages and write in your name", err=True)
    with Bar(console(sys.stderr)) as bar:
        done = export_client(directory, file, keys=keys, progress=bar.show)
    if as_json:
        return show_json(done)
    return click.echo(f"{file}: {done.rows:,} rows and {done.contents:,} contents, {done.file_bytes:,} bytes")


@click.command()
@DIRECTORY
@click.option("--yes", is_flag=True, help="Do not ask.")
@JSON
def erase(directory: Path, yes: bool, as_json: bool) -> None:
    """Erase a client with its keys and messages, for ever.

    It must have been stopped. What others have cannot be recalled: the messages that you sent, and the account at your
    provider until its operator removes it.
    """
    from client.leaving.erasure import erase_client, look_before_erasing

    keeping = look_before_erasing(directory)
    if not yes:
        click.echo(_warning(directory, keeping), err=True)
        click.confirm("Erase it for ever?", abort=True, err=True)
    erased = erase_client(directory)
    if as_json:
        return show_json(erased)
    click.echo(f"{directory}: {erased.files} files, {erased.file_bytes:,} bytes, overwritten and deleted")
    if erased.left:
        click.echo(f"left, because it is not the client's: {', '.join(erased.left)}")
    click.echo(_what_stays(keeping))
    return None


def _warning(directory: Path, keeping: WhatIsErased) -> str:
    whose = "no account" if keeping.account is None else keeping.account.address or "a guest's account"
    return (
        f"{directory}: {whose}, {keeping.received:,} received and {keeping.sent:,} sent messages, "
        f"{keeping.contacts:,} contacts, keys. Without the keys the account cannot be used again, and mail that still "
        f"comes cannot be opened. Take everything along first with  loopixmix client export {directory} FILE"
    )


def _what_stays(keeping: WhatIsErased) -> str:
    lines = ["What cannot be erased from here:"]
    account = keeping.account
    if account is not None and account.is_guest:
        lines.append(
            f"- The guest's account at {account.provider_name}: it ends by itself, after 30 days without use unless "
            "the operator has set others, with all that waits for it."
        )
    elif account is not None:
        lines += [
            f"- The account {account.address}: the network has no way to close it. The provider keeps the name, the "
            "public keys and the day of registration until its operator removes them. Ask for it; the operator runs",
            f"      loopixmix provider accounts remove DIR {account.name}",
            "- Sealed mail that waits there: removed with the account, otherwise when it expires, after 30 days unless "
            "the operator has set others.",
        ]
    lines += [
        "- Messages that you sent, and your address and keys, at those who have them.",
        "- Copies of the directory, such as backups. Flash disks and some file systems also keep what was overwritten "
        "for a while: only an encrypted disk is a remedy.",
    ]
    return "\n".join(lines)
