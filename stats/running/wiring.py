"""The parts of a collector, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from loopixmix.seams import Clock, Rng
from loopixmix.store.transactions import Store
from stats.collect.collector import Collector, Columns
from stats.collect.lane import CollectorLane
from stats.collect.store.ledger import CollectorLedger
from stats.collect.store.schema import SCHEMA
from stats.collect.waiting.room import WaitingRoom
from stats.columns.opening import open_columns
from stats.counters.taking import ShareIntake, open_intake
from stats.running.directory import COLUMNS_FILE, RAW_FILE, WAITING, CollectorDirectory


@dataclass(frozen=True)
class CollectorParts:
    """A collector and what it stands on. `collector` is used by `lane` only, but for what any thread may ask."""

    collector: Collector
    lane: CollectorLane
    ledger: CollectorLedger
    columns: Columns
    shares: ShareIntake

    @property
    def problem(self) -> str | None:
        """That a store finds no room, or what it has lost, in one line; None if all is well."""
        return self.ledger.problem or self.shares.problem

    async def stop(self) -> None:
        """Finish all that was asked for, and close the stores."""
        await self.lane.stop()
        await self.shares.stop()
        self.collector.close()

    def close(self) -> None:
        """Close the stores, if nothing was asked for yet."""
        self.shares.close()
        self.collector.close()


def open_collector(
    directory: CollectorDirectory, *, clock: Clock, rng: Rng, call_on_reactor: Callable[..., object]
) -> CollectorParts:
    """Open the stores, and put the parts together; raises `StoreError` and `ConfigError`, with nothing left open."""
    config, path = directory.config, directory.path
    opened: list[Callable[[], None]] = []
    try:
        # The store comes first: a second program of the same collector is refused there.
        ledger = CollectorLedger(Store(SCHEMA, directory.store_url, exclusive=True))
        opened.append(ledger.close)
        released = open_columns(config.columns, path / COLUMNS_FILE)
        opened.append(released.close)
        raw = open_columns(config.raw_columns, path / RAW_FILE)
        opened.append(raw.close)
        shares = open_intake(directory.counters_url, clock=clock, call_on_reactor=call_on_reactor)
        opened.append(shares.close)
        columns = Columns(released, raw)
        room = WaitingRoom(path / WAITING, rng=rng)
        collector = Collector(ledger, room, columns, clock=clock, most_open=config.most_open_reports)
    except BaseException:
        for close in reversed(opened):
            close()
        raise
    lane = CollectorLane(collector, call_on_reactor=call_on_reactor)
    return CollectorParts(collector, lane, ledger, columns, shares)
