"""A small HTTP face before chDB, which is ClickHouse's own engine in a process: so the deployed driver runs against it.

`python -m tests.worlds.stats.clickhouse_face DIRECTORY` prints the port at which it listens, and serves until its stdin
is closed. It understands as much of ClickHouse's HTTP interface as the driver uses.
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import chdb.session
import lz4.frame

PASSWORD = "marked-password"
_NO_SETTINGS = frozenset(
    ("query", "database", "session_id", "query_id", "client_protocol_version", "role", "compress", "wait_end_of_query")
)
"""Parameters of an address that are not settings of the engine, or that concern HTTP only."""
_ROWS_FOLLOW = b"FORMAT Native\n"


class ClickHouseFace(ThreadingHTTPServer):
    """Serves the engine whose data are in `directory`."""

    daemon_threads = True

    def __init__(self, directory: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Call)
        self.directory = directory
        self.engine = chdb.session.Session(str(directory / "engine"))
        self.engine.query("CREATE DATABASE IF NOT EXISTS stats")
        self.engine.query("USE stats")
        self.turn = threading.Lock()

    def ask(self, sql: str, settings: dict[str, str], data: bytes) -> bytes:
        """Return what the engine says to one statement; `data`: the rows of an insert, in the format Native."""
        clause = f" SETTINGS {', '.join(f'{name} = {_literal(value)}' for name, value in settings.items())}"
        head, word, _ = sql.strip().rpartition("FORMAT Native")
        with self.turn:
            if data:
                rows = self.directory / "rows.native"
                rows.write_bytes(data)
                sql = f"{head}{clause} SELECT * FROM file('{rows}', Native)"
            elif word:
                sql = f"{head}{clause if settings else ''} FORMAT Native"
            return bytes(self.engine.query(sql, "TabSeparated").bytes())


class _Call(BaseHTTPRequestHandler):
    """One call of the driver."""

    protocol_version = "HTTP/1.1"
    server: ClickHouseFace

    def do_GET(self) -> None:
        self._answer(200, b"Ok.\n")

    def do_POST(self) -> None:
        given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = (
            self.rfile.read(int(self.headers.get("Content-Length") or 0)) if "Content-Length" in self.headers else b""
        )
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = self._chunks()
        if "Content-Encoding" in self.headers:
            assert self.headers["Content-Encoding"] == "lz4"
            body = _unpacked(body)
        # The rows of an insert follow its statement, in the address or in the body.
        text, end, data = (given["query"].encode(), b"", body) if "query" in given else body.partition(_ROWS_FOLLOW)
        sql = (text + end).decode()
        settings = {name: value for name, value in given.items() if name not in _NO_SETTINGS}
        try:
            self._answer(200, self.server.ask(sql, settings, data))
        except Exception as error:  # whatever it is, the driver is to hear of it
            self._answer(500, str(error).encode())

    def _chunks(self) -> bytes:
        parts = []
        while length := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(length))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status != 200:
            self.send_header("X-ClickHouse-Exception-Code", "1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _unpacked(data: bytes) -> bytes:
    """Return what is in frames of LZ4, one after another: the driver makes one of each block."""
    parts = []
    while data:
        frame = lz4.frame.LZ4FrameDecompressor()
        parts.append(frame.decompress(data))
        data = frame.unused_data or b""
    return b"".join(parts)


def _literal(value: str) -> str:
    return value if value.lstrip("-").isdecimal() else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def main() -> None:
    """Serve until stdin is closed."""
    face = ClickHouseFace(Path(sys.argv[1]))
    print(face.server_address[1], flush=True)
    threading.Thread(target=face.serve_forever, daemon=True).start()
    with suppress(KeyboardInterrupt):
        sys.stdin.read()
    face.shutdown()


if __name__ == "__main__":
    main()
