"""`loopixmix stats demo`: real data answered by simulated people, over a network on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from stats.cli.outside import stats_outside


@click.command()
@click.option("--people", type=click.IntRange(6, 1000), default=300, show_default=True, help="How many answer.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as one JSON object, the story on stderr.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to put everything, and leave the files; a temporary directory by default.",
)
@click.option("--base-port", default=30_000, show_default=True, help="The first port to use on 127.0.0.1.")
def demo(people: int, as_json: bool, directory: Path | None, base_port: int) -> None:
    """Hold a whole survey over a network on this machine, and judge it.

    Simulated people answer a real survey: each report is randomised, and travels over the mix network with a blind
    token. Truth and estimate are shown side by side. One person answers twice and sends junk, and is refused. It takes
    some four minutes. The exit code is 0 only if all checks passed.
    """
    import tempfile

    import msgspec
    from rich.console import Console

    from loopixmix.verdict import show
    from stats.demo.network import DemoScale
    from stats.demo.program import demonstrate_survey

    # What a program reads must be alone on stdout.
    console = Console(stderr=as_json)
    scale, outside = DemoScale(people=people, base_port=base_port), stats_outside()
    if directory is None:
        with tempfile.TemporaryDirectory(prefix="loopixmix-survey-") as temporary:
            result = demonstrate_survey(Path(temporary), scale, console, outside)
    else:
        result = demonstrate_survey(directory.absolute(), scale, console, outside)
    if as_json:
        click.echo(msgspec.json.encode(result))
    else:
        show(console, result)
    sys.exit(0 if result.passed else 1)
