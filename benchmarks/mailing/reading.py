"""A mail program that reads a folder of 50,000 mails, beside plain SQLite that reads the same rows."""

from __future__ import annotations

import socket
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import Connection, insert, select, update

from benchmarks.report import OUTPUT, Figure, barred, tell
from leap_plugin.store.folders import SEEN
from leap_plugin.store.schema import accounts, contents, folders, mails
from tests.worlds.imap_program import running_imap
from tests.worlds.mail_stores import MailStoreOnDisk

FIGURES = ("imap_select_s", "imap_flags_s", "imap_headers_s", "imap_idle_s")
MAILS = 50_000
RUNS = 5
SELECT_BAR_S, FLAGS_BAR_S, HEADERS_BAR_S, IDLE_BAR_S = 0.5, 2.0, 0.1, 1.0
PATIENCE_S = 120.0
HEADERS = 50
_FILLED_AT_ONCE = 5_000
_HEADER = (
    b"Received: by mx.example.org with ESMTPS id %d; Sun, 29 Nov 2026 12:00:00 +0000\r\n"
    b"From: Bob <bob%d@two.example>\r\nTo: Alice <alice@one.example>\r\n"
    b"Cc: Carol <carol@three.example>\r\nSubject: about the plan, letter %d\r\n"
    b"Date: Sun, 29 Nov 2026 12:00:00 +0000\r\nMessage-ID: <letter-%d@two.example>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n%b\r\n"
)


def measure() -> Iterator[Figure]:
    """Yield the figures over real sockets; each is the median of some runs."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUTPUT) as name:
        directory = Path(name)
        fill(directory, MAILS)
        tell(f"{MAILS} mails are in the store")
        plain = PlainReading(directory / "mail.db")
        with running_imap(directory) as port, ReadingClient(port) as client:
            yield _figure("imap_select_s", SELECT_BAR_S, lambda: client.ask("SELECT INBOX"), plain.count)
            yield _figure("imap_flags_s", FLAGS_BAR_S, lambda: client.ask("UID FETCH 1:* (FLAGS)"), plain.flags)
            yield _headers_figure(client, plain)
            yield _idle_figure(client, port)


def fill(directory: Path, count: int) -> None:
    """Put mails into the INBOX of a new store: 1 to 20 KB each, two of three seen."""
    store = MailStoreOnDisk(directory)
    account = store.account()

    def work(connection: Connection, first: int) -> None:
        folder = connection.execute(
            select(folders.c.number).where(folders.c.account == account, folders.c.name == "INBOX")
        ).scalar_one()
        numbers = range(first, min(first + _FILLED_AT_ONCE, count + 1))
        texts = [(_header(number), b"A line of the letter.\r\n" * (1 + number * 37 % 850)) for number in numbers]
        connection.execute(
            insert(contents),
            [
                {
                    "number": number,
                    "account": account,
                    "size_bytes": len(header) + len(body),
                    "header_bytes": len(header),
                    "beginning": header,
                    "rest": body,
                }
                for number, (header, body) in zip(numbers, texts, strict=True)
            ],
        )
        connection.execute(
            insert(mails),
            [
                {
                    "folder": folder,
                    "uid": number,
                    "content": number,
                    "size_bytes": len(header) + len(body),
                    "arrived_at_s": 1_780_000_000 + 60 * number,
                    "zone_minutes": 0,
                    "flags": SEEN if number % 3 else "",
                    "seen": bool(number % 3),
                    "arrived": number,
                    "changed": number,
                }
                for number, (header, body) in zip(numbers, texts, strict=True)
            ],
        )
        connection.execute(update(folders).where(folders.c.number == folder).values(uid_next=numbers[-1] + 1))
        connection.execute(update(accounts).where(accounts.c.number == account).values(moment=numbers[-1]))

    for first in range(1, count + 1, _FILLED_AT_ONCE):
        store.opened.write(lambda connection, first=first: work(connection, first))  # type: ignore[misc]
    store.close()


def _header(number: int) -> bytes:
    return _HEADER % (number, number % 500, number, number, b"X-Padding: %b\r\n" % (b"x" * 70) * 8)


class PlainReading:
    """The same rows, read by SQLite alone."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path)

    def count(self) -> None:
        self._connection.execute("SELECT uid FROM mails ORDER BY folder, uid").fetchall()

    def flags(self) -> None:
        self._connection.execute("SELECT uid, flags FROM mails ORDER BY folder, uid").fetchall()

    def headers(self, first: int) -> None:
        query = "SELECT beginning FROM mails JOIN contents ON number = content WHERE uid BETWEEN ? AND ?"
        self._connection.execute(query, (first, first + HEADERS - 1)).fetchall()


class ReadingClient:
    """As quick a client as can be: it only looks for the end of an answer."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.read_to(b"\r\n* OK")
        self.ask("LOGIN alice secret")

    def __enter__(self) -> ReadingClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, command: str) -> None:
        """Give a command and wait for its end; raise RuntimeError if it failed."""
        self.say(f"t {command}\r\n".encode())
        end = self.read_to(b"\r\nt ")
        if not end.startswith(b"OK"):
            raise RuntimeError(f"{command}: {end.decode(errors='replace')}")

    def say(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read_to(self, mark: bytes) -> bytes:
        """Read on until a line with a mark has ended; return the rest of that line."""
        heard = bytearray(b"\r\n")  # what comes first stands at the beginning of a line, too
        reached = 0
        while True:
            piece = self._socket.recv(1_048_576)
            if not piece:
                raise RuntimeError("the server has closed the connection")
            heard += piece
            at = heard.find(mark, reached)
            if at >= 0 and heard.endswith(b"\r\n"):
                return bytes(heard[at + len(mark) :])
            reached = max(0, len(heard) - len(mark)) if at < 0 else at


def _median_s(work: Callable[[int], object]) -> float:
    taken = []
    for run in range(RUNS):
        begin_s = time.perf_counter()
        work(run)
        taken.append(time.perf_counter() - begin_s)
    return statistics.median(taken)


def _figure(name: str, bar_s: float, ask: Callable[[], object], plainly: Callable[[], object]) -> Figure:
    reference_s = _median_s(lambda _: plainly())
    return barred(name, _median_s(lambda _: ask()), "s", bar=bar_s, better="lower", reference=reference_s)


def _headers_figure(client: ReadingClient, plain: PlainReading) -> Figure:
    # Other mails in each run: as when somebody scrolls.
    firsts = [MAILS // 10 * (run + 1) for run in range(RUNS)]
    reference_s = _median_s(lambda run: plain.headers(firsts[run]))
    items = "(UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (FROM TO CC SUBJECT DATE MESSAGE-ID)])"
    taken_s = _median_s(lambda run: client.ask(f"UID FETCH {firsts[run]}:{firsts[run] + HEADERS - 1} {items}"))
    return barred("imap_headers_s", taken_s, "s", bar=HEADERS_BAR_S, better="lower", reference=reference_s)


def _idle_figure(client: ReadingClient, port: int) -> Figure:
    """Measure from the moment at which another client begins to store a mail until this one hears of it."""
    mail = _header(0) + b"new\r\n"
    client.say(b"t IDLE\r\n")
    client.read_to(b"\r\n+ idling")
    heard: list[float] = []

    def hear() -> None:
        client.read_to(b" EXISTS")
        heard.append(time.perf_counter())

    with ReadingClient(port) as other:
        taken = []
        for _ in range(RUNS):
            waiting = threading.Thread(target=hear)
            waiting.start()
            begin_s = time.perf_counter()
            other.ask(f"APPEND INBOX {{{len(mail)}+}}\r\n{mail.decode()}")
            waiting.join(PATIENCE_S)
            taken.append(heard.pop() - begin_s)
    client.say(b"DONE\r\n")
    return barred("imap_idle_s", statistics.median(taken), "s", bar=IDLE_BAR_S, better="lower")
