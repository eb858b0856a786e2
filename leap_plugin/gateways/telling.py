"""What the operator's commands ask of a gateway's directory, whether it runs or not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from leap_plugin.gateways.abuse.optout import OptOutMarks, opt_in, opt_out, opt_out_count
from leap_plugin.gateways.configuration import LOCK_FILE, STORE_FILE, load_gateway
from leap_plugin.gateways.program import GatewayStatus
from leap_plugin.gateways.store.schema import SCHEMA
from leap_plugin.gateways.store.waiting import count_waiting
from leap_plugin.gateways.store.ways import count_ways
from leap_plugin.mail.addresses import AddressError, read_address
from loopixmix.errors import MisuseError, StoreError, UnavailableError
from loopixmix.process.status import STATUS_FILE, told_by_holder
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from loopixmix.store.upkeep.patience import SLOW, read_soon


class GatewayReport(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway as its operator sees it. `now`: its own word, None if it does not run.

    The counts are None if the store does not answer.
    """

    running: bool
    waiting: int | None
    ways_back: int | None
    opted_out: int | None
    now: GatewayStatus | None = None

    @property
    def problem(self) -> str | None:
        """What is wrong, None if all is well."""
        if not self.running:
            return "the gateway does not run"
        if self.now is None:
            return "the gateway is starting"
        return self.now.problem or (SLOW if self.waiting is None else None)


def status_of(path: Path) -> GatewayReport:
    """Return how a gateway is, without waiting for its store; raise `ConfigError`, `StoreError`."""
    load_gateway(path)
    counts: tuple[int, int, int] | None = (0, 0, 0)
    if (path / STORE_FILE).exists():
        counts = read_soon(
            lambda: Store(SCHEMA, sqlite_url(path / STORE_FILE)),
            lambda c: (count_waiting(c), count_ways(c), opt_out_count(c)),
        )
    waiting, ways, opted_out = counts or (None, None, None)
    is_running, now = _own_word(path)
    return GatewayReport(running=is_running, waiting=waiting, ways_back=ways, opted_out=opted_out, now=now)


def status_lines(report: GatewayReport) -> Iterator[str]:
    """Yield the status as lines for a person."""
    now = report.now
    if now is not None:
        yield f"the gateway of {', '.join(now.domains)} runs as {now.address or 'nobody yet'}"
    yield "all is well" if report.problem is None else f"problem: {report.problem}"
    if report.waiting is not None:
        waiting, ways = report.waiting, report.ways_back
        yield f"waiting for the relay: {waiting} mails; ways back: {ways}; opted out: {report.opted_out}"
    if now is not None and now.exit is not None:
        exit_ = now.exit
        yield f"exit: {exit_.accepted} taken, refused: {_by_status(exit_.refused)}"
        yield f"relay: {exit_.relayed} handed over, {exit_.refused_by_relay} refused, {exit_.gave_up} given up"
        yield f"reports: {exit_.reports_sent} sent, {exit_.reports_impossible} without a way back"
    if now is not None and now.entrance is not None:
        entrance = now.entrance
        yield f"entrance: {entrance.accepted} taken, refused: {_by_status(entrance.refused)}"
        yield f"entrance: {entrance.undelivered} could not be stored at their recipients' provider"


def change_opt_out(path: Path, address: str, *, out: bool) -> bool:
    """Let an address opt out or in; return whether it had opted out. Raises `MisuseError` if it is no address."""
    try:
        read_address(address, frozenset())
    except AddressError as error:
        raise MisuseError(str(error)) from error
    directory = load_gateway(path)
    mark = OptOutMarks(directory.opt_out_key, directory.config.exit.opt_out_url).mark(address)
    store = Store(SCHEMA, sqlite_url(path / STORE_FILE))
    try:
        if out:
            store.write(lambda c: opt_out(c, mark, time.time()))
            return True
        return store.write(lambda c: opt_in(c, mark))
    finally:
        store.close()


def _by_status(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} with {status}" for status, count in sorted(counts.items())) or "none"


def _own_word(path: Path) -> tuple[bool, GatewayStatus | None]:
    """Tell whether the gateway runs, and what it said of itself, if anything."""
    try:
        told = told_by_holder(path / LOCK_FILE)
        return told is not None, None if told is None else msgspec.json.decode(told, type=GatewayStatus)
    except UnavailableError:
        return True, None
    except msgspec.ValidationError as error:
        raise StoreError(f"{path / STATUS_FILE}: cannot be read: {error}") from error
