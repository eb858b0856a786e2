"""Mails of one account on their way over a fake network: sent once, through restarts, and with reports as asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from leap_plugin.mail.splitting import decode_body
from tests.worlds.sending_accounts import BOB, SendingWorld, written


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SendingWorld]:
    made = SendingWorld(tmp_path)
    yield made
    made.close()


def mails(world: SendingWorld, name: str = BOB) -> list[bytes]:
    return [decode_body(one.body).mail for one in world.received[name]]  # type: ignore[union-attr]


def test_a_mail_arrives_byte_for_byte_and_waits_in_the_outbox_until_then(world: SendingWorld) -> None:
    world.know(BOB)
    mail = written("Grüße")
    world.submit(mail)
    assert world.folder("Outbox") == [mail]
    world.pass_time(10)
    assert mails(world) == [mail]
    assert world.folder("Outbox") == []
    assert world.folder("INBOX") == []
