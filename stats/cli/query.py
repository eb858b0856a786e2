"""`loopixmix stats query`: results on the command line, from the dashboard of a collector."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
import msgspec

from loopixmix.errors import MisuseError
from stats.cli.outside import AS_JSON, stats_outside

if TYPE_CHECKING:
    from twisted.internet.posixbase import PosixReactorBase

    from stats.dashboard.rest.asking import RemoteDashboard

_R = TypeVar("_R")
URL = click.argument("url", metavar="URL")
TOKEN = click.option(
    "--token",
    "token_file",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A private file with the token of `stats analyst token`.",
)


@click.command()
@URL
@click.argument("survey", required=False, metavar="[SURVEY]")
@TOKEN
@click.option("--question", metavar="NAME", help="Estimate one question of SURVEY.")
@click.option("--from", "first", type=click.IntRange(1), help="With --question: the first period, counted from 1.")
@click.option("--to", "last", type=click.IntRange(1), help="With --question: the last period.")
@click.option("--sql", metavar="SELECT", help="Run one SELECT on the randomised reports of SURVEY, or ask --data-set.")
@click.option("--data-set", metavar="NAME", help="A data set with central noise; with --sql it is asked, and spends.")
@click.option("--eps", metavar="NUMBER", help="With --data-set and --sql: what the answer may spend.")
@AS_JSON
def query(
    url: str,
    survey: str | None,
    token_file: Path,
    question: str | None,
    first: int | None,
    last: int | None,
    sql: str | None,
    data_set: str | None,
    eps: str | None,
    as_json: bool,
) -> None:
    """Ask the dashboard at URL, such as http://127.0.0.1:8430.

    Without more it lists the surveys. SURVEY is the id that this list shows.
    """
    from stats.dashboard.rest import documents as doc
    from stats.dashboard.rest.asking import path_of
    from stats.dashboard.rest.lines import lines_of

    if (question or (sql and not data_set)) and not survey:
        raise MisuseError("name the SURVEY that is asked; without options, query lists all surveys")
    if eps and not (data_set and sql):
        raise MisuseError("--eps is for a question to a data set: give --data-set and --sql too")

    async def work(board: RemoteDashboard) -> msgspec.Struct:
        if data_set and sql:
            asked = doc.AskRequest(sql=sql, eps=eps)
            return await board.post(path_of("data-sets", data_set, "ask"), asked, doc.AskAnswer)
        if data_set:
            return await board.get(path_of("data-sets", data_set), doc.DataSetDocument)
        if survey is None:
            return await board.get(path_of("surveys"), doc.SurveyList)
        if sql:
            return await board.post(path_of("surveys", survey, "query"), doc.QueryRequest(sql=sql), doc.QueryAnswer)
        if question:
            path = path_of("surveys", survey, "questions", question, **{"from": first, "to": last})
            return await board.get(path, doc.QuestionDocument)
        return await board.get(path_of("surveys", survey), doc.SurveyDocument)

    found = asked_of(url, token_file, work)
    click.echo(msgspec.json.encode(found).decode() if as_json else "\n".join(lines_of(found)))


def asked_of(url: str, token_file: Path, work: Callable[[RemoteDashboard], Awaitable[_R]]) -> _R:
    """Return what `work` finds at the dashboard at `url`; raise what it raises."""
    found: list[_R] = []

    async def run(reactor: PosixReactorBase) -> None:
        from loopixmix.web.calls import one_shot_client
        from stats.dashboard.rest.asking import dashboard_at

        found.append(await work(dashboard_at(one_shot_client(reactor), url, token_file)))

    stats_outside().perform(run)
    return found[0]
