"""`loopixmix stats device`: report for a device, from cron for example."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stats.cli.outside import AS_JSON
from stats.cli.respondent.client import CLIENT, NETWORK, PROVIDER, WITHIN, perform, read_answers, read_invitation

if TYPE_CHECKING:
    from stats.answer.desk import DeskSetting
    from stats.answer.program import AnsweringSetting


@click.command()
@click.argument("invitation")
@CLIENT
@NETWORK
@PROVIDER
@click.option("--values", "given", default="-", metavar="FILE", help="The values.  [default: standard input]")
@click.option("--repeat", is_flag=True, help="Take no new values: repeat the newest ones, and look after reports.")
@WITHIN
@AS_JSON
def device(
    invitation: str,
    directory: Path,
    network: Path | None,
    provider: str,
    given: str,
    repeat: bool,
    within_s: float,
    as_json: bool,
) -> None:
    """Report the newest values of a device, once in each period, in the survey of INVITATION.

    Values are a JSON object by the names of the questions: {"visitors": 12}. They are randomised before anything
    leaves. The command ends when that is on the disk; whatever waits is moved along whenever it runs again, so run it
    several times in each period. Values of questions that are asked again are repeated in periods without new ones.

    INVITATION is a file. Each device has a directory of its own.
    """
    invited = read_invitation(invitation)
    values = None if repeat else read_answers(given)

    async def work(setting: AnsweringSetting, where: DeskSetting) -> None:
        from stats.answer.desk import RespondentDesk
        from stats.answer.device import Device
        from stats.answer.program import open_guest

        await open_guest(setting, (invited.collector, invited.issuer), provider=provider)
        found = Device(RespondentDesk(where), where.access, invited, clock=where.clock)
        became = None if values is None else await found.report(values)
        await found.work()
        counters = await found.counters()
        if as_json:
            told = {"values": became and became.value, "problem": found.problem, **vars(counters)}
            click.echo(json.dumps(told))
            return
        if became is not None:
            setting.say(f"values: {became.value}")
        setting.say(
            f"reports: {counters.waiting} wait, {counters.accepted} are with the collector, {counters.refused} were "
            f"not taken, {counters.late} came too late"
        )
        if found.problem:
            setting.say(f"waiting: {found.problem}")

    perform(directory, network, work, quiet=as_json, within_s=within_s)
