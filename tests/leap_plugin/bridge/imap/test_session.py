"""The standard library's IMAP client works with a session, and no conversation raises; no socket is opened."""

from __future__ import annotations

import imaplib
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap_plugin.bridge.imap.session.mailboxes import Mailboxes
from leap_plugin.bridge.imap.session.session import ImapSession
from tests.worlds.mail_folders import MemoryMailboxes, OneAccount
from tests.worlds.mail_stores import NewMailboxes

MAIL = b"Subject: hi\r\nFrom: a@example.org\r\n\r\nHello, world\r\n"


class ClientInMemory(imaplib.IMAP4):
    """`imaplib` with a session in the place of its socket."""

    def __init__(self, mailboxes: MemoryMailboxes) -> None:
        self._session = ImapSession(OneAccount(mailboxes))
        self._heard = b"".join(self._session.output())
        super().__init__()

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        """There is nothing to open."""

    def send(self, data: object) -> None:
        self._session.receive(bytes(data))  # type: ignore[call-overload]
        self._heard += b"".join(self._session.output())

    def read(self, size: int) -> bytes:
        data, self._heard = self._heard[:size], self._heard[size:]
        return data

    def readline(self) -> bytes:
        return self.read(self._heard.index(b"\n") + 1)

    def shutdown(self) -> None:
        """There is nothing to close."""


def test_a_mail_is_stored_found_read_moved_and_removed() -> None:
    client = ClientInMemory(MemoryMailboxes())
    client.login("alice", "secret")
    assert client.append("INBOX", "(\\Flagged)", '"29-Nov-2026 12:00:00 +0000"', MAIL) == (
        "OK",
        [b"[APPENDUID 1 1] done"],
    )
    assert client.select("INBOX") == ("OK", [b"1"])
    assert client.search(None, "FROM", '"a@example.org"', "FLAGGED") == ("OK", [b"1"])
    kind, data = client.fetch("1", "(FLAGS BODY[])")
    assert kind == "OK"
    assert message_from_bytes(data[0][1]).get_payload() == "Hello, world\r\n"
    assert client.create('"Old mail"')[0] == "OK"
    assert client.uid("COPY", "1", '"Old mail"')[0] == "OK"
    assert client.store("1", "+FLAGS", "(\\Deleted)") == ("OK", [b"1 (FLAGS (\\Deleted \\Flagged \\Seen))"])
    assert client.expunge() == ("OK", [b"1"])
    assert client.status('"Old mail"', "(MESSAGES)") == ("OK", [b'"Old mail" (MESSAGES 1)'])
    assert client.list()[1][-1] == b'(\\Sent) "/" "Sent"'
    assert client.close()[0] == "OK"
    assert client.logout()[0] == "BYE"


def test_a_wrong_password_and_a_folder_that_is_not_there_are_told() -> None:
    client = ClientInMemory(MemoryMailboxes())
    with pytest.raises(imaplib.IMAP4.error, match="user or password is wrong"):
        client.login("alice", "wrong")
    client.authenticate("PLAIN", lambda challenge: b"\0alice\0secret")
    kind, (why,) = client.append("nowhere", "", "", MAIL)
    assert kind == "NO"
    assert b"TRYCREATE" in why


LINES = (
    *(
        "a LOGIN alice secret",
        "b SELECT INBOX",
        "c FETCH 1:* FULL",
        "d UID FETCH 1 BODY[1.MIME]<0.5>",
        "e IDLE",
        "DONE",
    ),
    *(
        r"f STORE 1 +FLAGS (\Deleted)",
        "g EXPUNGE",
        'h LIST "" "*%*"',
        "i MOVE 1 Sent",
        "j DELETE INBOX",
        "k RENAME INBOX x",
    ),
    *("l APPEND INBOX {3+}\r\nabc", "m SEARCH OR TEXT a NOT 1:*", "n CLOSE", "o AUTHENTICATE PLAIN", "p DELETE Sent"),
)


CONVERSATIONS = st.lists(st.sampled_from(LINES) | st.text('()[]{}+"\\ *%a1:,\r\n&', max_size=12), max_size=25)


def converse(mailboxes: Mailboxes, lines: list[str]) -> None:
    """Let one client say these lines to folders that another one has selected."""
    for _ in range(2):
        mailboxes.append("INBOX", MAIL, frozenset(), None)
    one, other = ImapSession(OneAccount(mailboxes)), ImapSession(OneAccount(mailboxes))
    said = [(other, LINES[0]), (other, LINES[1]), (one, LINES[0])]
    said += [pair for line in lines for pair in ((one, line), (other, "n NOOP"))]
    for session, line in said:
        session.receive(line.encode() + b"\r\n")
        list(session.output())
        list(one.news())


@settings(deadline=None)
@given(CONVERSATIONS)
def test_no_conversation_raises(lines: list[str]) -> None:
    converse(MemoryMailboxes(), lines)


def test_no_conversation_over_a_store_raises(tmp_path: Path) -> None:
    made = NewMailboxes(tmp_path)

    @settings(deadline=None, max_examples=40)
    @given(CONVERSATIONS)
    def talk(lines: list[str]) -> None:
        converse(made(), lines)

    talk()
    made.close()
