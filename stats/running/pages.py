"""What the collector's program shows over HTTP: the dashboard, put together."""

from __future__ import annotations

from dataclasses import dataclass

from loopixmix.errors import LoopixmixError
from loopixmix.process.program import World
from loopixmix.web.sites import BoundedFactory
from stats.analysts.aside import WorkAside
from stats.analysts.book import AnalystBook
from stats.analysts.opening import open_book
from stats.dashboard.face import DashboardParts, dashboard_factory
from stats.running.data_sets import CollectorDataSets, collector_data_sets
from stats.running.directory import CollectorDirectory
from stats.running.view import StoredView
from stats.running.wiring import CollectorParts


@dataclass(frozen=True)
class ServedPages:
    """The pages of a collector. `factory`: serves them to connections."""

    factory: BoundedFactory
    book: AnalystBook
    data_sets: CollectorDataSets

    def close(self) -> None:
        """Close the stores, after the last connection."""
        self.book.close()
        self.data_sets.close()


def pages_of(
    directory: CollectorDirectory, parts: CollectorParts, *, world: World, in_thread: WorkAside
) -> ServedPages:
    """Return the pages of a collector; raise `ConfigError` or `StoreError`.

    `parts`: `parts.columns.raw` holds true answers, which only noisy questions may reach: no page gets it. `in_thread`:
    for all that waits for a disk.
    """
    book = open_book(directory.path, rng=world.rng, now_s=world.clock.seconds)
    view = StoredView(parts)
    try:
        data_sets = collector_data_sets(directory.path, view, parts.columns.raw, world.clock)
    except LoopixmixError:
        book.close()
        raise
    shown = DashboardParts(view, parts.columns.released, data_sets, book)
    factory = dashboard_factory(shown, origin=directory.origin, in_thread=in_thread, clock=world.clock, rng=world.rng)
    return ServedPages(factory, book, data_sets)
