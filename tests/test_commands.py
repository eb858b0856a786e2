"""All commands of the command line: which of them tell JSON, and how their overviews look."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from loopixmix.main import loopixmix

RUNS = "it goes on until it is stopped; `status --json` tells how it is"
DOES = "it does one thing, and its exit code tells whether that went"
FILE = "its answer is a new file, whose name is given"
ALONE = "its output is the answer and nothing else: one value, or JSON already"
PEOPLE = "it leads a person through a step; programs read the files that it makes"

WITHOUT_JSON = {
    RUNS: """
        authority run; client run; mail gateway run; mail leap-gateway run; mail run; mix run; provider run;
        provider serve; stats collector run; stats issuer run; stats relay run; vote board run; vote trustee watch;
        vote cast; testnet up
    """,
    DOES: """
        client contacts remove; client delete; client readers remove; client stop; client tokens order;
        mail accounts remove; mail devices remove; mail gateway opt-in; mail gateway opt-out; mail gateway stop;
        mail leap-gateway retry; mail leap-gateway stop; mail leap-gateway users add; mail leap-gateway users import;
        mail leap-gateway users move; mail leap-gateway users remove; mail stop; mix withdraw;
        provider accounts remove; provider withdraw; stats analyst remove; stats analyst rights; stats answer forget;
        stats collector close; stats data erase; stats data import; testnet down; vote admin exclude; vote admin go-on;
        vote admin start; vote credentials exclude; vote credentials renew; vote submit; vote trustee object
    """,
    FILE: """
        client tokens take; simulate plot distribution; simulate plot loopix-fig10; simulate plot loopix-fig4;
        simulate plot loopix-fig5; simulate plot loopix-fig6; simulate plot mixim-fig5a; simulate plot mixim-fig7a;
        simulate plot overlay; simulate plot pareto; simulate plot replicates; simulate plot sweep;
        stats counters new; stats counters total; stats export; stats invite; stats issuer add; stats issuer codes;
        stats new; stats preview; vote credentials invitations; vote credentials reminders;
        vote credentials sign; vote fetch; vote tally
    """,
    ALONE: """
        client openapi; client request; stats analyst add; stats analyst password; stats analyst token; stats code;
        stats collector add; stats counters add; stats counters nodes; stats data terms; stats freeze; stats relay init;
        vote board init; vote credentials init; vote credentials draw; vote mixer init; vote trustee init
    """,
    PEOPLE: """
        client init; mail gateway init; mail leap-gateway init; stats collector init; stats issuer init; testnet init;
        vote admin draft; vote admin init; vote board credentials; vote credentials erase;
        vote credentials voters; vote mixer mix; vote mixer prepare; vote trustee backup; vote trustee check-backup;
        vote trustee decrypt; vote trustee make-key; vote trustee restore; vote trustee sign-record
    """,
}
"""The commands that take no --json, by the reason."""


def walk(command: click.Command, path: tuple[str, ...], parent: click.Context | None) -> Iterator[click.Context]:
    """Yield a context of each command and group below `command`."""
    context = click.Context(command, parent=parent, info_name=path[-1], terminal_width=80, max_content_width=80)
    yield context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None, (*path, name)
            yield from walk(found, (*path, name), context)


ALL = list(walk(loopixmix, ("loopixmix",), None))


def takes_json(command: click.Command) -> bool:
    return any("--json" in parameter.opts for parameter in command.params)


def test_every_command_tells_json_or_there_is_a_reason() -> None:
    commands = {each.command_path.removeprefix("loopixmix "): each.command for each in ALL}
    leaves = {path: command for path, command in commands.items() if not isinstance(command, click.Group)}
    assert len(leaves) > 150
    listed = [path for paths in WITHOUT_JSON.values() for path in re.split(r";\s*", paths.strip())]
    assert len(listed) == len(set(listed))
    without = {
        " ".join(word for word in path.split() if word.isascii() and word[0].islower()): command
        for path, command in leaves.items()
        if not takes_json(command)
    }
    assert sorted(without) == sorted(listed)


@pytest.mark.parametrize(
    "context", [each for each in ALL if isinstance(each.command, click.Group)], ids=lambda c: c.command_path
)
def test_overviews_fit_80_columns_and_no_summary_is_cut(context: click.Context) -> None:
    shown = context.command.get_help(context)
    body = shown.partition("\n\n")[2]  # without the line of usage
    assert [line for line in body.splitlines() if len(line) > 80 or line.rstrip().endswith("...")] == []


def test_an_overview_tells_a_long_summary_whole() -> None:
    shown = CliRunner().invoke(loopixmix, ["stats", "--help"], terminal_width=80).output
    assert "what it will tell, before anybody answers" in " ".join(shown.split())
