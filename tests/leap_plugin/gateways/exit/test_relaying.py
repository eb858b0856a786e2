"""The queue: retried for five days, told about once, lost by no crash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from leap_plugin.gateways.exit.relay import RelayLater, RelayRefused
from leap_plugin.gateways.store.waiting import count_waiting
from loopixmix.errors import StoreError
from loopixmix.store.access import StoreAccess
from tests.worlds.gateways import GatewayTown, canonical_mail

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
AWAY = RelayLater("4.4.1", "the relay cannot be reached")


class FullDisk:
    """Access to a store to which nothing can be written as long as it is full."""

    def __init__(self, access: StoreAccess) -> None:
        self._access = access
        self.is_full = True

    async def read(self, work: Callable[[Connection], object]) -> object:
        return await self._access.read(work)

    async def write(self, work: Callable[[Connection], object]) -> object:
        if self.is_full:
            raise StoreError("the disk is full")
        return await self._access.write(work)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[GatewayTown]:
    town = GatewayTown(tmp_path)
    yield town
    town.stop()
    town.network.stop()
    assert town.clock.getDelayedCalls() == []


def named(town: GatewayTown) -> None:
    """Let an account that can be answered for days order a mail."""
    account = town.network.client("x7f3@away")
    town.wait(account.add_contact("gate@away"))
    town.order(canonical_mail(), sender=account, anonymous=False)


def test_a_relay_that_is_away_gets_the_mail_later(town: GatewayTown) -> None:
    town.relay.answers.extend([AWAY] * 3)
    town.order(canonical_mail())
    assert (town.relay.tried, town.relay.mails) == (1, [])
    assert town.exit.relaying.problem == "the relay cannot be reached"
    town.pass_s(2 * HOUR_S)
    assert (town.relay.tried, len(town.relay.mails)) == (4, 1)
    assert town.exit.relaying.problem is None
    assert town.reports_to(town.alice) == []


def test_it_is_told_once_that_it_waits_and_after_five_days_that_it_failed(town: GatewayTown) -> None:
    town.relay.answers.extend([AWAY] * 1000)
    named(town)
    account = town.network._clients[-1]
    for _ in range(6):
        town.pass_s(DAY_S)
    reports = town.reports_to(account)  # type: ignore[arg-type]
    actions = [part for report in reports for part in report.as_string().splitlines() if part.startswith("Action:")]
    assert actions == ["Action: delayed", "Action: failed"]
    assert "5.4.7" in reports[-1].as_string()
    assert 25 < town.relay.tried < 80
    tried = town.relay.tried
    town.pass_s(DAY_S)
    assert town.relay.tried == tried


def test_a_refusal_is_final_and_told(town: GatewayTown) -> None:
    town.relay.answers.append(RelayRefused("5.1.1", "the relay said 550 5.1.1 no such user"))
    town.order(canonical_mail())
    town.pass_s(DAY_S)
    assert (town.relay.tried, town.relay.mails) == (1, [])
    [report] = town.reports_to(town.alice)
    assert "no such user" in report.as_string()
    assert "5.1.1" in report.as_string()


def test_mails_that_wait_survive_a_restart(town: GatewayTown) -> None:
    town.relay.answers.extend([AWAY] * 2)
    town.order(canonical_mail())
    town.order(canonical_mail(seed=2), "dave@outside.example")
    assert town.relay.mails == []
    town.stop()
    town.start()
    town.pass_s(HOUR_S)
    assert sorted(mail.recipient for mail in town.relay.mails) == ["carol@outside.example", "dave@outside.example"]


def test_a_full_disk_sends_no_mail_twice_and_reports_it_once(town: GatewayTown) -> None:
    disk = FullDisk(town.exit.relaying._access)
    town.exit.relaying._access = disk  # type: ignore[assignment]
    town.order(canonical_mail())
    town.relay.answers.append(RelayRefused("5.1.1", "the relay said 550 5.1.1 no such user"))
    town.order(canonical_mail(seed=2), "dave@outside.example")
    town.pass_s(HOUR_S)
    assert (town.relay.tried, len(town.relay.mails)) == (2, 1)
    disk.is_full = False
    town.pass_s(HOUR_S)
    assert (town.relay.tried, len(town.relay.mails)) == (2, 1)
    assert town.store.read(count_waiting) == 0
    assert len(town.reports_to(town.alice)) == 1
