"""`loopixmix stats analyst`: who may look at results, export them, and spend budget."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stats.cli.outside import AS_JSON, DIRECTORY, stats_outside

if TYPE_CHECKING:
    from stats.analysts.book import AnalystBook

MOST_DEEDS = 10_000
NAME = click.argument("name", metavar="NAME")
RIGHTS = click.option(
    "--rights",
    default="see",
    show_default=True,
    metavar="WORDS",
    help="What they may do, with commas between: see (results), export (files), spend (privacy budget).",
)


@click.group()
def analyst() -> None:
    """Say who may look at results, export them, and spend privacy budget.

    DIR is the directory of the collector. What is changed counts at once, also for a collector that runs.
    """


@analyst.command()
@DIRECTORY
@NAME
@RIGHTS
def add(directory: Path, name: str, rights: str) -> None:
    """Add an analyst, and print the password, which is shown only now."""
    from stats.analysts.rights import decode_rights

    chosen = decode_rights(rights)
    with _book(directory) as book:
        click.echo(book.add(name, chosen))


@analyst.command("list")
@DIRECTORY
@AS_JSON
def list_(directory: Path, as_json: bool) -> None:
    """List all analysts, what they may do, and the tokens of their programs."""
    from stats.analysts.rights import encode_rights

    with _book(directory) as book:
        found = [(each, book.tokens(each.name)) for each in book.all()]
    if as_json:
        click.echo(
            json.dumps(
                [
                    {
                        "name": each.name,
                        "rights": encode_rights(each.rights),
                        "since": _moment(each.made_at_s),
                        "tokens": [{"label": token.label, "until": _moment(token.ends_at_s)} for token in tokens],
                    }
                    for each, tokens in found
                ]
            )
        )
        return
    for each, tokens in found:
        click.echo(f"{each.name}: {encode_rights(each.rights) or 'nothing'}, since {_moment(each.made_at_s)}")
        for token in tokens:
            click.echo(f"  token {token.label}, until {_moment(token.ends_at_s)}")


@analyst.command()
@DIRECTORY
@NAME
@click.argument("words", metavar="RIGHTS")
def rights(directory: Path, name: str, words: str) -> None:
    """Give an analyst exactly RIGHTS, such as see,export; "" takes all away."""
    from stats.analysts.rights import decode_rights

    chosen = decode_rights(words)
    with _book(directory) as book:
        book.change_rights(name, chosen)


@analyst.command()
@DIRECTORY
@NAME
def remove(directory: Path, name: str) -> None:
    """Remove an analyst and all tokens; what they did stays recorded."""
    with _book(directory) as book:
        book.remove(name)


@analyst.command()
@DIRECTORY
@NAME
def password(directory: Path, name: str) -> None:
    """Make a new password and print it; the old one, sessions and tokens end."""
    with _book(directory) as book:
        click.echo(book.change_password(name))


@analyst.command()
@DIRECTORY
@NAME
@click.option("--label", default="program", show_default=True, help="What it is for.")
@click.option("--days", default=90, show_default=True, help="How long it counts.")
@click.option("--remove", "is_removed", is_flag=True, help="Remove the tokens of this label instead.")
def token(directory: Path, name: str, label: str, days: int, is_removed: bool) -> None:
    """Make a token for a program of an analyst, and print it; it is shown only now.

    `loopixmix stats query` and `export` take it from a file. It has the rights of the analyst, as they are then.
    """
    with _book(directory) as book:
        if is_removed:
            book.remove_token(name, label)
        else:
            click.echo(book.make_token(name, label, days))


@analyst.command()
@DIRECTORY
@AS_JSON
@click.option("--most", default=100, show_default=True, type=click.IntRange(1, MOST_DEEDS), help="How many at most.")
def record(directory: Path, as_json: bool, most: int) -> None:
    """Show who exported what, the newest first. What was spent is shown by `stats data`."""
    with _book(directory) as book:
        found = [
            {
                "at": _moment(deed.at_s),
                "analyst": deed.analyst,
                "did": deed.kind,
                "with": deed.subject,
                "how_much": deed.amount,
            }
            for deed in book.deeds(most)
        ]
    if as_json:
        click.echo(json.dumps(found))
        return
    for each in found:
        click.echo("  ".join(each.values()))


@contextmanager
def _book(directory: Path) -> Iterator[AnalystBook]:
    from stats.analysts.opening import open_book

    outside = stats_outside()
    book = open_book(directory, rng=outside.rng, now_s=outside.now_s)
    try:
        yield book
    finally:
        book.close()


def _moment(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
