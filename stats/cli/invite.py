"""`loopixmix stats invite`: a file from which invitations are mailed."""

from __future__ import annotations

from pathlib import Path

import click

from loopixmix.errors import ConfigError
from stats.cli.files import NEW, READ, create, read, read_questionnaire


@click.command()
@click.argument("questionnaire", metavar="QUESTIONNAIRE", type=READ)
@click.argument("people", metavar="PEOPLE", type=READ)
@click.argument("out", metavar="OUT", type=NEW)
@click.option("--codes", type=READ, help="The file that `issuer codes` wrote.")
@click.option("--remind", is_flag=True, help="Write reminders: to everybody, since nobody knows who has answered.")
def invite(questionnaire: Path, people: Path, out: Path, codes: Path | None, remind: bool) -> None:
    """Write the new file OUT (CSV), from which invitations to a survey are mailed to PEOPLE.

    PEOPLE is a CSV file in UTF-8, whose first line names its columns; there is one line for each person. OUT has the
    same columns, and code, survey, collector, invitation, opens, closes and title. `loopixmix stats answer` takes the
    invitation. With codes, OUT is as secret as they are: delete it when the mails are out.

    Which code goes to whom is not kept anywhere else, and is of no use to the collector: it never sees a code.
    """
    from stats.planning import inviting

    survey = read_questionnaire(questionnaire)
    listed = inviting.read_rows(read(people), str(people))
    if remind:
        if codes is not None:
            raise ConfigError("a reminder has no code: everybody has got theirs by the invitation")
        rows = list(inviting.reminders(survey, listed))
    else:
        given = () if codes is None else inviting.codes_of(inviting.read_rows(read(codes), str(codes)))
        rows = list(inviting.invitations(survey, listed, given))
    # With a byte order mark, spreadsheets take it for UTF-8.
    create(out, inviting.written(rows).encode("utf-8-sig"), mode=0o600)
    click.echo(f"{out}: {len(rows)} {'reminders' if remind else 'invitations'}")
