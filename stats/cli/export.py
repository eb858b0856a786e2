"""`loopixmix stats export`: estimates or randomised reports as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopixmix.errors import MisuseError
from stats.cli.query import TOKEN, URL, asked_of

if TYPE_CHECKING:
    from stats.dashboard.rest.asking import RemoteDashboard

FORMATS = ("csv", "parquet")


@click.command()
@URL
@click.argument("survey", metavar="SURVEY")
@click.argument("out", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@TOKEN
@click.option("--reports", is_flag=True, help="The randomised reports of one sheet, instead of estimates.")
@click.option(
    "--sheet", type=click.IntRange(0, 63), default=0, show_default=True, help="With --reports: of which sheet."
)
@click.option("--first-batch", type=click.IntRange(0, 10**9 - 1), help="From this batch on.")
@click.option("--last-batch", type=click.IntRange(0, 10**9 - 1), help="Up to this batch.")
def export(
    url: str,
    survey: str,
    out: Path,
    token_file: Path,
    reports: bool,
    sheet: int,
    first_batch: int | None,
    last_batch: int | None,
) -> None:
    """Write results of SURVEY at the dashboard URL into FILE, which ends in .csv or .parquet.

    Estimates are raw: without bias, and perhaps below 0. Who exports what is recorded there.
    """
    from loopixmix.process.files import write_atomically
    from stats.dashboard.rest import documents as doc
    from stats.dashboard.rest.asking import path_of

    form = out.suffix.removeprefix(".")
    if form not in FORMATS:
        raise MisuseError(f"{out}: the name of the file ends in .csv or .parquet")
    asked = doc.ExportRequest(
        part="reports" if reports else "estimates",
        format=form,
        sheet=sheet,
        first_batch=first_batch,
        last_batch=last_batch,
    )

    async def work(board: RemoteDashboard) -> bytes:
        return await board.file(path_of("surveys", survey, "export"), asked)

    body = asked_of(url, token_file, work)
    write_atomically(out, body)
    click.echo(f"{out}: {len(body):,} bytes")
