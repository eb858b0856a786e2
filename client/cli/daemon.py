"""Commands about the daemon: how it is, its pages, its local API."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from client.api import ClientStatus, NotRunningError
from client.cli.outside import DIRECTORY, JSON, console, converse, show, show_json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from client.cli.command_run import CommandRun


@click.command()
@DIRECTORY
@click.option("--watch", is_flag=True, help="Refresh every second, until ctrl-C.")
@JSON
@click.option("--check", is_flag=True, help="Exit code 1 unless the client is linked to its provider and all is well.")
def status(directory: Path, watch: bool, as_json: bool, check: bool) -> None:
    """Tell what the client is doing."""
    from client.cli.views import status_view

    if watch and as_json:
        raise click.UsageError("--watch is for people, --json for programs")
    if watch and check:
        raise click.UsageError("--watch never ends, --check ends with an exit code")
    if watch:
        return converse(directory, lambda conversation: _watch(conversation, status_view))
    found = converse(directory, lambda conversation: conversation.client.status())
    show_json(found) if as_json else show(status_view(found))
    if check and (not found.connected or found.problem):
        raise click.exceptions.Exit(1)
    return None


@click.command()
@DIRECTORY
@click.option("--timeout", "timeout_s", default=60.0, show_default=True, help="Seconds to wait until it has ended.")
def stop(directory: Path, timeout_s: float) -> None:
    """Stop the daemon of DIR, and wait until it has ended.

    All that it has taken is on disk, and goes on when it runs again. A daemon that runs several clients ends with all
    of them.
    """
    from client.directory.configuration import check_client
    from client.http.endpoint import LOCK_FILE
    from loopixmix.process.background import stop_holder

    check_client(directory)
    if stop_holder(directory / LOCK_FILE, within_s=timeout_s) is None:
        raise NotRunningError(f"the client of {directory} is not running: there is nothing to stop")
    click.echo(f"the client of {directory} has ended")


@click.command(name="open")
@DIRECTORY
@click.argument("name", default="")
@JSON
def open_page(directory: Path, name: str, as_json: bool) -> None:
    """Print a link to the pages NAME.

    Open it in a browser on this machine. It is good once, for five minutes, and lets that browser use these pages and
    nothing else. Without NAME, the pages that are installed are listed.
    """
    if not name:
        names = converse(directory, lambda conversation: conversation.client.pages())
        return click.echo(json.dumps(names) if as_json else "\n".join(names) or "no pages are installed")
    found = converse(directory, lambda conversation: conversation.client.page_link(name))
    return show_json(found) if as_json else click.echo(found.url)


@click.command()
def openapi() -> None:
    """Print the OpenAPI document of the local API.

    A running client tells the same at /v1/openapi.json.
    """
    import msgspec

    from client.http.serving.local_api import local_api_document

    click.echo(msgspec.json.format(msgspec.json.encode(local_api_document()), indent=2))


async def _watch(conversation: CommandRun, view: Callable[[ClientStatus], RenderableType]) -> None:
    from rich.live import Live

    with Live(console=console(sys.stdout), auto_refresh=False, screen=False) as live:
        while True:
            live.update(view(await conversation.client.status()), refresh=True)
            await conversation.pause(1.0)
