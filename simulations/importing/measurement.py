"""A measurement of a running network, with how and on which machine it was made; kept as one JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from loopixmix.errors import MisuseError
from loopixmix.params import NetworkParams
from loopixmix.process.files import file_error
from simulations.measures.catalogue import unit_of
from simulations.measures.replicates import Estimate, estimate
from simulations.outcome import Outcome

FORMAT = 1
ENGINE = "measured"


class MeasuredNetwork(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The network as it was. `users`: linked clients, those of the measurement included.

    `messages_per_s`: what each measuring client handed over; others are taken to be idle. `link_s`: seconds of one link
    with the work at its end, from what the mixes' own loops took beyond the delays drawn for them.
    """

    params: NetworkParams
    width: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    providers: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    users: Annotated[int, msgspec.Meta(ge=1)]
    measuring_users: Annotated[int, msgspec.Meta(ge=1)]
    messages_per_s: Annotated[float, msgspec.Meta(ge=0)]
    link_s: Annotated[float, msgspec.Meta(ge=0)]


class Measurement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of it. `outcome`: figures and distributions by the catalogue's names, as a simulation gives them.

    `batches`: each figure in consecutive parts of the time, from which its interval follows; `how`: for each measure
    how it was measured; `begun`: date and time in UTC; `machine`: what kind it was.
    """

    format: int = FORMAT
    name: str = "network"
    begun: str
    machine: str
    duration_s: Annotated[float, msgspec.Meta(gt=0)]
    network: MeasuredNetwork
    outcome: Outcome
    batches: dict[str, tuple[float, ...]]
    how: dict[str, str]

    def estimate(self, measure: str) -> Estimate | None:
        """Return a figure with the 95 % interval of its mean over batches; None if it was not measured."""
        if measure not in self.outcome.figures:
            return None
        found = estimate(self.batches.get(measure, ()))
        value = self.outcome.figures[measure]
        if found.low is None or found.high is None:
            return Estimate(1, value, None, None, None, (value, value, value))
        # The value is that of the whole time, and the batches give only its spread: their mean is another one if they
        # differ in length.
        half = (found.high - found.low) / 2
        return Estimate(found.count, value, found.sd, value - half, value + half, found.quantiles)


def save_measurement(measurement: Measurement, path: Path) -> None:
    """Write a measurement as JSON; raise `StoreError` if that fails."""
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(measurement), indent=1) + b"\n")
    except OSError as error:
        raise file_error(error, f"{path} cannot be written") from error


def load_measurement(path: Path) -> Measurement:
    """Return the measurement in the file at `path`; raise `MisuseError` with one line if it is none."""
    try:
        octets = path.read_bytes()
    except FileNotFoundError:
        raise MisuseError(f"{path}: there is no such file") from None
    except OSError as error:
        raise MisuseError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        found = msgspec.json.decode(octets, type=Measurement)
        for measure in (*found.outcome.figures, *found.outcome.distributions):
            unit_of(measure)
    except (msgspec.DecodeError, UnicodeDecodeError, MisuseError) as error:
        raise MisuseError(f"{path}: is no measurement of this version: {error}") from error
    if found.format != FORMAT:
        raise MisuseError(f"{path}: is of format {found.format}: this version reads {FORMAT}")
    return found
