"""The respondent's program: a client with a guest account, a survey, and looking after the reports."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from client.api import Client, RegistrationRefusedError, UnavailableError
from client.remote import RemoteClient
from loopixmix.errors import MisuseError
from loopixmix.net.sockets import Sockets
from loopixmix.process.files import make_directory
from loopixmix.seams import Clock, Rng
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from loopixmix.web.visiting.server import PageServer
from stats.answer.desk import RespondentDesk
from stats.answer.invitation import SurveyInvitation
from stats.answer.page.pages import RespondentPages
from stats.answer.store.rows import KeptReport, ReportState
from stats.answer.store.schema import SCHEMA
from stats.answer.surveys import JoinedSurvey
from stats.answer.wording import told_waiting

PAGES = "surveys"
LOOK_S = 10.0
STORE = "answers.sqlite3"


class WaitUntil(enum.Enum):
    """How long a program looks after reports."""

    DRAWN = "drawn"
    """They are on this disk. A later call sends them."""
    POSTED = "posted"
    """The client has them, and sends them at their times."""
    ENDED = "ended"
    """The collector has them, or they are given up."""

    def is_reached(self, report: KeptReport) -> bool:
        """Tell whether a report is so far."""
        if report.state.is_end or self is WaitUntil.DRAWN:
            return True
        return self is WaitUntil.POSTED and report.state is ReportState.POSTED


@dataclass(frozen=True)
class AnsweringSetting:
    """What the respondent's program stands in.

    `say`: shows a line; `pause`: waits for seconds; `open_client`: starts the client of another directory.
    """

    client: Client
    clock: Clock
    rng: Rng
    sockets: Sockets
    say: Callable[[str], object]
    pause: Callable[[float], Awaitable[None]]
    open_client: Callable[[Path], Awaitable[RemoteClient]]


def open_answers(directory: Path) -> Store:
    """Open what is kept in a folder, which is made if it is not there, and is private."""
    make_directory(directory)
    return Store(SCHEMA, sqlite_url(directory / STORE))


async def open_guest(setting: AnsweringSetting, hosts: tuple[str, str], *, provider: str = "") -> None:
    """Open a guest account if the client has no account: at `provider`, or away from `hosts`.

    `hosts`: the providers of collector and issuer. They would see a guest's link, and the reports or orders, together.
    If all providers are one of them, it is that of the issuer, and this is said.
    Raises `MisuseError` if there is none but the collector's, and what `Client.register_guest` raises.
    """
    client = setting.client
    status = await client.status()
    if status.test_network:
        setting.say("this network is a test network, for trying things on: it hides nobody")
    if status.registered:
        return
    collector, issuer = hosts
    names = [provider] if provider else [each.name for each in (await client.network()).providers]
    others = names if provider else [name for name in names if name not in hosts]
    if not others and issuer in names and issuer != collector:
        setting.say(f"the guest account is opened at {issuer}, which also issues tokens: there is no other provider")
        others = [issuer]
    if not others:
        raise MisuseError(f"there is no provider but {collector}, which has the collector; choose one by --provider")
    setting.rng.shuffle(others)
    for name in others:
        try:
            await client.register_guest(name)
        except (RegistrationRefusedError, UnavailableError):
            if name == others[-1]:
                raise
        else:
            return


async def enter_survey(desk: RespondentDesk, invitation: SurveyInvitation) -> JoinedSurvey:
    """Take an invitation, and order its tokens long before they are needed.

    Raises what `RespondentDesk.join` and `RespondentDesk.order_tokens` raise.
    """
    survey = await desk.join(invitation)
    await desk.order_tokens(survey)
    return survey


async def look_after(setting: AnsweringSetting, desk: RespondentDesk, until: WaitUntil) -> None:
    """Move the reports of all surveys along until they are so far; say what changes."""
    told = ""
    while True:
        await desk.advance()
        reports = [report for survey in await desk.surveys() for report in (await desk.standing(survey)).reports]
        line = told_waiting(reports) + (f" ({desk.problem})" if desk.problem else "")
        if line != told:
            setting.say(line)
            told = line
        if all(until.is_reached(report) for report in reports):
            return
        await setting.pause(LOOK_S)


async def serve_pages(setting: AnsweringSetting, desk: RespondentDesk, *, provider: str = "") -> None:
    """Show the pages, and move reports along, until the program is ended; `provider`: see `open_guest`."""
    server = PageServer(
        sockets=setting.sockets, clock=setting.clock, rng=setting.rng, how=lambda _: "Start the program anew."
    )
    server.start()
    try:

        async def prepare(invitation: SurveyInvitation) -> None:
            await open_guest(setting, (invitation.collector, invitation.issuer), provider=provider)

        server.add(PAGES, RespondentPages(desk, clock=setting.clock, rng=setting.rng, prepare=prepare))
        setting.say(f"answer here, in a browser on this machine: {server.link(PAGES)}")
        setting.say("leave this running while reports wait; ctrl-C ends it, and the next start goes on")
        while True:
            await look_after(setting, desk, WaitUntil.ENDED)
            await setting.pause(LOOK_S)
    finally:
        await server.stop()
