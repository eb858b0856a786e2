"""A collector takes shares: signed by their node, of a period that has ended, once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection

from loopixmix.errors import FormatError, PeerError
from loopixmix.seams import Clock
from loopixmix.store.access import StoreAccess, threaded_access
from loopixmix.store.transactions import Store
from stats.counters.ledger import HeldPlan, find_plan, put_share
from stats.counters.shares import decode_share, plan_of
from stats.counters.store import SCHEMA


class ShareIntake:
    """Takes the shares that come to a collector (`stats.collect.service.ShareTaking`)."""

    def __init__(self, store: Store, access: StoreAccess, *, clock: Clock) -> None:
        """`store`: of counters, closed by `close`. `access`: to it."""
        self._store = store
        self._access = access
        self._clock = clock

    @property
    def problem(self) -> str | None:
        """Why the store could not be used the last time, or what it has lost, in one line; None if all is well."""
        return self._access.problem

    async def stop(self) -> None:
        """Finish what is under way, and close the store."""
        await self._access.finish()
        self.close()

    def close(self) -> None:
        """Close the store, if nothing was taken yet."""
        self._store.close()

    async def take(self, share: bytes) -> bool:
        """Take a share, durably; the same one once. False if it does not count."""
        try:
            plan_id = plan_of(share)
        except FormatError:
            return False
        return await self._access.write(partial(_taken, plan_id=plan_id, data=share, now_s=self._clock.seconds()))


def open_intake(url: str, *, clock: Clock, call_on_reactor: Callable[..., object]) -> ShareIntake:
    """Open the store of counters at `url` for the program of a collector; raises `StoreError`."""
    store = Store(SCHEMA, url, exclusive=True)
    return ShareIntake(
        store, threaded_access(store, waiting="shares of counters", call_on_reactor=call_on_reactor), clock=clock
    )


def _taken(connection: Connection, *, plan_id: bytes, data: bytes, now_s: float) -> bool:
    held = find_plan(connection, plan_id)
    return held is not None and _counts(connection, held, data, now_s)


def _counts(connection: Connection, held: HeldPlan, data: bytes, now_s: float) -> bool:
    try:
        share = decode_share(data, held.plan)
    except PeerError:
        return False
    ends_s = held.plan.ends_s(share.period)
    if share.collector != held.collector or not ends_s <= now_s < ends_s + held.plan.deliver_s:
        return False
    return put_share(connection, share, data)
