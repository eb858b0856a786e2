"""`loopixmix vote demo`: a whole election over a network on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from votes.cli.outside import vote_outside


@click.command()
@click.option("--voters", type=click.IntRange(2, 1000), default=200, show_default=True, help="How many vote.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as one JSON object, the story on stderr.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to put everything, and leave the files; a temporary directory by default.",
)
@click.option("--base-port", type=click.IntRange(1, 65_000), help="The first port to use; by default free ones.")
def demo(voters: int, as_json: bool, directory: Path | None, base_port: int | None) -> None:
    """Hold a whole election over a network on this machine, and judge it.

    Three trustees, two mixers, a credential authority, a board, and voters who cast over the mix network. One mixer and
    one trustee cheat, and are caught. It takes some four minutes. The exit code is 0 only if all checks passed.
    """
    import msgspec
    from rich.console import Console

    from loopixmix.testnet.places import TemporaryPlace, free_base_port
    from loopixmix.verdict import show
    from votes.demo.network import DemoSize
    from votes.demo.program import demonstrate

    # What a program reads must be alone on stdout.
    console = Console(stderr=as_json)
    size, outside = DemoSize(voters=voters, base_port=base_port or free_base_port()), vote_outside()
    if directory is None:
        with TemporaryPlace("loopixmix-election-", console) as place:
            result = demonstrate(place.path, size, console, outside)
            place.ended(well=result.passed)
    else:
        result = demonstrate(directory.absolute(), size, console, outside)
    if as_json:
        click.echo(msgspec.json.encode(result))
    else:
        show(console, result)
        if directory is not None:
            console.print(f"see {directory / 'out-administrator' / 'result.html'}", soft_wrap=True, highlight=False)
    sys.exit(0 if result.passed else 1)
