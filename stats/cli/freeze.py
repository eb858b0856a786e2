"""`loopixmix stats freeze`: a draft becomes the questionnaire, which never changes again."""

from __future__ import annotations

from pathlib import Path

import click

from loopixmix.errors import ConfigError, FormatError, MisuseError
from stats.cli.files import NEW, READ, create, read, read_draft


@click.command()
@click.argument("draft", metavar="DRAFT", type=READ)
@click.option("--keys", type=READ, help="The keys that `issuer add` wrote; none if the survey is open to anybody.")
@click.option("-o", "--out", type=NEW, required=True, help="The new file for the questionnaire.")
def freeze(draft: Path, keys: Path | None, out: Path) -> None:
    """Make the questionnaire of the survey in DRAFT, and print the survey's id.

    The mechanisms are compiled into it as integers, so that everybody answers by the same ones. Whoever has the id can
    check that a questionnaire is this one. Give the file to the collector.
    """
    from stats.questionnaire.freezing import decode_survey_keys, freeze
    from stats.questionnaire.questionnaire import PersonKind, encode_canonical

    try:
        survey_keys = () if keys is None else decode_survey_keys(read(keys))
    except FormatError as error:
        raise ConfigError(f"{keys}: {error}") from error
    survey_draft = read_draft(draft)
    if keys is None and survey_draft.persons.kind is not PersonKind.OPEN:
        raise MisuseError(f"{draft}: give --keys and the file that `stats issuer add` wrote for this draft")
    questionnaire = freeze(survey_draft, survey_keys)
    create(out, encode_canonical(questionnaire), mode=0o644)
    click.echo(questionnaire.survey_id.hex())
