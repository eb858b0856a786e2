"""`loopixmix stats answer`: answer a survey in the terminal, by a file, or on a page."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopixmix.errors import MisuseError
from stats.cli.outside import AS_JSON, stats_outside
from stats.cli.respondent.client import (
    ANSWERS,
    CLIENT,
    NETWORK,
    PROVIDER,
    WITHIN,
    perform,
    read_answers,
    read_invitation,
)

if TYPE_CHECKING:
    from stats.answer.desk import DeskSetting, RespondentDesk
    from stats.answer.invitation import SurveyInvitation
    from stats.answer.program import AnsweringSetting


class AnswerCommands(click.Group):
    """Commands about answers; what is none of them is an invitation."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take an invitation, or options before it, for the command `take`."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["take", *args]
        return super().parse_args(ctx, args)


@click.group(cls=AnswerCommands)
def answer() -> None:
    """Answer surveys; what you answered before goes on.

    To answer one, give its invitation: loopixmix stats answer INVITATION

    INVITATION is a file that has it, or - for standard input. `loopixmix stats answer take --help` tells all options.
    """


@answer.command()
@click.argument("invitation", required=False, default="")
@CLIENT
@NETWORK
@PROVIDER
@click.option(
    "--code-from",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="The client whose address was invited: the code is looked for among its messages, and asked for if need be.",
)
@click.option("--page", is_flag=True, help="Answer on a page in your browser, whose link is shown.")
@click.option(
    "--answers",
    "answered",
    metavar="FILE",
    help="Ask nothing: a JSON object of answers by the names of the questions, - for standard input.",
)
@click.option("--yes", is_flag=True, help="Send without asking once more.")
@click.option(
    "--until",
    type=click.Choice(["drawn", "posted", "ended"]),
    default="posted",
    show_default=True,
    help="When to end: the reports are on this disk, the client has them, or the collector has them.",
)
@WITHIN
@AS_JSON
def take(
    invitation: str,
    directory: Path,
    network: Path | None,
    provider: str,
    code_from: Path | None,
    page: bool,
    answered: str | None,
    yes: bool,
    until: str,
    within_s: float,
    as_json: bool,
) -> None:
    """Take INVITATION and answer its survey.

    INVITATION is a file that has it, - for standard input, or the invitation itself if it has no code: what stands in
    a command line can be read by other users of the machine. A code that is missing is asked for.

    Your answers are randomised here before anything leaves. Each report leaves at a random time, through the network,
    so that nobody sees that you answer. You may stop the program and start it again: nothing is lost, and nothing is
    sent twice.
    """
    if not invitation and not page:
        raise click.UsageError("give an invitation: a file, or - for standard input")
    invited = read_invitation(invitation) if invitation else None
    given = None if answered is None else read_answers(answered)

    async def work(setting: AnsweringSetting, where: DeskSetting) -> None:
        from stats.answer.desk import RespondentDesk
        from stats.answer.program import WaitUntil, enter_survey, look_after, open_guest, serve_pages
        from stats.answer.terminal import TerminalTalk, answer_survey

        desk, survey = RespondentDesk(where), None
        if invited is not None:
            await open_guest(setting, (invited.collector, invited.issuer), provider=provider)
            survey = await enter_survey(desk, await _with_code(setting, desk, invited, code_from))
        if page or survey is None:
            await serve_pages(setting, desk, provider=provider)
            return
        talk = TerminalTalk(setting.say, _ask, _confirm)
        now_s = setting.clock.seconds()
        await answer_survey(talk, desk, survey, given=given, is_sure=yes, now_s=now_s)
        await look_after(setting, desk, WaitUntil(until))
        if as_json:
            await _tell_json(desk)

    perform(directory, network, work, quiet=as_json, within_s=within_s)


@answer.command()
@CLIENT
@click.option(
    "--until",
    type=click.Choice(["drawn", "posted", "ended"]),
    default="drawn",
    help="Wait until the client has the reports, or the collector has them.  [default: wait for nothing]",
)
@WITHIN
@AS_JSON
def status(directory: Path, until: str, within_s: float, as_json: bool) -> None:
    """Look after what waits, and tell what became of every report."""
    from stats.answer.wording import told_questions, told_report

    async def work(setting: AnsweringSetting, where: DeskSetting) -> None:
        from stats.answer.desk import RespondentDesk
        from stats.answer.program import WaitUntil, look_after

        desk = RespondentDesk(where)
        await look_after(setting, desk, WaitUntil(until))
        if as_json:
            await _tell_json(desk)
            return
        for survey in await desk.surveys():
            found = await desk.standing(survey)
            setting.say(f"{survey.title} ({survey.survey_id.hex()[:16]})")
            for report in found.reports:
                period = f", period {report.place.period + 1}" if survey.period_count > 1 else ""
                setting.say(f"  {told_questions(survey, report.place.sheet)}{period}: {told_report(survey, report)}")

    perform(directory, None, work, quiet=as_json, within_s=within_s)


@answer.command()
@CLIENT
@click.option("--eps", help="The most that may be lost if one mix is honest.")
@click.option("--eps0", help="The most that may be lost if all mixes work together.")
@click.option("--days", type=click.IntRange(1, 36_500), help="Within so many days.")
@click.option("--trust-collectors/--no-trust-collectors", default=None, help="Whether true answers may leave.")
@AS_JSON
def budget(
    directory: Path, eps: str | None, eps0: str | None, days: int | None, trust_collectors: bool | None, as_json: bool
) -> None:
    """Show your privacy budget, or change what you allow.

    Every answer gives away a little, and the losses of all surveys add up. Without a choice of yours, surveys may cost
    10 (eps) and 200 (eps0) within 365 days, and true answers never leave.
    """
    from stats.answer.ledger import PrivacyLimits, loss_of, shown_loss, spent
    from stats.answer.program import open_answers
    from stats.answer.store import rows
    from stats.answer.wording import told_cost

    store = open_answers(directory.expanduser() / ANSWERS)
    try:
        limits = store.read(rows.find_limits)
        changed = PrivacyLimits(
            limits.eps if eps is None else loss_of(eps),
            limits.eps0 if eps0 is None else loss_of(eps0),
            limits.days if days is None else days,
            limits.trusts_collectors if trust_collectors is None else trust_collectors,
        )
        if changed != limits:
            store.write(lambda connection: rows.set_limits(connection, changed))
            limits = changed
        losses = store.read(rows.all_losses)
    finally:
        store.close()
    found = spent(losses, limits, stats_outside().now_s())
    if as_json:
        click.echo(json.dumps({"limits": vars(limits), "spent": vars(found), "unit": 0.000001}))
        return
    click.echo(f"spent within {limits.days} days, and allowed:")
    click.echo(f"  {shown_loss(found.eps)} of {shown_loss(limits.eps)} if one mix is honest (eps)")
    click.echo(f"  {shown_loss(found.eps0)} of {shown_loss(limits.eps0)} if all mixes work together (eps0)")
    click.echo(f"true answers: {'may leave' if limits.trusts_collectors else 'never leave'}")
    for loss in losses:
        click.echo(f"  {loss.title}, period {loss.period + 1}: {told_cost(loss.eps, loss.eps0)}")


@answer.command()
@click.argument("survey")
@CLIENT
def forget(survey: str, directory: Path) -> None:
    """Forget SURVEY, whose id or its beginning `status` shows; what it cost is kept."""

    async def work(setting: AnsweringSetting, where: DeskSetting) -> None:
        from stats.answer.desk import RespondentDesk

        desk = RespondentDesk(where)
        found = [each for each in await desk.surveys() if len(survey) >= 8 and each.survey_id.hex().startswith(survey)]
        if len(found) != 1:
            raise MisuseError(f"{len(found)} surveys begin with {survey[:64]!r}; `status` shows them all")
        await desk.forget(found[0])
        setting.say(f"{found[0].title}: forgotten")

    perform(directory, None, work, quiet=False)


async def _with_code(
    setting: AnsweringSetting, desk: RespondentDesk, invited: SurveyInvitation, code_from: Path | None
) -> SurveyInvitation:
    """Return the invitation with its code, which is asked for if it is needed and not here."""
    import dataclasses

    from stats.cli.respondent.codes import obtain_code

    survey = await desk.join(invited)
    if not survey.takes_tokens or survey.kept.code:
        return invited
    if code_from is None:
        return dataclasses.replace(invited, code=_ask("The code that came with the invitation", hidden=True).strip())
    setting.say("looking for the code among the messages")
    named = await setting.open_client(code_from.expanduser())
    try:
        obtained = await obtain_code(named, survey, setting.pause)
        setting.say(obtained.words)
        return dataclasses.replace(invited, code=obtained.code)
    finally:
        named.close()


async def _tell_json(desk: RespondentDesk) -> None:
    told = []
    for survey in await desk.surveys():
        found = await desk.standing(survey)
        reports = [
            {
                "period": report.place.period,
                "questions": [question.name for question in survey.questions_of(report.place.sheet)],
                "state": report.state.value,
            }
            for report in found.reports
        ]
        told.append({"survey": survey.survey_id.hex(), "title": survey.title, "reports": reports})
    click.echo(json.dumps({"surveys": told, "problem": desk.problem}))


def _ask(words: str, *, hidden: bool = False) -> str:
    with _interruptible():
        return str(click.prompt(words, default="", show_default=False, hide_input=hidden, err=True))


def _confirm(words: str) -> bool:
    with _interruptible():
        return click.confirm(words, err=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question: the reactor, which otherwise hears of it, waits for the answer."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
