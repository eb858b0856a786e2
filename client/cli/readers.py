"""Commands about the names by which programs read messages."""

from __future__ import annotations

from pathlib import Path

import click

from client.cli.outside import DIRECTORY, JSON, converse, show, show_json


@click.group(invoke_without_command=True)
@DIRECTORY
@click.pass_context
def readers(context: click.Context, directory: Path) -> None:
    """The names by which programs read messages.

    Programs with different names each get every message. Without a subcommand, all names are listed.
    """
    context.obj = directory
    if context.invoked_subcommand is None:
        context.invoke(list_readers)


@readers.command("list")
@JSON
@click.pass_obj
def list_readers(directory: Path, as_json: bool = False) -> None:
    """List all names, and how many messages wait."""
    found = converse(directory, lambda conversation: conversation.client.readers())
    if as_json:
        return show_json(found)
    from client.cli.views import readers_view

    return show(readers_view(found))


@readers.command()
@click.argument("name")
@click.argument("kind")
@click.pass_obj
def remove(directory: Path, name: str, kind: str) -> None:
    """Forget a name, and what it has handled.

    That is NAME as a reader of messages of KIND. No program may read by it now. If one does so later, it begins with
    the oldest message.
    """
    converse(directory, lambda conversation: conversation.client.remove_reader(name, kind))
    click.echo(f"{name} is no reader of {kind} any more")
