"""Commands about the account, and the tokens that pay for one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from client.cli.outside import DIRECTORY, JSON, converse, show, show_json
from client.core.arguments import LISTING

if TYPE_CHECKING:
    from client.cli.command_run import CommandRun

REGISTER_WAIT_S = 15.0


@click.command()
@DIRECTORY
@click.argument("address", metavar="NAME@PROVIDER", default="")
@click.option("--invitation", default="", help="The code, if the provider asks for one.")
@click.option("--guest", is_flag=True, help="Without a name: to ask services, and to send anonymous messages.")
@click.option("--provider", default="", help="With --guest: this provider.  [default: any one]")
@click.option("--token", "token_file", type=click.File("rb"), help="With --guest: the file of a token to pay with.")
@JSON
def register(
    directory: Path,
    address: str,
    invitation: str,
    guest: bool,
    provider: str,
    token_file: IO[bytes] | None,
    as_json: bool,
) -> None:
    """Open an account.

    The provider PROVIDER keeps the mailbox NAME for this client, and gives its keys to all who ask for them. The
    command `network` lists the providers. With --guest, the account has no name, nothing of it is published, and it
    ends when it is not used.
    """
    name, at, named_provider = address.partition("@")
    if guest and (address or invitation):
        raise click.UsageError("--guest is for an account without a name: it takes no address and no invitation")
    if not guest and (provider or token_file is not None):
        raise click.UsageError("--provider and --token go with --guest")
    if not guest and not at:
        raise click.BadParameter(f"an address is NAME@PROVIDER: {LISTING}")
    token = b"" if token_file is None else token_file.read()

    async def work(conversation: CommandRun) -> str:
        await conversation.daemon(within_s=REGISTER_WAIT_S)  # it may have been started just now
        if guest:
            return await conversation.client.register_guest(provider, token=token)
        return await conversation.client.register(name, named_provider, invitation=invitation)

    opened = converse(directory, work)
    if as_json:
        click.echo(json.dumps({"guest": guest, "provider" if guest else "address": opened}))
    else:
        click.echo(f"registered as {f'a guest at {opened}' if guest else opened}")


@click.group()
def tokens() -> None:
    """Order blind tokens ahead, and take them to be spent."""


@tokens.command(name="order")
@DIRECTORY
@click.argument("issuer", metavar="PROVIDER")
@click.argument("purpose")
@click.argument("count", type=int, default=1)
@click.option("--code", default="", help="The code, if the issuer asks for one.")
def order_tokens(directory: Path, issuer: str, purpose: str, count: int, code: str) -> None:
    """Order COUNT tokens for PURPOSE of the issuer at PROVIDER.

    They come at random times in the next hours, so that nobody can tell later by the time who spends one.
    """
    converse(directory, lambda conversation: conversation.client.fetch_tokens(issuer, purpose, count, credential=code))
    click.echo(f"ordered {count} for {purpose}; what has come is listed by  loopixmix client tokens list {directory}")


@tokens.command(name="list")
@DIRECTORY
@JSON
def list_tokens(directory: Path, as_json: bool) -> None:
    """List the tokens and the orders of each purpose.

    A token rests for a while before it may be spent. If something hinders an order, `status` tells what.
    """
    found = converse(directory, lambda conversation: conversation.client.tokens())
    if as_json:
        return show_json(found)
    from client.cli.views import tokens_view

    return show(tokens_view(found))


@tokens.command(name="take")
@DIRECTORY
@click.argument("purpose")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def take_token(directory: Path, purpose: str, file: Path) -> None:
    """Put a token for PURPOSE into the new FILE.

    It is for whoever spends it, once, and is forgotten here: `register --guest --token FILE` opens an account with one.
    """
    from loopixmix.process.files import create_file, remove_file, write_atomically

    # Made before the token is taken: one that could not be written down would be lost.
    create_file(file, b"")
    try:
        token = converse(directory, lambda conversation: conversation.client.take_token(purpose))
    except BaseException:  # also Ctrl-C: an empty file would look like a token
        remove_file(file)
        raise
    write_atomically(file, token)
