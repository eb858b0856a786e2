"""Folders are listed, made, renamed and told of."""

from __future__ import annotations

import pytest

from leap_plugin.bridge.imap.session.folders import pattern_fits
from leap_plugin.bridge.imap.session.session import ImapSession
from tests.worlds.mail_folders import MemoryMailboxes, OneAccount


class Client:
    def __init__(self) -> None:
        self.mailboxes = MemoryMailboxes()
        self._session = ImapSession(OneAccount(self.mailboxes))
        self.say("a LOGIN alice secret")

    def say(self, line: str) -> list[str]:
        self._session.receive(line.encode() + b"\r\n")
        return b"".join(self._session.output()).decode().split("\r\n")[:-1]


def test_list_tells_names_and_what_they_are_for() -> None:
    client = Client()
    assert client.say("c CREATE Work/Plans/") == ["c OK done"]
    assert client.say('l LIST "" "*"') == [
        '* LIST () "/" "INBOX"',
        '* LIST (\\Sent) "/" "Sent"',
        '* LIST () "/" "Work"',
        '* LIST () "/" "Work/Plans"',
        "l OK done",
    ]
    assert client.say('l LIST "" %')[-2:] == ['* LIST () "/" "Work"', "l OK done"]
    assert client.say("l LIST Work/ %") == ['* LIST () "/" "Work/Plans"', "l OK done"]
    assert client.say('l LIST "" inbox') == ['* LIST () "/" "INBOX"', "l OK done"]
    assert client.say('l LIST (SPECIAL-USE) "" *') == ['* LIST (\\Sent) "/" "Sent"', "l OK done"]
    assert client.say('l LIST "" ""') == ['* LIST (\\Noselect) "/" ""', "l OK done"]


def test_lsub_tells_what_is_subscribed_and_the_levels_above() -> None:
    client = Client()
    client.say("c CREATE Work/Plans")
    for name in ("INBOX", "Sent", "Work"):
        assert client.say(f"u UNSUBSCRIBE {name}") == ["u OK done"]
    assert client.say('l LSUB "" %') == ['* LSUB (\\Noselect) "/" "Work"', "l OK done"]
    assert client.say('l LSUB "" Work/*') == ['* LSUB () "/" "Work/Plans"', "l OK done"]
    assert client.say("s SUBSCRIBE nowhere") == ["s NO [NONEXISTENT] there is no such folder"]


def test_folders_are_made_renamed_and_deleted() -> None:
    client = Client()
    assert client.say("c CREATE Sent") == ["c NO [ALREADYEXISTS] a folder has this name already"]
    assert client.say("d DELETE INBOX")[0].startswith("d NO [CANNOT]")
    assert client.say("d DELETE nowhere") == ["d NO [NONEXISTENT] there is no such folder"]
    client.say("c CREATE a/b")
    assert client.say("r RENAME a c") == ["r OK done"]
    assert [folder.name for folder in client.mailboxes.folders()] == ["INBOX", "Sent", "c", "c/b"]
    assert client.say("d DELETE c/b") == ["d OK done"]
    assert client.say("c CREATE Entw&APw-rfe") == ["c OK done"]
    assert client.say('l LIST "" Ent*') == ['* LIST () "/" "Entw&APw-rfe"', "l OK done"]
    assert client.say("c CREATE Entw&rfe")[0].startswith("c BAD")


@pytest.mark.parametrize(
    "line", ['CREATE ""', "CREATE /", "CREATE a//b", "CREATE &AAoACg-", "RENAME Sent a/", "RENAME Sent Sent/a"]
)
def test_names_that_no_folder_may_have(line: str) -> None:
    client = Client()
    assert client.say(f"x {line}")[0].startswith(("x NO [CANNOT]", "x BAD"))
    assert len(client.mailboxes.folders()) == 2


def test_status_tells_what_is_asked() -> None:
    client = Client()
    client.mailboxes.append("Sent", b"x", frozenset(), None)
    assert client.say("s STATUS Sent (UNSEEN UIDNEXT MESSAGES UIDVALIDITY RECENT)") == [
        '* STATUS "Sent" (UNSEEN 1 UIDNEXT 2 MESSAGES 1 UIDVALIDITY 2 RECENT 0)',
        "s OK done",
    ]


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        (b"*", b"a/b", True),
        (b"%", b"a/b", False),
        (b"%", b"", True),
        (b"%/b", b"a/b", True),
        (b"a*b", b"ab", True),
        (b"a*b", b"abc", False),
        (b"*b*", b"abc", True),
        (b"%*", b"a/b", True),
        (b"A", b"a", False),
        (b"*a" * 200 + b"b", b"a" * 900, False),
    ],
)
def test_patterns(pattern: bytes, name: bytes, fits: bool) -> None:
    assert pattern_fits(pattern, name) is fits
