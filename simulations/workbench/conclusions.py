"""What is said beside the figures: what theory expects, and what a reader must know to trust them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from loopixmix.errors import MisuseError
from simulations.outcome import Outcome
from simulations.scenario import Scenario
from simulations.scenario.checking import remarks
from simulations.seeds import Seeds
from simulations.workbench.engines import THEORY, engine_named
from simulations.workbench.manifest import Note
from simulations.workbench.sweep import Point
from simulations.workbench.tasks import Record

_ONE = "one replicate says nothing of the spread: there are no intervals."


def theory_of(points: Sequence[Point]) -> tuple[dict[int, Outcome], list[tuple[int, str]]]:
    """Return what the `exact` engine says of each point, and of which points it says nothing and why."""
    known: dict[int, Outcome] = {}
    unknown: list[tuple[int, str]] = []
    for point in points:
        try:
            engine = engine_named(THEORY)
            engine.check(point.scenario)
            known[point.number] = engine.run(point.scenario, Seeds(point.scenario.seeds, replicate=0), progress=_nobody)
        except MisuseError as error:
            unknown.append((point.number, f"no theory: {error}"))
    return known, unknown


def notes_of(
    points: Sequence[Point], records: Iterable[Record], theory: dict[int, Outcome], unknown: Iterable[tuple[int, str]]
) -> tuple[Note, ...]:
    """Return all notes, each once with the number of points it holds for: of the run, its engine, and theory."""
    found: dict[str, set[int]] = {}
    for number, text in (*_of_run(points, records), *_of_theory(theory), *unknown):
        found.setdefault(text, set()).add(number)
    return tuple(Note(text=text, points=len(numbers)) for text, numbers in found.items())


def window(scenario: Scenario, engine: str) -> str:
    """Return in words what part of virtual time is measured."""
    if engine == THEORY:
        return "closed forms of the steady state: there is no warm-up and no drain"
    run = scenario.run
    return (
        f"virtual time 0 to {run.warm_up_s:g} s is warm-up and not measured; the {run.duration_s:g} s after it are; "
        f"what set out then is waited for during a drain of {run.drain_s:g} s, in which traffic goes on (unless swept)"
    )


def _of_run(points: Sequence[Point], records: Iterable[Record]) -> Iterator[tuple[int, str]]:
    one = True
    engine = ""
    for record in records:
        one = one and record.replicate == 0
        engine = record.outcome.engine
        yield from ((record.point, note) for note in record.outcome.notes)
    if engine == THEORY:
        return
    for point in points:
        yield from ((point.number, remark) for remark in remarks(point.scenario))
        if one:
            yield point.number, _ONE


def _of_theory(theory: dict[int, Outcome]) -> Iterator[tuple[int, str]]:
    for number, outcome in theory.items():
        yield from ((number, f"theory: {note}") for note in outcome.notes)


def _nobody(share: float) -> None:
    """Closed forms are there at once: nobody waits."""
