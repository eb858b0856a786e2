"""How a bridge is: what its program writes into `status.json` every second, and `loopixmix mail status` reads."""

from __future__ import annotations

from pathlib import Path

import msgspec

from leap_plugin.directory.configuration import LOCK_FILE
from loopixmix.errors import StoreError, UnavailableError
from loopixmix.process.status import STATUS_FILE, told_by_holder


class AccountReport(msgspec.Struct, frozen=True, kw_only=True):
    """How one mail account is.

    `problem`: why it cannot send and receive, empty if it can; `connected`: whether its client is linked to its
    provider; `waiting`: mails that wait or are on their way; `doing`: what happens now, a line for each thing;
    `test_network`: whether its network is there for trying things on, and hides nobody.
    """

    address: str
    client: str
    connected: bool = False
    problem: str = ""
    waiting: int = 0
    doing: tuple[str, ...] = ()
    test_network: bool = False


class BridgeReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a bridge is. `problem`: the first thing that is wrong, None if all is well; `ports`: where it listens."""

    pid: int
    problem: str | None
    ports: tuple[str, ...]
    accounts: tuple[AccountReport, ...]


def read_report(directory: Path) -> BridgeReport:
    """Return the last report of the bridge that runs in `directory`; raise `UnavailableError` if none runs."""
    told = told_by_holder(directory / LOCK_FILE)
    if told is None:
        raise UnavailableError(f"no bridge runs in {directory}: start it with  loopixmix mail run {directory}")
    try:
        return msgspec.json.decode(told, type=BridgeReport)
    except msgspec.ValidationError as error:
        raise StoreError(f"{directory / STATUS_FILE}: cannot be read: {error}") from error
