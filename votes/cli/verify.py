"""`loopixmix vote verify` and `tally`: is what was published true, and what is the result?"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from votes.cli.outside import AS_JSON, DASK, DIRECTORY, OUT, PUBLISHED, vote_outside

if TYPE_CHECKING:
    from rich.console import Console

    from loopixmix.verdict import Check
    from votes.verify.verifier import Verification

UNCOUNTED = "every check that could be made passed; the count itself cannot be verified without the trustees' shares"
INPUTS = "record, credentials, log with its head, mixes, shares, result"


@click.command()
@click.argument("published", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@AS_JSON
@DASK
def verify(published: Path, as_json: bool, dask: str | None) -> None:
    """Verify the published election in DIR, from its record to its result.

    Needs no network, and believes nothing but what it computes, or what the cluster does that you name. It stops at the
    first lie. The exit code is 0 only if every check passed.

    Compare the fingerprint that it shows with the one that the administrator told you by another way.
    """
    import msgspec
    from rich.console import Console

    from loopixmix.verdict import verdict
    from votes.verify.counting import count_again

    console = Console(stderr=as_json)
    verification, checks = _checked(published, console, count_again, dask)
    result = verdict(checks, {"ballots": float(len(verification.log.ballots))})
    if as_json:
        click.echo(msgspec.json.encode(result))
    elif result.passed and not verification.plaintexts:
        console.print(f"[yellow]{UNCOUNTED}[/]", soft_wrap=True)
    elif result.passed:
        console.print("[bold green]every check passed[/]: the result is that of the ballots on the board")
    else:
        console.print("[bold red]this election is not as it was published[/]; no later check was made")
    if not result.passed:
        sys.exit(1)


@click.command()
@DIRECTORY
@PUBLISHED
@OUT
def tally(directory: Path, published: Path, out: Path) -> None:
    """Verify the election in PUBLISHED up to its decryption, count the votes, and put the result into OUT.

    DIR is the administrator's, who signs the result. OUT gets `result.json`, tables as CSV, a page and a PDF; `submit`
    hands `result.json` in to the board.
    """
    from rich.console import Console

    from loopixmix.errors import MisuseError
    from loopixmix.process.files import PUBLIC_FILE, make_directory, write_atomically
    from votes.administration.folder import AdministratorFolder
    from votes.record.canonical import Hex
    from votes.record.statements import ResultAnnouncement, sign_statement
    from votes.results.documents import encode_result
    from votes.results.documents import published as result_of
    from votes.results.letters import UnshownLettersError
    from votes.results.pages import result_files
    from votes.results.pdf import result_pdf
    from votes.results.spreadsheets import choices_csv, figures_csv
    from votes.results.wording import verdict
    from votes.verify.counting import count
    from votes.verify.opened import file_digest
    from votes.verify.published import RESULT, announcement_of

    folder = AdministratorFolder(directory)
    verification, checks = _checked(published, Console(stderr=True), lambda _: "counted below")
    if not checks[-1].passed:
        raise MisuseError(f"{published}: {checks[-1].name}: {checks[-1].detail}")
    if not verification.plaintexts:
        raise MisuseError(f"{published}: the shares are not here; put each trustee's files into it")
    known = verification.known
    result = result_of(count(verification))
    encoded = encode_result(result)
    announcement = ResultAnnouncement(fingerprint=Hex(known.fingerprint), result=Hex(file_digest(encoded)))
    files = {
        RESULT: encoded,
        announcement_of(RESULT): sign_statement(announcement, folder.key),
        "figures.csv": figures_csv(result).encode(),
        **result_files(known.election, result),
    }
    try:
        files["result.pdf"] = result_pdf(known.election, result)
    except UnshownLettersError as error:
        click.echo(f"result.pdf is not written: {error}. result.html shows all letters", err=True)
    if not known.election.counts_only:
        files["choices.csv"] = choices_csv(known.election, result, known.group).encode()
    make_directory(out)
    for name, content in files.items():
        write_atomically(out / name, content, mode=PUBLIC_FILE)
    for poll, planned in zip(result.polls, known.election.polls, strict=True):
        click.echo(f"{planned.title}: {verdict(poll) or 'counted'}")
    click.echo(f"{out}: {', '.join(sorted(files))}")


def _checked(
    published: Path, console: Console, count: Callable[[Verification], str], dask: str | None = None
) -> tuple[Verification, list[Check]]:
    """Make all checks, and show each when it is made."""
    from rich.markup import escape

    from loopixmix.group.ristretto import ristretto255
    from loopixmix.progress import Steps
    from votes.cli.folder import FolderElection
    from votes.cli.inputs import machines
    from votes.shuffle.chunks import Unwatched
    from votes.verify.verifier import Verification
    from votes.verify.verifier import verify as checks_of

    now_s = vote_outside().now_s()
    verification = Verification(
        FolderElection(published), ristretto255(), Unwatched(), now_s=now_s, elsewhere=machines(dask)
    )
    checks = []
    console.print(f"[bold]{escape(str(published))}[/]: {INPUTS}; group {verification.group.name}", soft_wrap=True)
    with Steps(console) as steps:
        verification.progress = steps
        for check in checks_of(verification, count):
            checks.append(check)
            mark = "[green]pass[/]" if check.passed else "[bold red]FAIL[/]"
            console.print(f"{mark}  {check.name:12} {escape(str(check.value or check.detail))}", soft_wrap=True)
    for fault in verification.faults:
        console.print(f"[yellow]note[/]  {escape(fault)}", soft_wrap=True)
    return verification, checks
