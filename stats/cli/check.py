"""`loopixmix stats new`, `check` and `preview`: write a survey, and see what it will tell and give away."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopixmix.errors import ConfigError, FormatError
from stats.cli.files import NEW, READ, create, read
from stats.cli.outside import AS_JSON, stats_outside, wrapped

if TYPE_CHECKING:
    from rich.console import Console

    from loopixmix.verdict import Verdict
    from stats.planning.forecasting import SheetForecast
    from stats.questionnaire.questionnaire import Questionnaire, Sheet, SurveyDraft

_FILE = click.argument("file", metavar="FILE", type=READ)


@click.command()
@click.argument("out", metavar="DRAFT", type=NEW)
@click.option("--collector", default="collector.example", show_default=True, help="The provider of the collector.")
@click.option("--issuer", default="issuer.example", show_default=True, help="The provider of the issuer.")
def new(out: Path, collector: str, issuer: str) -> None:
    """Write an example into the new file DRAFT, and tell what each field means.

    It has a question of each kind but a counter. Change it, and look at it by `check` and `preview`.
    """
    from rich.console import Console
    from rich.table import Table

    from stats.planning.example import FIELDS, example_draft, written

    create(out, written(example_draft(stats_outside().now_s(), collector, issuer)), mode=0o644)
    table = Table.grid(padding=(0, 2))
    for field, meaning in FIELDS:
        table.add_row(f"[bold]{field}", meaning)
    console = Console()
    console.print(table)
    console.print(f"\n{out}: written; next:  loopixmix stats check {out}", soft_wrap=True)


@click.command()
@_FILE
@AS_JSON
def check(file: Path, as_json: bool) -> None:
    """Check the draft or questionnaire in FILE, and forecast what it will tell, before anybody answers.

    All faults are told, each with its place. Then each question's mechanism is shown, its local privacy loss eps0, and
    how far a share will be off for 100 to 1,000,000 answers. The exit code is 0 only if FILE is sound.
    """
    import msgspec
    from rich.console import Console

    from stats.questionnaire.promises import period_count

    console = Console(stderr=as_json)
    draft, frozen = _read_either(file)
    faults, sheets = _judged(draft, frozen)
    forecasts = _forecasts(draft, sheets)
    result = _verdict(faults, _figures(draft, forecasts))
    if as_json:
        click.echo(msgspec.json.encode(result))
    else:
        _show(console, faults, forecasts)
        if not faults and period_count(draft) > 1:
            _show_periods(console, draft, forecasts)
        if frozen is not None and not faults:
            console.print(f"frozen; the survey's id is {frozen.survey_id.hex()}", soft_wrap=True)
    if faults:
        sys.exit(1)


@click.command()
@_FILE
def preview(file: Path) -> None:
    """Show what a respondent will see of the draft or questionnaire in FILE."""
    from stats.planning.forecasting import forecast
    from stats.planning.previewing import preview_lines

    draft, frozen = _read_either(file)
    faults, sheets = _judged(draft, frozen)
    for fault in faults:
        raise ConfigError(f"{file}: {fault}")
    # A preview tells what is promised; what larger numbers would give takes longer.
    for line in preview_lines(draft, forecast(draft, sheets, ())):
        click.echo(wrapped(line))


def _read_either(path: Path) -> tuple[SurveyDraft, Questionnaire | None]:
    """Return the draft in a file, and the questionnaire if that is what is in it."""
    import msgspec

    from stats.questionnaire.freezing import decode_draft
    from stats.questionnaire.questionnaire import decode_questionnaire

    data = read(path)
    try:
        fields = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        if "draft" in fields:
            questionnaire = decode_questionnaire(data)
            return questionnaire.draft, questionnaire
        return decode_draft(data), None
    except (FormatError, msgspec.MsgspecError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _judged(draft: SurveyDraft, frozen: Questionnaire | None) -> tuple[list[str], Sequence[Sheet]]:
    """Return the faults, and the sheets if there are none."""
    from loopixmix.errors import MisuseError
    from stats.questionnaire.checking import faults
    from stats.questionnaire.compiling import compile_draft
    from stats.questionnaire.drafts import draft_faults

    found = draft_faults(draft) if frozen is None else faults(frozen)
    if found:
        return found, ()
    if frozen is not None:
        return [], frozen.sheets
    try:
        return [], compile_draft(draft)
    except MisuseError as error:
        return [f"privacy: {error}"], ()


def _forecasts(draft: SurveyDraft, sheets: Sequence[Sheet]) -> Sequence[SheetForecast]:
    from stats.planning.forecasting import forecast

    return forecast(draft, sheets)


def _figures(draft: SurveyDraft, forecasts: Sequence[SheetForecast]) -> Mapping[str, float]:
    from stats.planning.figures import figures_of
    from stats.planning.forecasting import over_all_periods

    if not forecasts:
        return {}
    all_periods = over_all_periods(draft, forecasts).eps
    return {**figures_of(forecasts), **({"eps.all_periods": all_periods} if math.isfinite(all_periods) else {})}


def _show_periods(console: Console, draft: SurveyDraft, forecasts: Sequence[SheetForecast]) -> None:
    from stats.planning.figures import shown_eps
    from stats.planning.forecasting import over_all_periods
    from stats.questionnaire.promises import period_count

    told = shown_eps(over_all_periods(draft, forecasts).eps)
    text = f"a person who answers in all {period_count(draft)} periods loses at most {told}, if one mix is honest:"
    console.print(f"{text} responses are permanent, so that all periods tell no more than one answer")


def _verdict(faults: Sequence[str], figures: Mapping[str, float]) -> Verdict:
    from loopixmix.verdict import Check, verdict

    checks = [Check(name=place_of(fault), passed=False, value=None, expected="sound", detail=fault) for fault in faults]
    sound = Check(name="the whole file", passed=not faults, value=f"{len(faults)} faults", expected="no fault")
    return verdict([sound, *checks], figures)


def place_of(fault: str) -> str:
    """Return the place in the file that a fault names."""
    return fault.partition(": ")[0]


def _show(console: Console, faults: Sequence[str], forecasts: Sequence[SheetForecast]) -> None:
    from rich.markup import escape

    from stats.planning.figures import forecast_tables

    for fault in faults:
        console.print(f"[bold red]fault[/]  {escape(fault)}", soft_wrap=True)
    if not faults:
        for table in forecast_tables(forecasts):
            console.print(table)
