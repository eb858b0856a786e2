"""`loopixmix stats issuer`: sign tokens for those who may answer; and `stats code`, for those who get a code by it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from loopixmix.errors import ConfigError, MisuseError
from stats.cli.files import READ, read_questionnaire
from stats.cli.outside import AS_JSON, DIRECTORY, stats_outside

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime
    from twisted.internet.posixbase import PosixReactorBase

    from stats.issue.counts import SurveyCounts
    from stats.issue.directory import IssuerDirectory
    from stats.issue.people import Addressee

MOST_CODES = 1_000_000
MOST_LETTERS = 200
_DRAFT = click.argument("draft", metavar="DRAFT", type=click.Path(path_type=Path, dir_okay=False, exists=True))


@click.group()
def issuer() -> None:
    """Sign tokens for those who may answer a survey, without seeing them.

    `init` makes an issuer in DIR, `add` its keys for a survey, `run` runs it beside a provider. The issuer and the
    collector of a survey belong to two providers, which are not run by the same people.
    """


@issuer.command()
@DIRECTORY
@click.option("--client", default="", help="The directory of the issuer's client, for codes sent over the network.")
@click.option("--socket", default="", help="Where the provider asks.  [default: issuer.sock in DIR]")
@click.option("--provider-user", default="", help="The user whose provider may connect; yours by default.")
@click.option("--store", default="", help="A PostgreSQL database; otherwise a file in DIR.")
def init(directory: Path, client: str, socket: str, provider_user: str, store: str) -> None:
    """Make an issuer in DIR, and print what its provider needs."""
    from stats.issue.directory import SOCKET_FILE, IssuerConfig, IssuerDirectory
    from stats.issue.service import SERVICE

    # A path on the command line is one from here, and in the file it is one from DIR.
    absolute = {"client": client and str(Path(client).absolute()), "socket": socket and str(Path(socket).absolute())}
    config = IssuerConfig(
        client=absolute["client"],
        socket=absolute["socket"] or SOCKET_FILE,
        provider_user=provider_user,
        store=store,
    )
    made = IssuerDirectory.create(directory, config)
    click.echo(f'in the provider\'s node.toml:\n\n[remote.{SERVICE}]\nsocket = "{made.socket.absolute()}"')


@issuer.command()
@DIRECTORY
@_DRAFT
@click.argument("keys", metavar="KEYS", type=click.Path(path_type=Path, dir_okay=False))
def add(directory: Path, draft: Path, keys: Path) -> None:
    """Make the keys of the survey in DRAFT, and put their public halves into the new file KEYS.

    `loopixmix stats freeze` takes KEYS into the questionnaire. There is a key for each sheet and period; each is erased
    when its period ends. An issuer that runs takes the survey up within seconds.
    """
    import msgspec
    from rich.console import Console

    from loopixmix.process.files import create_file
    from loopixmix.progress import Bar
    from stats.issue.directory import IssuerDirectory
    from stats.issue.slots import slots_of
    from stats.issue.surveys import add_survey, read_draft
    from stats.questionnaire.questionnaire import PersonKind

    found, survey, outside = IssuerDirectory(directory), read_draft(draft), stats_outside()
    if survey.persons.kind in (PersonKind.CONTACTS, PersonKind.ACCOUNT) and found.client is None:
        raise MisuseError("the codes of this survey are sent over the network: name the issuer's client in issuer.toml")
    if keys.exists():
        raise ConfigError(f"{keys}: exists already and is never overwritten")
    wanted = len(slots_of(survey))
    with Bar(Console(stderr=True), with_time_left=True) as bar:
        made = add_survey(
            found.path,
            survey,
            now_s=outside.now_s(),
            rng=outside.rng,
            told=lambda done: bar.show("making token keys", done, wanted, counted=f"{done} of {wanted}"),
        )
    create_file(keys, msgspec.json.encode(made), mode=0o644)
    click.echo(f"{len(made)} keys are in {keys}; freeze the questionnaire with them")


@issuer.command()
@DIRECTORY
@_DRAFT
@click.argument("count", type=click.IntRange(1, MOST_CODES))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path, dir_okay=False))
def codes(directory: Path, draft: Path, count: int, out: Path) -> None:
    """Make COUNT codes for the survey in DRAFT, and put them into the new CSV file OUT.

    Each is for one person. `loopixmix stats invite` makes invitations of them; hand them out, and erase OUT. The issuer
    keeps hashes, from which no code can be told.
    """
    from loopixmix.process.files import create_file
    from stats.issue.codes import draw_code, hash_code
    from stats.issue.directory import IssuerDirectory
    from stats.issue.people import add_codes
    from stats.issue.surveys import find_survey, read_draft
    from stats.questionnaire.questionnaire import PersonKind

    found, rng = IssuerDirectory(directory), stats_outside().rng
    place = find_survey(found.path, read_draft(draft))
    _require(place.draft.persons.kind is PersonKind.CODES, "its issuer gives out no codes")
    if out.exists():
        raise ConfigError(f"{out}: exists already and is never overwritten")
    made = [draw_code(rng) for _ in range(count)]
    store = found.open_store()
    try:
        hashes = [hash_code(place.draft_id, code.encode()) for code in made]
        store.write(lambda connection: add_codes(connection, place.draft_id, hashes))
    finally:
        store.close()
    create_file(out, "".join(f"{row}\n" for row in ("code", *made)).encode())
    click.echo(f"{count} codes are in {out}: whoever reads that file can answer in their place")


@issuer.command()
@DIRECTORY
@_DRAFT
@click.argument("listed", metavar="[CSV]", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@AS_JSON
def contacts(directory: Path, draft: Path, listed: Path | None, as_json: bool) -> None:
    """Let the addresses in CSV answer the survey in DRAFT, or list those that may and what became of their codes.

    CSV has the columns `address` and `fingerprint`. The issuer that runs sends each address a code, sealed to that key,
    and none to an address that has another key.
    """
    from stats.issue.directory import IssuerDirectory
    from stats.issue.people import add_addressees, listed_addressees
    from stats.issue.surveys import find_survey, read_draft
    from stats.questionnaire.questionnaire import PersonKind

    found = IssuerDirectory(directory)
    place = find_survey(found.path, read_draft(draft))
    _require(place.draft.persons.kind is PersonKind.CONTACTS, "it has no list of contacts")
    people = [] if listed is None else _read_contacts(listed)
    store = found.open_store()
    try:
        store.write(lambda connection: add_addressees(connection, place.draft_id, people))
        states = store.read(lambda connection: listed_addressees(connection, place.draft_id))
    finally:
        store.close()
    if as_json:
        click.echo(json.dumps({address: state.value for address, state in states}))
        return
    if listed is not None:
        click.echo(f"{len(people)} addresses were read; there are {len(states)} now")
        return
    for address, state in states:
        click.echo(f"{address}: {state.value}")


@issuer.command()
@DIRECTORY
@click.option("--check-config", is_flag=True, help="Only check the configuration.")
def run(directory: Path, check_config: bool) -> None:
    """Run the issuer of DIR until SIGTERM or ctrl-C."""
    from stats.issue.directory import LOCK_FILE, IssuerDirectory

    found = IssuerDirectory(directory)
    if check_config:
        click.echo(f"{directory}: the configuration is good")
        return
    from loopixmix.process.main import run_program
    from stats.issue.program import IssuerProgram

    run_program(directory / LOCK_FILE, lambda world: IssuerProgram(found, world=world))


@issuer.command()
@DIRECTORY
@AS_JSON
def status(directory: Path, as_json: bool) -> None:
    """Tell how an issuer is: whether it runs, and for each survey how many codes and signed tokens there are."""
    import msgspec

    from loopixmix.process.status import told_by_holder
    from loopixmix.store.upkeep.patience import SLOW, in_a_moment
    from stats.issue.directory import LOCK_FILE, IssuerDirectory

    found, now_s = IssuerDirectory(directory), stats_outside().now_s()
    told = told_by_holder(directory / LOCK_FILE)
    running = None if told is None else json.loads(told)
    surveys = in_a_moment(lambda: _counts_of(found, now_s))
    if as_json:
        click.echo(json.dumps({"running": running, "surveys": msgspec.to_builtins(surveys)}))
        return
    click.echo("not running" if running is None else f"running as process {running['pid']}")
    if running is not None and running["problem"]:
        click.echo(f"problem: {running['problem']}")
    if surveys is None:
        click.echo(f"problem: {SLOW}")
    for survey in surveys or ():
        click.echo(
            f"{survey.title}: {survey.codes} codes; {survey.waiting} addresses wait, {survey.refused} have another key "
            f"or are unknown; tokens by period and sheet: {', '.join(map(str, survey.signed)) or 'none'}; "
            f"{survey.keys} keys still sign"
        )


@click.command()
@DIRECTORY
@click.argument("questionnaire", metavar="QUESTIONNAIRE", type=READ)
@click.option("--within", default=120.0, show_default=True, help="Wait for so many seconds.")
def code(directory: Path, questionnaire: Path, within: float) -> None:
    """Print the code that the issuer of QUESTIONNAIRE sends to the address of the client in DIR, which runs.

    If the survey is for the accounts of a provider, the issuer is asked for it; if it is for a list of contacts, it
    sends codes by itself. Answer by another client, one without a name: the issuer then cannot tell that it is you.
    """
    from client.remote import remote_client
    from loopixmix.process.wallclock import WallClock
    from stats.issue.asking import receive_code
    from stats.questionnaire.questionnaire import PersonKind

    draft = read_questionnaire(questionnaire).draft
    if draft.persons.kind not in (PersonKind.CONTACTS, PersonKind.ACCOUNT):
        raise MisuseError("the codes of this survey are not sent over the network: they come with invitations")
    outside = stats_outside()
    found: list[str] = []

    async def work(reactor: PosixReactorBase) -> None:
        from twisted.internet.task import deferLater

        timer = cast("IReactorTime", reactor)
        client = remote_client(directory, reactor=reactor, rng=outside.rng)
        try:
            found.append(
                await receive_code(
                    client,
                    draft,
                    clock=WallClock(reactor),
                    pause=lambda seconds: deferLater(timer, seconds, lambda: None),
                    within_s=within,
                )
            )
        finally:
            client.close()

    outside.perform(work)
    click.echo(found[0])


def _require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise MisuseError(f"the draft says who a person is: {otherwise}")


def _read_contacts(path: Path) -> list[Addressee]:
    from stats.issue.people import Addressee

    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read as CSV in UTF-8: {error}") from error
    if not rows or rows[0] != ["address", "fingerprint"]:
        raise ConfigError(f"{path}: the first line is: address,fingerprint")
    for number, row in enumerate(rows[1:], 2):
        if len(row) != 2 or not all(0 < len(cell) <= MOST_LETTERS for cell in row):
            raise ConfigError(f"{path}: line {number} is no address and fingerprint")
    return [Addressee(address, fingerprint) for address, fingerprint in rows[1:]]


def _counts_of(found: IssuerDirectory, now_s: float) -> list[SurveyCounts]:
    from stats.issue.counts import counts_of

    store = found.open_store()
    try:
        return counts_of(found.path, store, now_s)
    finally:
        store.close()
