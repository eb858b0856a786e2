"""Commands that ask hosted services, and tell which there are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

import click

from client.cli.outside import DIRECTORY, FILE, JSON, MOMENT, body_of, converse, outside, show, show_json


@click.command()
@DIRECTORY
@JSON
def network(directory: Path, as_json: bool) -> None:
    """List the providers of the network and their services."""
    found = converse(directory, lambda conversation: conversation.client.network())
    if as_json:
        return show_json(found)
    from client.cli.views import network_view

    return show(network_view(found))


@click.command()
@DIRECTORY
@click.argument("service", metavar="SERVICE")
@click.argument("text", metavar="[TEXT|-]", required=False)
@FILE
@click.option("--timeout", "timeout_s", default=60.0, show_default=True, help="Seconds to wait for the answer.")
@click.option("--post", is_flag=True, help="Wait for nothing: print an id, by which `answer` gets the answer later.")
@click.option("--idempotency-key", default="", help="With --post: the same key again asks once.  [default: random]")
@click.option("--not-before", "not_before_s", type=MOMENT, help="With --post: ask no earlier; the same forms.")
@click.option(
    "--deadline",
    "deadline_s",
    type=MOMENT,
    help="With --post: give up then, YYYY-MM-DDTHH:MM or +SECONDS.  [default: in five days]",
)
def request(
    directory: Path,
    service: str,
    text: str | None,
    file: IO[bytes] | None,
    timeout_s: float,
    post: bool,
    idempotency_key: str,
    not_before_s: float | None,
    deadline_s: float | None,
) -> None:
    """Ask a service anonymously.

    SERVICE is a name, for any provider that offers it, or SERVICE@PROVIDER; the command `network` lists them. The
    request is TEXT, a file, or standard input (-); the answer goes to standard output as it is.

    A posted request is tried until its deadline. Its host carries it out once within the present epoch and the next. If
    the deadline is later, and if only the answer was lost, a service that does not recognise repetitions may carry it
    out again: choose --deadline within these two epochs for such a service.
    """
    body = body_of(text, file)
    if not post and (idempotency_key or not_before_s is not None or deadline_s is not None):
        raise click.UsageError("--idempotency-key, --not-before and --deadline belong to --post")
    if post:
        key = idempotency_key or outside().rng.randbytes(16).hex()
        posted = converse(
            directory,
            lambda talk: talk.client.post_request(
                service, body, idempotency_key=key, not_before_s=not_before_s, deadline_s=deadline_s
            ),
        )
        return click.echo(posted)
    answer = converse(directory, lambda conversation: conversation.client.request(service, body, timeout_s=timeout_s))
    sys.stdout.buffer.write(answer)
    if sys.stdout.isatty() and not answer.endswith(b"\n"):
        click.echo()
    return None


@click.command()
@DIRECTORY
@click.argument("request_id", metavar="ID")
@JSON
def answer(directory: Path, request_id: str, as_json: bool) -> None:
    """Get the answer to a posted request.

    It goes to standard output as it is. Without one, a line says where the request is, and the exit code is 1.
    """
    found = converse(directory, lambda conversation: conversation.client.answer(request_id))
    if as_json:
        return show_json(found)
    if found.answer is None:
        from client.cli.views import posted_line

        click.echo(posted_line(found), err=True)
        sys.exit(1)
    sys.stdout.buffer.write(found.answer)
    if sys.stdout.isatty() and not found.answer.endswith(b"\n"):
        click.echo()
    return None
