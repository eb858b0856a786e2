"""What the commands of respondents and devices share: the client, the answers in its directory, the invitation."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

import click

from loopixmix.errors import ConfigError, MisuseError
from stats.cli.outside import stats_outside, wrapped

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime
    from twisted.internet.posixbase import PosixReactorBase

    from stats.answer.desk import DeskSetting
    from stats.answer.invitation import SurveyInvitation
    from stats.answer.program import AnsweringSetting
    from stats.questionnaire.answers import Answer

HOME = Path("~/.local/share/loopixmix/respondent")
ANSWERS = "answers"
CLIENT_FILE = "client.toml"
MOST_FILE_BYTES = 1_000_000

CLIENT = click.option(
    "--client",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=HOME,
    show_default=True,
    help="The directory of the client. If it has no account, a guest account is opened. Answers are kept in it.",
)
NETWORK = click.option(
    "--network",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The trust root of the network, if there is no client yet.",
)
PROVIDER = click.option(
    "--provider", default="", help="Where to open the guest account.  [default: away from collector and issuer]"
)

WITHIN = click.option(
    "--within-s",
    type=click.FloatRange(min=0),
    default=86_400.0,
    show_default=True,
    help="The longest that a report waits, in seconds. Less is for test networks: it shows when you answer.",
)


DeskWork: TypeAlias = "Callable[[AnsweringSetting, DeskSetting], Awaitable[None]]"


def perform(directory: Path, network: Path | None, work: DeskWork, *, quiet: bool, within_s: float = 86_400.0) -> None:
    """Do some work with the client and the answers in `directory`; `quiet`: lines for people go to standard error."""
    outside = stats_outside()
    if network is None and not (directory.expanduser() / CLIENT_FILE).is_file():
        raise MisuseError(f"{directory} has no client yet: answering with --network FILE, the trust root, makes one")

    async def run(reactor: PosixReactorBase) -> None:
        from twisted.internet.task import deferLater

        from client.remote import start
        from loopixmix.net.sockets import TcpSockets
        from loopixmix.process.wallclock import WallClock
        from loopixmix.store.access import ordered_access
        from stats.answer.desk import DeskSetting
        from stats.answer.program import AnsweringSetting, open_answers
        from stats.answer.times import SendingRule
        from stats.questionnaire.checking import faults

        home = directory.expanduser()
        # Before anything waits on the reactor, whose way of counting it changes.
        clock = WallClock(reactor)
        client = await start(home, reactor=reactor, rng=outside.rng, network=network)
        store = open_answers(home / ANSWERS)
        access = ordered_access(store, waiting="answers", call_on_reactor=reactor.callFromThread)
        try:
            setting = AnsweringSetting(
                client,
                clock,
                outside.rng,
                TcpSockets(reactor),
                say=lambda line: click.echo(wrapped(line), err=quiet),
                open_client=lambda other: start(other, reactor=reactor, rng=outside.rng),
                pause=lambda seconds: deferLater(cast("IReactorTime", reactor), seconds, lambda: None),
            )
            rule = SendingRule.within(within_s)
            await work(setting, DeskSetting(client, access, clock, outside.rng, faults, rule))
        finally:
            client.close()
            await access.stop()

    outside.perform(run)


def read_invitation(given: str) -> SurveyInvitation:
    """Return the invitation in a file, in standard input, or in the command line if it has no code."""
    from stats.answer.invitation import PREFIX, InvitationError, decode_survey_invitation

    if given.startswith(f"{PREFIX}:"):
        found = decode_survey_invitation(given)
        if found.code:
            raise InvitationError(
                "others on this machine can read the code in this command line: put the invitation into a file, or "
                "give - and paste it"
            )
        return found
    return decode_survey_invitation(read_text(given, "the invitation"))


def read_text(given: str, what: str) -> str:
    """Return the text of a file, or of standard input for `-`."""
    if given == "-":
        return sys.stdin.read(MOST_FILE_BYTES)
    try:
        with Path(given).open("rb") as file:
            return file.read(MOST_FILE_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{given}: {what} cannot be read: {error}") from error


def read_answers(given: str) -> dict[str, Answer]:
    """Return answers by the names of questions, from a file or standard input."""
    import msgspec

    try:
        found = msgspec.json.decode(
            read_text(given, "the answers"), type=dict[str, str | int | float | list[str | float]]
        )
    except msgspec.MsgspecError as error:
        raise MisuseError(f"the answers are a JSON object of texts, numbers and lists: {error}") from error
    return cast("dict[str, Answer]", found)
