"""`loopixmix mail check`: whether the bridge's own lines on a mail are true."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console

from leap_plugin.cli.reading import read_mail
from leap_plugin.directory.trace_file import load_trace_key
from leap_plugin.mail.trace import FalseOrigin, NoOrigin, Origin, ProvenOrigin, TraceCheck, check_mark
from loopixmix.verdict import Check, Verdict, show, verdict

NAME = "lines of the bridge"
EXPECTED = "lines of this bridge, over this mail"


@click.command()
@click.argument("message", metavar="MESSAGE")
@click.option(
    "--directory",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The directory of the bridge that the mail came by.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as one JSON object.")
def check(message: str, directory: Path, as_json: bool) -> None:
    """Verify the lines that the bridge put before a mail.

    MESSAGE is a file with the mail as the mail program saves it, or - for standard input. Passes only if its first two
    lines are those of the bridge in DIRECTORY and all that follows is the mail as it came. Anybody can write lines that
    look like them, under another name.
    """
    trace_key = load_trace_key(directory)
    result = judge_mark(check_mark(read_mail(message), trace_key))
    if as_json:
        click.echo(msgspec.json.encode(result))
    else:
        show(Console(), result)
    sys.exit(0 if result.passed else 1)


def judge_mark(found: TraceCheck) -> Verdict:
    """Return the verdict about a mail whose lines were looked at."""
    match found:
        case ProvenOrigin(origin, mail):
            told = Check(name=NAME, passed=True, value=_told(origin), expected=EXPECTED)
            return verdict([told], {"mail_bytes": float(len(mail))})
        case FalseOrigin():
            return _failed("false", "there are lines of this bridge's name, but they or the mail were changed")
        case NoOrigin():
            return _failed("none", "the mail does not begin with lines of this bridge: it did not come by it")


def _failed(value: str, detail: str) -> Verdict:
    return verdict([Check(name=NAME, passed=False, value=value, expected=EXPECTED, detail=detail)], {})


def _told(origin: Origin) -> str:
    sender = "an anonymous sender" if origin.sender is None else f"{origin.sender}, whose key is {_key(origin)}"
    sealed = "from end to end" if origin.gateway is None else f"to the gateway of {origin.gateway}, which could read it"
    return f"from {sender}; sealed {sealed}"


def _key(origin: Origin) -> str:
    return {"compared": "compared", "pinned": "pinned, but not compared", "unknown": "unknown"}[origin.verified.value]
