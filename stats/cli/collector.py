"""`loopixmix stats collector`: take reports, hold them until they have company, and release them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopixmix.errors import MisuseError
from stats.cli.files import read_questionnaire
from stats.cli.outside import AS_JSON, DIRECTORY, stats_outside

if TYPE_CHECKING:
    from stats.collect.store.ledger import CollectorLedger

ID_DIGITS, LEAST_DIGITS = 64, 8
"""Of an id, and of its beginning: closing is for ever, so that a slip of a key must not name a survey."""


@click.group()
def collector() -> None:
    """Take reports, hold them until they have company, and release them.

    `init` makes a collector in DIR, `run` runs it beside a provider. Surveys may be added and closed while it runs.
    """


@collector.command()
@DIRECTORY
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the dashboard listens.")
@click.option("--port", default=8430, show_default=True, help="At which port; 0 for any free one.")
@click.option("--certificate", default="", help="A certificate chain in PEM, for other hosts than loopback.")
@click.option("--key", default="", help="Its key.")
@click.option("--store", default="", help="A PostgreSQL database; otherwise a file in DIR.")
@click.option("--columns", default="", help="The column store: a ClickHouse database; otherwise DuckDB in DIR.")
def init(directory: Path, host: str, port: int, certificate: str, key: str, store: str, columns: str) -> None:
    """Make a collector in DIR, and print what the provider's operator needs."""
    from stats.running.directory import CollectorConfig, CollectorDirectory

    config = CollectorConfig(host=host, port=port, certificate=certificate, key=key, store=store, columns=columns)
    made = CollectorDirectory.create(directory, config)
    click.echo(f"The collector is in {directory}. In the provider's node.toml:\n")
    click.echo(f"[remote.stats]\nsocket = {json.dumps(str((made.path / config.socket).resolve()))}")
    where = f"at {made.origin}" if config.port or config.origin else "at the port that `collector status` tells"
    click.echo(f"\nThe dashboard will be {where}; `loopixmix stats analyst add` says who may look.")


@collector.command()
@DIRECTORY
@click.option("--check-config", is_flag=True, help="Only check the configuration.")
def run(directory: Path, check_config: bool) -> None:
    """Run the collector of DIR until SIGTERM or ctrl-C."""
    from stats.running.directory import LOCK_FILE, CollectorDirectory

    found = CollectorDirectory(directory)
    if check_config:
        from stats.running.checking import check_collector

        check_collector(found)
        click.echo(f"{directory}: the configuration is good")
        return
    from loopixmix.process.main import run_program
    from stats.running.program import CollectorProgram

    run_program(directory / LOCK_FILE, lambda world: CollectorProgram(found, world=world))


@collector.command()
@DIRECTORY
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def add(directory: Path, file: Path) -> None:
    """Collect the survey of the frozen questionnaire in FILE, from its opening on. Print its id."""
    from stats.questionnaire.questionnaire import encode_canonical

    questionnaire = read_questionnaire(file)
    if questionnaire.draft.closes_s <= stats_outside().now_s():
        raise MisuseError(f"{file}: the survey closed at {questionnaire.draft.closes:%Y-%m-%d %H:%M:%S} UTC already")
    ledger = _open_ledger(directory)
    try:
        ledger.add_survey(questionnaire.survey_id, encode_canonical(questionnaire))
    finally:
        ledger.close()
    click.echo(questionnaire.survey_id.hex())


@collector.command()
@DIRECTORY
@click.argument("survey", metavar="SURVEY")
def close(directory: Path, survey: str) -> None:
    """Close SURVEY (its id, or the beginning of it) now, before its time.

    Its reports are released if they are enough, and otherwise discarded, as at its end.
    """
    ledger = _open_ledger(directory)
    try:
        found = [each.survey_id for each in ledger.surveys() if each.survey_id.hex().startswith(survey.lower())]
        if len(found) != 1 or len(survey) < LEAST_DIGITS:
            raise MisuseError(
                f"{survey[:ID_DIGITS]!r} is the beginning of {len(found)} ids of surveys; name one by {LEAST_DIGITS} "
                "digits or more, as `collector list` shows it"
            )
        ledger.close_survey(found[0], int(stats_outside().now_s()))
    finally:
        ledger.close()
    click.echo(f"{found[0].hex()} is closed")


@collector.command("list")
@DIRECTORY
@AS_JSON
def list_surveys(directory: Path, as_json: bool) -> None:
    """List the surveys, with how many reports were released and refused."""
    import msgspec

    from stats.running.standing import kept_surveys, standing_of

    ledger = _open_ledger(directory)
    try:
        standing = standing_of(ledger, kept_surveys(ledger), None)
    finally:
        ledger.close()
    if as_json:
        click.echo(msgspec.json.encode(standing))
        return
    for each in standing.surveys:
        state = "settled" if each.is_settled else "closed" if each.is_closed else f"until {each.closes}"
        click.echo(
            f"{each.survey_id[:16]}  {each.title}  ({state}): {each.released} released, {each.discarded} too few"
        )
    for reason, amount in sorted(standing.refused.items()):
        click.echo(f"refused as {reason}: {amount}")


@collector.command()
@DIRECTORY
@AS_JSON
def status(directory: Path, as_json: bool) -> None:
    """Tell how a collector that runs is."""
    from loopixmix.process.status import told_by_holder
    from stats.running.directory import LOCK_FILE

    told = told_by_holder(directory / LOCK_FILE)
    if told is None:
        raise MisuseError(f"{directory}: no collector runs here")
    if as_json:
        click.echo(told)
        return
    found = json.loads(told)
    surveys = found.pop("surveys", [])
    for name, value in found.items():
        click.echo(f"{name.replace('_', ' ')}: {value}")
    for each in surveys:
        click.echo(f"{each['survey_id'][:16]}  {each['title']}: {each['waiting']} wait, {each['released']} released")


def _open_ledger(directory: Path) -> CollectorLedger:
    from loopixmix.store.transactions import Store
    from stats.collect.store.ledger import CollectorLedger
    from stats.collect.store.schema import SCHEMA
    from stats.running.directory import CollectorDirectory

    return CollectorLedger(Store(SCHEMA, CollectorDirectory(directory).store_url))
