"""`loopixmix simulate verify`: published, theory, simulated, side by side."""

from __future__ import annotations

import itertools
import os
import sys
import time

import click


@click.command()
@click.option("--quick", is_flag=True, help="The short form: seconds, with wider tolerances.")
@click.option(
    "--only",
    "names",
    multiple=True,
    metavar="FIGURE",
    help="This figure only, such as loopix-fig4; may be given again. A wrong name lists all.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as one JSON object, the progress on stderr.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the tables of docs/published-figures.md.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    default=lambda: os.cpu_count() or 1,
    show_default="the processors there are",
    help="How many processes to run on; the figures do not depend on it.",
)
def verify(quick: bool, names: tuple[str, ...], as_json: bool, as_markdown: bool, jobs: int) -> None:
    """Rerun every published figure: published, theory, simulated, difference, tolerance, pass or fail.

    Exit 0 only where all rows pass. See docs/published-figures.md for where the figures are from.
    """
    # Imported here: --help of the whole group would otherwise wait for numpy and scipy.
    import msgspec
    from rich.console import Console

    from loopixmix.errors import MisuseError
    from loopixmix.progress import Bar
    from simulations.verify import display, verification
    from simulations.verify.rows import LONG, QUICK, Case

    try:
        cases = verification.cases_named(names)
    except MisuseError as error:
        raise click.BadParameter(str(error), param_hint="--only") from error
    effort, begin_s = QUICK if quick else LONG, time.monotonic()
    cases = verification.cases_for(cases, effort)
    verified = itertools.count(1)
    with Bar(Console(stderr=True)) as bar:
        bar.show("verifying", 0, len(cases))

        def done(case: Case) -> None:
            bar.show(f"{case.figure} {case.name}", next(verified), len(cases))

        rows = verification.verify(cases, effort, jobs=jobs, done=done)
    seconds = time.monotonic() - begin_s
    result = display.verdict_of(rows, seconds=seconds)
    if as_json:
        click.echo(msgspec.json.encode(result))
    elif as_markdown:
        click.echo(display.markdown(rows))
    else:
        display.show(Console(width=display.WIDTH), rows, effort=effort.name, seconds=seconds)
    sys.exit(0 if result.passed else 1)
