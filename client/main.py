"""`loopixmix client`: an anonymous messaging client, and what one may do with it.

Here the commands meet the reactor and the system's randomness. Each imports what it needs when it is called, so that
a short command is quick.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar, cast

import click

from client.api import ClientStatus, Contact, OutgoingMessage, ReceivedMessage, UnknownContactError
from client.cli.moments import Moment

if TYPE_CHECKING:
    import msgspec
    from rich.console import Console, RenderableType

    from client.cli.command_run import CommandRun

T = TypeVar("T")

REGISTER_WAIT_S = 15.0
PIPED_WIDTH = 200
"""How wide tables are for a reader that is no terminal; text is not broken at all."""

DIRECTORY = click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
MOMENT = Moment(time.time)
FILE = click.option("--file", "file", type=click.File("rb"), help="Take the content of this file.")


@click.group()
def client() -> None:
    """Write and read over the network, anonymously.

    A client is a directory DIR and a daemon, `run`, which sends at the same rates whatever you do. The other commands
    talk to the daemon and return.
    """


@client.command()
@DIRECTORY
@click.option(
    "--network",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The trust root of the network, a network.toml; it is copied.",
)
@click.option(
    "--api-port",
    type=click.IntRange(0, 65_535),
    default=0,
    show_default="any free one",
    help="Port of the local HTTP API on loopback.",
)
def init(directory: Path, network: Path, api_port: int) -> None:
    """Make a new client in DIR.

    That is two secret keys, a client.toml to look through, and a copy of the trust root.
    """
    from client.directory.configuration import CONFIG_FILE, create_client

    trust_root = create_client(directory, network=network, api_port=api_port, rng=random.SystemRandom())
    click.echo(f"{directory / CONFIG_FILE}: a new client of the network {trust_root.name}")
    click.echo(f"start it with  loopixmix client run {directory}")


@client.command()
@click.argument(
    "directories", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False)
)
@click.option("--check-config", is_flag=True, help="Only check configuration, trust root and keys.")
def run(directories: tuple[Path, ...], check_config: bool) -> None:
    """Run the client of DIR until SIGTERM or ctrl-C.

    With several DIRs it runs the client of each in one process. Each is an identity of its own, with its streams, its
    link and its local API. But who watches the machine, or a provider that serves two of them, can tell that they share
    it.
    """
    from client.directory.configuration import load_client

    loaded = {directory: load_client(directory) for directory in directories}
    if check_config:
        for directory in loaded:
            click.echo(f"{directory}: the configuration is good")
        return
    from client.http.endpoint import LOCK_FILE
    from client.running.daemon import ClientDaemon
    from client.running.several import SeveralClients
    from loopixmix.process.main import run_program

    if len(loaded) < len(directories):
        raise click.UsageError("a client is named twice")
    run_program(
        directories[0] / LOCK_FILE,
        lambda world: SeveralClients({path: ClientDaemon(each, world=world) for path, each in loaded.items()}),
    )


@client.command()
@DIRECTORY
@click.argument("address", metavar="NAME@PROVIDER", default="")
@click.option("--invitation", default="", help="The code, if the provider asks for one.")
@click.option("--guest", is_flag=True, help="Without a name: to ask services, and to send anonymous messages.")
@click.option("--provider", default="", help="With --guest: this provider.  [default: any one]")
@click.option("--token", "token_file", type=click.File("rb"), help="With --guest: the file of a token to pay with.")
def register(
    directory: Path, address: str, invitation: str, guest: bool, provider: str, token_file: IO[bytes] | None
) -> None:
    """Open an account.

    The provider PROVIDER keeps the mailbox NAME for this client, and gives its keys to all who ask for them. With
    --guest, the account has no name, nothing of it is published, and it ends when it is not used.
    """
    name, at, named_provider = address.partition("@")
    if guest and (address or invitation):
        raise click.UsageError("--guest is for an account without a name: it takes no address and no invitation")
    if not guest and (provider or token_file is not None):
        raise click.UsageError("--provider and --token go with --guest")
    if not guest and not at:
        raise click.BadParameter("an address is NAME@PROVIDER")
    token = b"" if token_file is None else token_file.read()

    async def work(conversation: CommandRun) -> str:
        await conversation.daemon(within_s=REGISTER_WAIT_S)  # it may have been started just now
        if guest:
            return f"a guest at {await conversation.client.register_guest(provider, token=token)}"
        return await conversation.client.register(name, named_provider, invitation=invitation)

    click.echo(f"registered as {_converse(directory, work)}")


@client.group()
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
    _converse(directory, lambda conversation: conversation.client.fetch_tokens(issuer, purpose, count, credential=code))
    click.echo(f"ordered {count} for {purpose}: they come at random times in the next hours")


@tokens.command(name="take")
@DIRECTORY
@click.argument("purpose")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def take_token(directory: Path, purpose: str, file: Path) -> None:
    """Put a token for PURPOSE into the new FILE.

    It is for whoever spends it, once, and is forgotten here: `register --guest --token FILE` opens an account with one.
    """
    if file.exists():
        raise click.BadParameter(f"{file} is there already", param_hint="FILE")
    from loopixmix.process.files import create_file

    create_file(file, _converse(directory, lambda conversation: conversation.client.take_token(purpose)))


@client.command()
@DIRECTORY
@JSON
def network(directory: Path, as_json: bool) -> None:
    """List the providers of the network and their services."""
    found = _converse(directory, lambda conversation: conversation.client.network())
    if as_json:
        return _print_json(found)
    from client.cli.views import network_view

    return _print(network_view(found))


@client.command()
@DIRECTORY
@click.argument("to", metavar="TO")
@click.argument("text", metavar="[TEXT|-]", default="")
@FILE
@click.option("--kind", default="text", show_default=True, help="Names the application that is to handle it.")
@click.option("--not-before", "not_before_s", type=MOMENT, help="Leave no earlier: YYYY-MM-DDTHH:MM, or +SECONDS.")
@click.option("--deadline", "deadline_s", type=MOMENT, help="Fail if it is not stored by then; the same forms.")
@click.option("--anonymous", is_flag=True, help="Leave out who sent it; reply blocks let the recipient answer.")
@click.option("--wait", is_flag=True, help="Return only once the recipient's provider has stored it.")
@click.option(
    "--timeout", "timeout_s", default=3600.0, show_default=True, help="With --wait: give up waiting, seconds."
)
@click.option("--idempotency-key", default="", help="The same key again sends nothing twice.  [default: random]")
@JSON
def send(
    directory: Path,
    to: str,
    text: str,
    file: IO[bytes] | None,
    kind: str,
    not_before_s: float | None,
    deadline_s: float | None,
    anonymous: bool,
    wait: bool,
    timeout_s: float,
    idempotency_key: str,
    as_json: bool,
) -> None:
    """Send a message.

    It is TEXT, a file, or standard input (-); TO is a contact, or the reply:... of an anonymous message. Returns once
    the message is on disk: it leaves with the payload stream, and is sent again until it is acknowledged. With both
    --not-before and --deadline the moment is drawn at random from the time between.
    """
    body = _body(text, file)
    key = idempotency_key or random.SystemRandom().randbytes(16).hex()

    async def work(conversation: CommandRun) -> OutgoingMessage:
        message_id = await conversation.client.send(
            to,
            body,
            kind=kind,
            idempotency_key=key,
            anonymous=anonymous,
            not_before_s=not_before_s,
            deadline_s=deadline_s,
        )
        if not wait:
            return await conversation.client.message(message_id)
        from client.cli.actions import stored
        from client.cli.progress import FragmentProgress

        with FragmentProgress(_console(sys.stderr)) as progress:
            return await stored(
                conversation.client, message_id, time=conversation, within_s=timeout_s, progress=progress.show_message
            )

    sent = _converse(directory, work)
    if as_json:
        return _print_json(sent)
    from client.cli.views import queued_line

    return _print(queued_line(sent))


@client.command()
@DIRECTORY
@click.option("--after", default=0, type=click.IntRange(min=0), help="Only messages with a higher number.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(min=1), help="At most so many.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until ctrl-C.")
@click.option(
    "--save-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Save each body as NUMBER-KIND in this directory.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, bodies in base64.")
def inbox(directory: Path, after: int, limit: int, follow: bool, save_dir: Path | None, as_json: bool) -> None:
    """List received messages, oldest first."""
    from client.cli.actions import every_received, follow_received, save_body

    shown = 0

    def show(message: ReceivedMessage) -> None:
        nonlocal shown
        shown += 1
        saved_as = str(save_body(save_dir, message)) if save_dir is not None else ""
        if as_json:
            return _print_json(message)
        from client.cli.views import received_view

        return _print(received_view(message, saved_as=saved_as))

    async def work(conversation: CommandRun) -> int:
        if follow:
            await follow_received(conversation.client, show, after=after, news=lambda: conversation.pause(0.5))
        return await every_received(conversation.client, show, after=after, limit=limit)

    last = _converse(directory, work)
    if as_json:
        return
    if shown == 0:
        click.echo("no messages" if after == 0 else f"no messages after number {after}", err=True)
    elif shown == limit:
        click.echo(f"there may be more: --after {last}", err=True)


@client.command()
@DIRECTORY
@click.argument("message_id", metavar="ID")
@JSON
def message(directory: Path, message_id: str, as_json: bool) -> None:
    """Tell where an outgoing message is, with its history."""
    found = _converse(directory, lambda conversation: conversation.client.message(message_id))
    if as_json:
        return _print_json(found)
    from client.cli.views import message_view

    return _print(message_view(found))


@client.command()
@DIRECTORY
@click.argument("to", metavar="TO")
@click.argument("size", metavar="BYTES", type=click.IntRange(min=0))
@JSON
def estimate(directory: Path, to: str, size: int, as_json: bool) -> None:
    """Tell how long a message would take.

    That is one of BYTES to TO, if it were sent now, until the client of its recipient has it.
    """
    told = _converse(directory, lambda conversation: conversation.client.estimate(size, to))
    if as_json:
        return _print_json(told)
    from client.cli.views import estimate_view

    return _print(estimate_view(told))


@client.command()
@DIRECTORY
@click.argument("message_id", metavar="ID")
@JSON
def cancel(directory: Path, message_id: str, as_json: bool) -> None:
    """Send nothing more of a message.

    Fragments that have left cannot be recalled.
    """
    cancelled = _converse(directory, lambda conversation: conversation.client.cancel(message_id))
    if as_json:
        return _print_json(cancelled)
    return click.echo(f"cancelled: {cancelled.history[-1].detail}")


@client.command()
@DIRECTORY
@click.argument("which", metavar="NUMBER|ID")
def delete(directory: Path, which: str) -> None:
    """Delete a message, in the inbox or sent.

    That is a received one, by its NUMBER in the inbox, or a sent one that has ended, by its ID.
    """

    async def work(conversation: CommandRun) -> None:
        # An id has 32 digits, and no number has so many.
        if which.isascii() and which.isdigit() and len(which) < 20:
            return await conversation.client.delete(int(which))
        return await conversation.client.delete_outgoing(which)

    _converse(directory, work)
    click.echo(f"deleted {which}")


@client.command()
@DIRECTORY
@click.argument("service", metavar="SERVICE")
@click.argument("text", metavar="[TEXT|-]", default="")
@FILE
@click.option("--timeout", "timeout_s", default=60.0, show_default=True, help="Seconds to wait for the answer.")
@click.option("--post", is_flag=True, help="Wait for nothing: print an id, by which `answer` gets the answer later.")
@click.option("--idempotency-key", default="", help="With --post: the same key again asks once.  [default: random]")
def request(
    directory: Path,
    service: str,
    text: str,
    file: IO[bytes] | None,
    timeout_s: float,
    post: bool,
    idempotency_key: str,
) -> None:
    """Ask a service anonymously.

    SERVICE is a name, for any provider that offers it, or SERVICE@PROVIDER. The request is TEXT, a file, or standard
    input (-); the answer goes to standard output as it is.
    """
    body = _body(text, file)
    if idempotency_key and not post:
        raise click.UsageError("--idempotency-key belongs to --post")
    if post:
        key = idempotency_key or random.SystemRandom().randbytes(16).hex()
        click.echo(_converse(directory, lambda talk: talk.client.post_request(service, body, idempotency_key=key)))
        return
    answer = _converse(directory, lambda conversation: conversation.client.request(service, body, timeout_s=timeout_s))
    sys.stdout.buffer.write(answer)
    if sys.stdout.isatty() and not answer.endswith(b"\n"):
        click.echo()


@client.command()
@DIRECTORY
@click.argument("request_id", metavar="ID")
@JSON
def answer(directory: Path, request_id: str, as_json: bool) -> None:
    """Get the answer to a posted request.

    It goes to standard output as it is. Without one, a line says where the request is, and the exit code is 1.
    """
    found = _converse(directory, lambda conversation: conversation.client.answer(request_id))
    if as_json:
        return _print_json(found)
    if found.answer is None:
        from client.cli.views import posted_line

        click.echo(posted_line(found), err=True)
        sys.exit(1)
    sys.stdout.buffer.write(found.answer)
    if sys.stdout.isatty() and not found.answer.endswith(b"\n"):
        click.echo()
    return None


@client.command()
@DIRECTORY
@click.option("--watch", is_flag=True, help="Refresh every second, until ctrl-C.")
@JSON
def status(directory: Path, watch: bool, as_json: bool) -> None:
    """Tell what the client is doing."""
    from client.cli.views import status_view

    if watch and as_json:
        raise click.UsageError("--watch is for people, --json for programs")
    if watch:
        return _converse(directory, lambda conversation: _watch(conversation, status_view))
    found = _converse(directory, lambda conversation: conversation.client.status())
    return _print_json(found) if as_json else _print(status_view(found))


@client.command(name="open")
@DIRECTORY
@click.argument("name", default="")
@JSON
def open_page(directory: Path, name: str, as_json: bool) -> None:
    """Print a link to the pages NAME.

    Open it in a browser on this machine. It is good once, for five minutes, and lets that browser use these pages and
    nothing else. Without NAME, the pages that are installed are listed.
    """
    if not name:
        names = _converse(directory, lambda conversation: conversation.client.pages())
        return click.echo(json.dumps(names) if as_json else "\n".join(names) or "no pages are installed")
    found = _converse(directory, lambda conversation: conversation.client.page_link(name))
    return _print_json(found) if as_json else click.echo(found.url)


@client.group(invoke_without_command=True)
@DIRECTORY
@click.pass_context
def contacts(context: click.Context, directory: Path) -> None:
    """The contacts that this client can write to.

    Each contact's key is pinned when it is added. Without a subcommand, all are listed.
    """
    context.obj = directory
    if context.invoked_subcommand is None:
        context.invoke(list_contacts)


@contacts.command("list")
@JSON
@click.pass_obj
def list_contacts(directory: Path, as_json: bool = False) -> None:
    """List all contacts."""
    found = _converse(directory, lambda conversation: conversation.client.contacts())
    if as_json:
        return _print_json(found)
    from client.cli.views import contacts_view

    return _print(contacts_view(found))


@contacts.command()
@click.argument("address", metavar="NAME@PROVIDER")
@JSON
@click.pass_obj
def add(directory: Path, address: str, as_json: bool) -> None:
    """Look a key up anonymously and pin it."""
    _show_contact(_converse(directory, lambda conversation: conversation.client.add_contact(address)), as_json)


@contacts.command()
@click.argument("address", metavar="NAME@PROVIDER")
@click.pass_obj
def remove(directory: Path, address: str) -> None:
    """Forget a contact and its key."""
    _converse(directory, lambda conversation: conversation.client.remove_contact(address))
    click.echo(f"{address} is no contact any more")


@contacts.command()
@click.argument("address", metavar="NAME@PROVIDER")
@click.argument("fingerprint")
@JSON
@click.pass_obj
def accept(directory: Path, address: str, fingerprint: str, as_json: bool) -> None:
    """Take a key for theirs.

    Do so after you compared its FINGERPRINT with them, over another way. It may be the pinned key or a changed one.
    """
    accepted = _converse(directory, lambda conversation: conversation.client.accept_key(address, fingerprint))
    _show_contact(accepted, as_json)


@contacts.command()
@click.argument("address", metavar="NAME@PROVIDER")
@JSON
@click.pass_obj
def show(directory: Path, address: str, as_json: bool) -> None:
    """Show one contact with its fingerprint."""
    found = _converse(directory, lambda conversation: conversation.client.contacts())
    for contact in found:
        if contact.address == address:
            return _show_contact(contact, as_json)
    raise UnknownContactError(f"there is no contact {address}; add it first")


@client.command()
def openapi() -> None:
    """Print the OpenAPI document of the local API.

    A running client tells the same at /v1/openapi.json.
    """
    import msgspec

    from client.http.serving.local_api import local_api_document

    click.echo(msgspec.json.format(msgspec.json.encode(local_api_document()), indent=2))


async def _watch(conversation: CommandRun, view: Callable[[ClientStatus], RenderableType]) -> None:
    from rich.live import Live

    with Live(console=_console(sys.stdout), auto_refresh=False, screen=False) as live:
        while True:
            live.update(view(await conversation.client.status()), refresh=True)
            await conversation.pause(1.0)


def _converse(directory: Path, work: Callable[[CommandRun], Awaitable[T]]) -> T:
    from twisted.internet import reactor
    from twisted.internet.posixbase import PosixReactorBase

    from client.cli.command_run import converse

    return converse(directory, work, reactor=cast(PosixReactorBase, reactor), rng=random.SystemRandom())


def _body(text: str, file: IO[bytes] | None) -> bytes:
    if file is not None and text:
        raise click.UsageError("give TEXT or --file, not both")
    if file is not None:
        return file.read()
    return sys.stdin.buffer.read() if text == "-" else text.encode()


def _show_contact(contact: Contact, as_json: bool) -> None:
    if as_json:
        return _print_json(contact)
    from client.cli.views import contact_view

    return _print(contact_view(contact))


def _print_json(value: msgspec.Struct | list[Contact]) -> None:
    import msgspec

    click.echo(msgspec.json.encode(value))


def _print(renderable: RenderableType) -> None:
    console = _console(sys.stdout)
    if console.is_terminal:
        return console.print(renderable)
    console.width = PIPED_WIDTH
    with console.capture() as capture:
        console.print(renderable, soft_wrap=True)
    return click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))


def _console(stream: IO[str]) -> Console:
    from rich.console import Console

    return Console(file=stream, highlight=False)
