"""`loopixmix simulate measure`: measure a running test network, to set it beside its simulation."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import click

from loopixmix.errors import MisuseError
from loopixmix.process.files import file_error


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("measurement.json"),
    show_default=True,
    help="Where the measurement is written; every single delivery goes to a .csv beside it.",
)
@click.option(
    "--duration",
    "duration_s",
    type=click.FloatRange(2, 86_400),
    default=60.0,
    show_default=True,
    help="Seconds that are measured.",
)
@click.option(
    "--rate",
    "rate_per_s",
    type=click.FloatRange(0, min_open=True),
    help="Messages that each client writes in a second. [default: a tenth of its payload rate]",
)
@click.option("--scenario", type=click.Path(path_type=Path, dir_okay=False), help="Write the scenario it implies, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the measurement as JSON.")
def measure(
    directory: Path, out: Path, duration_s: float, rate_per_s: float | None, scenario: Path | None, as_json: bool
) -> None:
    """Measure a running test network.

    DIRECTORY is one of `loopixmix testnet init`, which `loopixmix testnet up` started. Two clients join, write to each
    other and leave; pools, rates and live entropy are read from the nodes' status files every second.
    `loopixmix simulate plot overlay` draws the measurement over a simulation of the same network.
    """
    for path in filter(None, (out, scenario)):
        if not path.parent.is_dir():
            raise MisuseError(f"{path}: there is no folder {path.parent}")
        if not os.access(path if path.exists() else path.parent, os.W_OK):  # said now, not when all is measured
            raise MisuseError(f"{path} cannot be written")

    from rich.console import Console

    from loopixmix.progress import Bar
    from simulations.importing.main import measure_network
    from simulations.importing.measurement import save_measurement
    from simulations.importing.scenarios import scenario_of
    from simulations.scenario import to_toml

    with Bar(Console(stderr=True), with_time_left=True) as bar:
        measurement, deliveries = measure_network(
            directory,
            duration_s=duration_s,
            rate_per_s=rate_per_s,
            progress=lambda share: bar.show("measuring", share, 1.0, counted=f"{share:.0%}"),
        )
    save_measurement(measurement, out)
    rows = [(delivery.queued_at_s, delivery.received_at_s, delivery.delivery_s) for delivery in deliveries]
    _write_rows(out.with_suffix(".csv"), ("queued_at_s", "received_at_s", "delivery_s"), rows)
    if scenario is not None:
        _write(scenario, to_toml(scenario_of(measurement)))
    if as_json:
        click.echo(out.read_text())
        return
    from simulations.importing.display import measurement_table, print_table

    print_table(measurement_table(measurement))
    arrived = sum(delivery.received_at_s is not None for delivery in deliveries)
    click.echo(f"{arrived} of {len(deliveries)} messages arrived; wrote {out}")


def _write_rows(path: Path, header: tuple[str, ...], rows: Sequence[tuple[float | None, ...]]) -> None:
    try:
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)
    except OSError as error:
        raise file_error(error, f"{path} cannot be written") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise file_error(error, f"{path} cannot be written") from error
