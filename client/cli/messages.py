"""Commands about messages: sent, on their way, received."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from client.api import MessageState, OutgoingMessage, ReceivedMessage
from client.cli.outside import DIRECTORY, FILE, JSON, MOMENT, body_of, console, converse, outside, show, show_json
from loopixmix.errors import StoreError

if TYPE_CHECKING:
    from client.cli.command_run import CommandRun


@click.command()
@DIRECTORY
@click.argument("to", metavar="TO")
@click.argument("text", metavar="[TEXT|-]", required=False)
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
    text: str | None,
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
    body = body_of(text, file)
    key = idempotency_key or outside().rng.randbytes(16).hex()

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

        with FragmentProgress(console(sys.stderr)) as progress:
            return await stored(
                conversation.client, message_id, time=conversation, within_s=timeout_s, progress=progress.show_message
            )

    sent = converse(directory, work)
    if as_json:
        return show_json(sent)
    from client.cli.views import queued_line

    return show(queued_line(sent))


@click.command()
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
    """List received messages, oldest first.

    What is listed counts as read. With --save-dir, a file that is there already is left as it is; if it holds something
    else than the body, that is told, and the exit code is 2.
    """
    from client.cli.actions import BodyFile, every_received, follow_received, save_body

    shown = 0
    others: list[BodyFile] = []

    def tell(message: ReceivedMessage) -> None:
        nonlocal shown
        shown += 1
        file = save_body(save_dir, message) if save_dir is not None else None
        if file is not None and file.is_other:
            others.append(file)
        if as_json:
            return show_json(message)
        from client.cli.views import received_view

        return show(received_view(message, file=file))

    async def work(conversation: CommandRun) -> int:
        if follow:
            await follow_received(conversation.client, tell, after=after, news=lambda: conversation.pause(0.5))
        return await every_received(conversation.client, tell, after=after, limit=limit)

    last = converse(directory, work)
    if others:
        many = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise StoreError(f"{others[0].path}{many}: not saved, because another file is there: use another --save-dir")
    _tell_end(shown, after=after, last=last, limit=limit, as_json=as_json)


@click.command()
@DIRECTORY
@click.option("--after", default=0, type=click.IntRange(min=0), help="Only messages with a higher number.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(min=1), help="At most so many.")
@click.option(
    "--state",
    type=click.Choice([state.value for state in MessageState]),
    default=None,
    help="Only those in this state.  [default: any]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def sent(directory: Path, after: int, limit: int, state: str | None, as_json: bool) -> None:
    """List sent messages, oldest first.

    That is each message that was handed in, whether it waits, is on its way, was stored or failed: to whom, when, and
    its ID. Their texts are not kept once they have left.
    """
    from client.cli.actions import every_sent

    shown = 0

    def tell(message: OutgoingMessage) -> None:
        nonlocal shown
        shown += 1
        if as_json:
            return show_json(message)
        from client.cli.views import sent_view

        return show(sent_view(message))

    wanted = None if state is None else MessageState(state)
    last = converse(
        directory,
        lambda conversation: every_sent(conversation.client, tell, after=after, limit=limit, state=wanted),
    )
    _tell_end(shown, after=after, last=last, limit=limit, as_json=as_json)


@click.command()
@DIRECTORY
@click.argument("message_id", metavar="ID")
@JSON
def message(directory: Path, message_id: str, as_json: bool) -> None:
    """Tell where an outgoing message is, with its history."""
    found = converse(directory, lambda conversation: conversation.client.message(message_id))
    if as_json:
        return show_json(found)
    from client.cli.views import message_view

    return show(message_view(found))


@click.command()
@DIRECTORY
@click.argument("to", metavar="TO")
@click.argument("size", metavar="BYTES", type=click.IntRange(min=0))
@JSON
def estimate(directory: Path, to: str, size: int, as_json: bool) -> None:
    """Tell how long a message would take.

    That is one of BYTES to TO, if it were sent now, until the client of its recipient has it.
    """
    told = converse(directory, lambda conversation: conversation.client.estimate(size, to))
    if as_json:
        return show_json(told)
    from client.cli.views import estimate_view

    return show(estimate_view(told))


@click.command()
@DIRECTORY
@click.argument("message_id", metavar="ID")
@JSON
def cancel(directory: Path, message_id: str, as_json: bool) -> None:
    """Send nothing more of a message.

    Fragments that have left cannot be recalled.
    """
    cancelled = converse(directory, lambda conversation: conversation.client.cancel(message_id))
    if as_json:
        return show_json(cancelled)
    return click.echo(f"cancelled: {cancelled.history[-1].detail}")


@click.command()
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

    converse(directory, work)
    click.echo(f"deleted {which}")


def _tell_end(shown: int, *, after: int, last: int, limit: int, as_json: bool) -> None:
    if as_json:
        return
    if shown == 0:
        click.echo("no messages" if after == 0 else f"no messages after number {after}", err=True)
    elif shown == limit:
        click.echo(f"there may be more: --after {last}", err=True)
