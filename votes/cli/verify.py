"""`loopixmix vote verify`: is what was published true?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from votes.cli.outside import AS_JSON, DIRECTORY

INPUTS = "record, credentials, log with its head, mixes, shares, result"


@click.command()
@DIRECTORY
@AS_JSON
def verify(directory: Path, as_json: bool) -> None:
    """Verify the published election in DIR, from its record to its result.

    Needs no network, and believes nothing but what it computes. It stops at the first lie. The exit code is 0 only if
    every check passed.

    Compare the fingerprint that it shows with the one that the administrator told you by another way.
    """
    import msgspec
    from rich.console import Console
    from rich.markup import escape

    from loopixmix.group.ristretto import ristretto255
    from loopixmix.progress import Steps
    from loopixmix.verdict import verdict
    from votes.cli.folder import FolderElection
    from votes.shuffle.chunks import Unwatched
    from votes.verify.counting import count_again
    from votes.verify.verifier import Verification
    from votes.verify.verifier import verify as checks_of

    console = Console(stderr=as_json)
    verification = Verification(FolderElection(directory), ristretto255(), Unwatched())
    checks = []
    console.print(f"[bold]{escape(str(directory))}[/]: {INPUTS}; group {verification.group.name}")
    with Steps(console) as steps:
        verification.progress = steps
        for check in checks_of(verification, count_again):
            checks.append(check)
            mark = "[green]pass[/]" if check.passed else "[bold red]FAIL[/]"
            console.print(f"{mark}  {check.name:12} {escape(str(check.value or check.detail))}")
    for fault in verification.faults:
        console.print(f"[yellow]note[/]  {escape(fault)}")
    result = verdict(checks, {"ballots_counting": float(len(verification.counting))})
    if as_json:
        click.echo(msgspec.json.encode(result))
    elif result.passed:
        console.print("[bold green]every check passed[/]: the result is that of the ballots on the board")
    else:
        console.print("[bold red]this election is not as it was published[/]; no later check was made")
    if not result.passed:
        sys.exit(1)
