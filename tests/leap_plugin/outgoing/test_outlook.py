"""What is told before a mail is sent."""

from __future__ import annotations

import pytest

from leap_plugin.mail.envelope import MAX_MAIL_BYTES
from leap_plugin.outgoing.outlook import ESTIMATED_EACH, Outlook, told_size, told_time
from tests.worlds.sending_accounts import BOB, SendingWorld


def test_the_announcement_tells_size_and_time() -> None:
    world = SendingWorld()
    world.know(BOB)
    for _ in range(ESTIMATED_EACH):
        world.run(world.mail._outlook.refresh())
    told = world.mail.announcement()
    assert told.size_bytes == MAX_MAIL_BYTES
    assert "LoopixMix" in told.text
    assert "10 KB take about 1 s, 1 MB take about 1 s" in told.text
    assert told.text.isascii()
    world.network.cut()
    world.pass_time(60)
    assert "cannot be reached" in world.mail.announcement().text
    world.close()


def test_without_contacts_the_rates_tell_the_time() -> None:
    world = SendingWorld()
    world.pass_time(60)
    assert "10 KB take about 4 s, 1 MB take about 4 min" in world.mail.announcement().text
    world.close()


def test_before_the_client_has_answered_nothing_is_refused() -> None:
    world = SendingWorld()
    outlook = Outlook(world.client)
    assert outlook.announcement().size_bytes == MAX_MAIL_BYTES
    assert (outlook.is_online, outlook.is_registered, outlook.domains) == (False, True, frozenset())
    assert outlook.most_fragments(BOB) is None
    world.close()


def test_domains_of_the_network_and_their_gateways_are_known() -> None:
    world = SendingWorld()
    world.network.add_domain("example.org", "two", "gate")
    world.network.add_domain("example.net", "two")
    world.pass_time(60)
    outlook = world.mail._outlook
    assert outlook.domains == {"example.org", "example.net"}
    assert outlook.is_gateways("x@example.org")
    assert not outlook.is_gateways("x@example.net")
    assert outlook.most_fragments("x@example.net") == 10_000
    world.close()


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.2, "1 s"), (119, "119 s"), (180, "3 min"), (7200, "2 h"), (200_000, "2 days")]
)
def test_times_are_told_as_people_say_them(seconds: float, told: str) -> None:
    assert told_time(seconds) == told


@pytest.mark.parametrize(("size", "told"), [(10, "1 KB"), (10_000, "10 KB"), (2_600_000, "3 MB")])
def test_sizes_are_told_as_people_say_them(size: int, told: str) -> None:
    assert told_size(size) == told
