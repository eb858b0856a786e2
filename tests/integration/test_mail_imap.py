"""Mail programs that were not written here read mail over real sockets."""

from __future__ import annotations

import imaplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from leap_plugin.bridge.imap.session.states import Privacy
from tests.worlds.imap_program import running_imap
from tests.worlds.mutt import press

NEWS_S = 30.0
MAIL = b"From: bob@two\r\nTo: alice@one\r\nSubject: Gr\xc3\xbc\xc3\x9fe\r\n\r\nHello, world\r\n"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with running_imap(tmp_path) as port:
        yield port


class Dialler:
    """Makes clients, and closes what is left of them."""

    def __init__(self) -> None:
        self._closing = ExitStack()

    def client(self, port: int, folder: str | None = None) -> IMAPClient:
        made = self.bare(port)
        made.login("alice", "secret")
        if folder is not None:
            made.select_folder(folder)
        return made

    def bare(self, port: int, *, context: ssl.SSLContext | None = None) -> IMAPClient:
        made = IMAPClient("127.0.0.1", port, ssl=context is not None, ssl_context=context, timeout=NEWS_S)
        self._closing.callback(made.shutdown)
        return made

    def raw(self, port: int, data: bytes) -> socket.socket:
        made = self._closing.enter_context(socket.create_connection(("127.0.0.1", port), timeout=NEWS_S))
        made.sendall(data)
        return made

    def close(self) -> None:
        self._closing.close()


@pytest.fixture
def dial() -> Iterator[Dialler]:
    made = Dialler()
    yield made
    made.close()


def test_two_clients_see_each_others_changes(dial: Dialler, port: int) -> None:
    one, other = dial.client(port, "INBOX"), dial.client(port, "INBOX")
    one.append("INBOX", MAIL, flags=["\\Flagged", "Work"])
    one.append("INBOX", MAIL)
    other.noop()
    assert other.search(["ALL"]) == [1, 2]
    assert other.fetch([1], ["FLAGS", "BODY.PEEK[]", "RFC822.SIZE"])[1][b"BODY[]"] == MAIL
    one.add_flags([2], ["\\Seen"])
    _, told = other.noop()
    assert (2, b"FETCH", (b"UID", 2, b"FLAGS", (b"\\Seen",))) in told
    one.move([1], "Archive")
    _, told = other.noop()
    assert (1, b"EXPUNGE") in told
    assert other.search(["ALL"]) == [2]
    other.delete_messages([2])
    other.uid_expunge([2])
    assert one.noop()[1][-1][1] == b"EXPUNGE"
    other.select_folder("Archive")
    assert other.get_flags([1])[1] == (b"Work", b"\\Flagged")


def test_an_idling_client_hears_of_new_mail_at_once(dial: Dialler, port: int) -> None:
    idling, other = dial.client(port, "INBOX"), dial.client(port)
    idling.idle()
    began_s = time.monotonic()
    other.append("INBOX", MAIL)
    told = idling.idle_check(timeout=NEWS_S)
    assert told == [(1, b"EXISTS")]
    assert time.monotonic() - began_s < NEWS_S / 2
    idling.idle_done()
    assert idling.search(["SUBJECT", "Grüße"], charset="UTF-8") == [1]


def test_what_is_offered_works(dial: Dialler, port: int) -> None:
    one = dial.client(port, "INBOX")
    assert set(one.capabilities()) == {
        *(b"IMAP4REV1", b"LITERAL+", b"SASL-IR", b"AUTH=PLAIN", b"ID", b"IDLE", b"NAMESPACE", b"UIDPLUS"),
        *(b"MOVE", b"UNSELECT", b"SPECIAL-USE"),
    }
    assert one.id_({"name": "test"})[0][0] == b"name"
    assert one.namespace().personal[0][1] == "/"
    uses = {name: flags for flags, _, name in one.list_folders()}
    assert {uses[name][0] for name in ("Archive", "Drafts", "Junk", "Sent", "Trash")} == {
        *(b"\\Archive", b"\\Drafts", b"\\Junk", b"\\Sent", b"\\Trash"),
    }
    assert one.find_special_folder(b"\\Sent") == "Sent"
    assert b"APPENDUID" in one.append("INBOX", MAIL)
    one.copy([1], "Sent")
    one.create_folder("Entwürfe & mehr/Neu")
    one.rename_folder("Entwürfe & mehr", "Anderes")
    assert "Anderes/Neu" in [name for _, _, name in one.list_folders()]
    one.unselect_folder()
    with pytest.raises(IMAPClientError, match="no such folder"):
        one.select_folder("nowhere")
    assert one.folder_status("Sent", ["MESSAGES"]) == {b"MESSAGES": 1}


def test_the_mails_are_there_after_a_restart(dial: Dialler, tmp_path: Path) -> None:
    with running_imap(tmp_path) as port:
        one = dial.client(port, "Drafts")
        validity = one.folder_status("Drafts", ["UIDVALIDITY"])
        one.append("Drafts", MAIL, flags=["\\Draft"])
    with running_imap(tmp_path) as port:
        one = dial.client(port, "Drafts")
        assert one.folder_status("Drafts", ["UIDVALIDITY"]) == validity
        assert one.fetch([1], ["BODY[]", "FLAGS"])[1][b"BODY[]"] == MAIL


def test_stopping_says_goodbye_to_an_idling_client(dial: Dialler, tmp_path: Path) -> None:
    with running_imap(tmp_path) as port:
        idling = dial.client(port, "INBOX")
        idling.idle()
    assert idling.idle_check(timeout=NEWS_S)[0][0] == b"BYE"


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_starttls_is_demanded_before_a_password(tmp_path: Path) -> None:
    with running_imap(tmp_path, Privacy.TLS_DEMANDED) as port:
        made = imaplib.IMAP4("127.0.0.1", port, timeout=NEWS_S)
        with pytest.raises(imaplib.IMAP4.error, match="STARTTLS comes first"):
            made.login("alice", "secret")
        made.starttls(_trusting())
        made.login("alice", "secret")
        made.append("INBOX", "", "", MAIL * 50_000)
        made.select("INBOX")
        _, fetched = made.fetch("1", "(BODY[])")
        assert fetched[0][1] == MAIL * 50_000
        made.logout()


def test_tls_from_the_beginning(dial: Dialler, tmp_path: Path) -> None:
    with running_imap(tmp_path, Privacy.TLS) as port:
        made = dial.bare(port, context=_trusting())
        made.login("alice", "secret")
        made.select_folder("INBOX")
        made.idle()
        other = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=_trusting(), timeout=NEWS_S)
        other.login("alice", "secret")
        other.append("INBOX", "", "", MAIL)
        other.logout()
        assert made.idle_check(timeout=NEWS_S) == [(1, b"EXISTS")]
        made.idle_done()


def test_a_wrong_password_is_told(dial: Dialler, port: int) -> None:
    made = dial.bare(port)
    with pytest.raises(LoginError, match="user or password is wrong"):
        made.login("alice", "wrong")
    made.login("alice", "secret")


def test_clients_that_do_not_read_or_never_end_a_line_keep_nobody_waiting(dial: Dialler, port: int) -> None:
    writer = dial.client(port, "INBOX")
    writer.append("INBOX", b"Subject: long\r\n\r\n" + b"x" * 20_000_000)
    # One does not read what it asked for, one never ends its line, one never sends the rest of its message.
    dial.raw(port, b"a LOGIN alice secret\r\nb SELECT INBOX\r\n" + b"c FETCH 1 BODY.PEEK[]\r\n" * 50)
    dial.raw(port, b"x" * 500_000)
    dial.raw(port, b"a LOGIN alice secret\r\na APPEND INBOX {30000000+}\r\nhalf")
    stop = threading.Event()

    def search_all_the_time() -> None:
        busy = dial.client(port, "INBOX")
        while not stop.is_set():
            busy.search(["TEXT", "nowhere"])

    searching = threading.Thread(target=search_all_the_time)
    searching.start()
    try:
        began_s = time.monotonic()
        for _ in range(20):
            writer.noop()
        assert time.monotonic() - began_s < NEWS_S
    finally:
        stop.set()
        searching.join()
    assert dial.client(port, "INBOX").search(["LARGER", "10000000"]) == [1]


@pytest.mark.long
@pytest.mark.needs("mutt")
def test_mutt_reads_copies_moves_and_deletes(dial: Dialler, port: int, tmp_path: Path) -> None:
    other = dial.client(port)
    for number in range(1, 6):
        other.append("INBOX", b"Subject: number %d\r\nMessage-ID: <%d@x>\r\n\r\nHello %d\r\n" % ((number,) * 3))
    press(
        tmp_path / "home",
        port,
        "<search>~s 'number 1'<enter><display-message><exit><pipe-message>cat >read<enter><copy-message>=Archive<enter>"
        # This folder is not there yet.
        "<search>~s 'number 2'<enter><save-message>=Kept<enter>"
        "<search>~s 'number 3'<enter><delete-message>"
        "<search>~s 'number 4'<enter><flag-message><sync-mailbox><quit>",
    )
    assert (tmp_path / "home" / "read").read_text().endswith("Hello 1\n")

    def mails(folder: str) -> list[tuple[bytes, set[bytes]]]:
        other.select_folder(folder)
        found = other.fetch(other.search(), ["FLAGS", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"])
        return [
            (one[b"BODY[HEADER.FIELDS (SUBJECT)]"].strip().removeprefix(b"Subject: number "), set(one[b"FLAGS"]))
            for one in found.values()
        ]

    assert mails("INBOX") == [(b"1", {b"\\Seen"}), (b"4", {b"\\Flagged"}), (b"5", set())]
    assert mails("Archive") == [(b"1", {b"\\Seen"})]
    assert [number for number, _ in mails("Kept")] == [b"2"]
