"""`loopixmix stats demo`: real data answered by simulated people, over a network on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from stats.cli.outside import stats_outside

FAIR, FLOWS, RELAYS = "fair", "flows", "relays"
PEOPLE = {FAIR: 300, FLOWS: 100_000}
MOST = {FAIR: 1_000, FLOWS: 1_000_000}
LEAST = 12


@click.command()
@click.option(
    "--example",
    type=click.Choice([FAIR, FLOWS, RELAYS]),
    default=FAIR,
    show_default=True,
    help="fair: a survey over a network. flows: flights from New York City, in one process. relays: counters of nodes.",
)
@click.option("--people", type=click.IntRange(min=LEAST), help="How many answer.  [default: 300; flows: 100000]")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as one JSON object, the story on stderr.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to put everything, and leave the files; a temporary directory by default.",
)
@click.option("--base-port", type=click.IntRange(1, 65_000), help="The first port to use; by default free ones.")
def demo(example: str, people: int | None, as_json: bool, directory: Path | None, base_port: int | None) -> None:
    """Hold a whole survey over a network on this machine, and judge it.

    Simulated people answer a real survey: each report is randomised, and travels over the mix network with a blind
    token. Truth and estimate are shown side by side. Somebody answers twice and sends junk, and is refused. It takes
    some four minutes. The exit code is 0 only if all checks passed.
    """
    import msgspec
    from rich.console import Console

    from loopixmix.testnet.places import TemporaryPlace, free_base_port
    from loopixmix.verdict import Verdict, show

    if example == RELAYS and people is not None:
        raise click.UsageError("in the example of relays nobody answers: it takes no --people")
    count = PEOPLE.get(example, 0) if people is None else people
    if example != RELAYS and count > MOST[example]:
        raise click.BadParameter(f"at most {MOST[example]:,} people answer this example", param_hint="--people")
    # What a program reads must be alone on stdout.
    console, outside = Console(stderr=as_json), stats_outside()

    def demonstrated(root: Path) -> Verdict:
        if example == FLOWS:
            from stats.demo.flow_checks import demonstrate_flows

            return demonstrate_flows(root, count, console, outside.rng)
        if example == RELAYS:
            from stats.demo.relays import demonstrate_relays

            return demonstrate_relays(root, base_port or free_base_port(), console, outside.rng)
        from stats.demo.network import DemoScale
        from stats.demo.program import demonstrate_survey

        scale = DemoScale(people=count, base_port=base_port or free_base_port())
        return demonstrate_survey(root, scale, console, rng=outside.rng, perform=outside.perform)

    if directory is None:
        with TemporaryPlace("loopixmix-survey-", console) as place:
            result = demonstrated(place.path)
            place.ended(well=result.passed)
    else:
        result = demonstrated(directory.absolute())
    if as_json:
        click.echo(msgspec.json.encode(result))
    else:
        show(console, result)
    sys.exit(0 if result.passed else 1)
