"""The bell rings for one account, after the change is on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from leap_plugin.bridge.imap.session.mailboxes import NoFolderError
from leap_plugin.store.bell import MailBell
from tests.worlds.mail_stores import MailStoreOnDisk


def test_those_who_listen_to_an_account_hear_it_until_they_stop() -> None:
    bell = MailBell()
    heard: list[str] = []
    stop = bell.listen(1, lambda: heard.append("one"))
    bell.listen(1, lambda: heard.append("other"))
    bell.listen(2, lambda: heard.append("somebody else's"))
    bell.ring(1)
    stop()
    stop()
    bell.ring(1)
    assert heard == ["one", "other", "other"]


def test_it_rings_when_the_change_can_be_read(tmp_path: Path) -> None:
    store = MailStoreOnDisk(tmp_path)
    account = store.account()
    mailboxes = store.mailboxes(account)
    seen: list[int] = []
    store.shared.bell.listen(account, lambda: seen.append(len(mailboxes.uids("Outbox"))))
    mailboxes.append("Outbox", b"x", frozenset(), None)
    with pytest.raises(NoFolderError):
        mailboxes.append("nowhere", b"x", frozenset(), None)
    mailboxes.move("Outbox", [1], "Drafts")
    assert seen == [1, 0]
    store.close()
