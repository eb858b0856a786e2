"""`loopixmix vote board`: keep the log of an election."""

from __future__ import annotations

import json
from pathlib import Path

import click

from loopixmix.errors import MisuseError
from votes.cli.outside import AS_JSON, DIRECTORY, vote_outside


@click.group()
def board() -> None:
    """Keep the log of an election, for voters over the network and for everybody else over HTTPS.

    `init` makes a board in DIR, `run` runs it beside a provider. One board has one election.
    """


@board.command()
@DIRECTORY
@click.option("--administrator", required=True, metavar="IDENTITY", help="Whose record is taken: 64 digits.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the public face listens.")
@click.option("--port", default=8420, show_default=True, help="At which port.")
@click.option("--certificate", default="", help="A certificate chain in PEM, for other hosts than loopback.")
@click.option("--key", default="", help="Its key.")
@click.option("--store", default="", help="A PostgreSQL database; otherwise a file in DIR.")
@click.option("--name", default="Board", show_default=True, help="The board's name, as the record will show it.")
def init(
    directory: Path, administrator: str, host: str, port: int, certificate: str, key: str, store: str, name: str
) -> None:
    """Make a board in DIR, and print what the administrator needs."""
    from votes.board.running.directory import BoardConfig, BoardDirectory

    config = BoardConfig(
        administrator=administrator, host=host, port=port, certificate=certificate, key=key, store=store
    )
    made = BoardDirectory.create(directory, config, vote_outside().rng)
    click.echo(json.dumps({"name": name, "identity": made.party_key().identity.hex()}))


@board.command()
@DIRECTORY
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def credentials(directory: Path, file: Path) -> None:
    """Give the board the list of credentials in FILE.

    Auditors download it, and voters can then vote with the code alone. A board that runs takes it up within seconds;
    `status` tells.
    """
    from loopixmix.group.ristretto import ristretto255
    from votes.board.running.directory import BoardDirectory
    from votes.credentials.listing import CredentialList

    group = ristretto255()
    listed = CredentialList(file.read_bytes(), group.element_bytes)
    listed.check_members(group)
    BoardDirectory(directory).put_credentials(listed.data)
    click.echo(f"{len(listed)} credentials; their root is {listed.root.hex()}")


@board.command()
@DIRECTORY
@click.option("--check-config", is_flag=True, help="Only check the configuration.")
def run(directory: Path, check_config: bool) -> None:
    """Run the board of DIR until SIGTERM or ctrl-C.

    It opens and closes the election by its clock.
    """
    from loopixmix.group.ristretto import ristretto255
    from votes.board.running.directory import LOCK_FILE, BoardDirectory

    found = BoardDirectory(directory)
    found.party_key()
    if check_config:
        from votes.board.running.checking import check_board

        check_board(found)
        click.echo(f"{directory}: the configuration is good")
        return
    from loopixmix.process.main import run_program
    from votes.board.running.program import BoardProgram

    run_program(directory / LOCK_FILE, lambda world: BoardProgram(found, ristretto255(), world=world))


@board.command()
@DIRECTORY
@AS_JSON
def status(directory: Path, as_json: bool) -> None:
    """Tell how a board that runs is."""
    from loopixmix.process.status import told_by_holder
    from votes.board.running.directory import LOCK_FILE

    told = told_by_holder(directory / LOCK_FILE)
    if told is None:
        raise MisuseError(f"{directory}: no board runs here")
    if as_json:
        click.echo(told)
        return
    found = json.loads(told)
    for name, value in found.items():
        click.echo(f"{name.replace('_', ' ')}: {value}")
