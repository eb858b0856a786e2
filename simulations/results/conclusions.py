"""Notes beside the figures: a reader must know them to trust the figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from simulations.results.manifest import Note
from simulations.scenario import Scenario
from simulations.scenario.checking import remarks
from simulations.sweep.points import Point
from simulations.sweep.tasks import THEORY, Record

_ONE = "one replicate says nothing of the spread: there are no intervals."


def notes_of(points: Sequence[Point], records: Iterable[Record]) -> tuple[Note, ...]:
    """Return all notes, each once with the number of points it holds for: of the run, its engine, and theory."""
    found: dict[str, set[int]] = {}
    for number, text in _notes(points, list(records)):
        found.setdefault(text, set()).add(number)
    return tuple(
        Note(text=text, points=len(numbers), numbers=tuple(sorted(numbers))) for text, numbers in found.items()
    )


def window(scenario: Scenario, engine: str) -> str:
    """Return in words what part of virtual time is measured."""
    if engine == THEORY:
        return "closed forms of the steady state: there is no warm-up and no drain"
    run = scenario.run
    return (
        f"virtual time 0 to {run.warm_up_s:g} s is warm-up and not measured; the {run.duration_s:g} s after it are; "
        f"what set out then is waited for during a drain of {run.drain_s:g} s, in which traffic goes on (unless swept)"
    )


def _notes(points: Sequence[Point], records: Sequence[Record]) -> Iterator[tuple[int, str]]:
    measured = [record for record in records if not record.theory]
    yield from ((record.point, note) for record in measured for note in record.outcome.notes)
    if any(record.outcome.engine != THEORY for record in measured):
        yield from ((point.number, remark) for point in points for remark in remarks(point.scenario))
        if all(record.replicate == 0 for record in measured):
            yield from ((point.number, _ONE) for point in points)
    said = {(record.point, note) for record in measured for note in record.outcome.notes}
    yield from (
        (record.point, f"theory: {note}")
        for record in records
        if record.theory
        for note in record.outcome.notes
        if (record.point, note) not in said
    )
