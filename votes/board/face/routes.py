"""The routes of the public face (docs/protocol/votes.md, 7.4)."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeVar, cast

import msgspec
from klein import Klein
from twisted.logger import Logger
from twisted.web.server import Request
from werkzeug.exceptions import HTTPException

from loopixmix.bounds import BucketsByKey
from loopixmix.errors import DiskFullError, LoopixmixError, PeerError
from loopixmix.seams import Clock
from votes.board.announcing import Announcing
from votes.board.board import Board
from votes.board.face.downloads import BYTES, download
from votes.board.requests import HeadAndPath
from votes.board.standing import NotNowError
from votes.board.uploads import UploadFolder
from votes.record.entries import EntryKind

CALLS_PER_S, CALLS_AT_ONCE = 20.0, 400.0
"""Of one address, of calls that change something."""
MOST_ADDRESSES = 4096
CREDENTIALS_FILE, ENTRIES_FILE = "credentials", "entries"
JSON, TEXT = "application/json", "text/plain; charset=utf-8"

_log = Logger()
_T = TypeVar("_T")


class AsideWork(Protocol):
    """Does work beside the reactor."""

    def __call__(self, work: Callable[[], _T], /) -> Awaitable[_T]:
        """Return what `work` returns."""


class BoardFace:
    """Answers everybody; `app.resource()` is the root of the site."""

    app = Klein()

    def __init__(
        self,
        board: Board,
        announcing: Announcing,
        uploads: UploadFolder,
        *,
        directory: Path,
        in_thread: AsideWork,
        clock: Clock,
    ) -> None:
        """`directory`: where the files of entries and credentials are. `in_thread`: for all that waits for the disk."""
        self._board = board
        self._announcing = announcing
        self._uploads = uploads
        self._directory = directory
        self._in_thread = in_thread
        self._clock = clock
        self._buckets: BucketsByKey[str] = BucketsByKey(CALLS_PER_S, CALLS_AT_ONCE, capacity=MOST_ADDRESSES)

    @app.route("/v1/state", methods=["GET"])
    async def state(self, request: Request) -> bytes:
        """Tell how the election stands."""

        def told() -> bytes:
            self._board.advance()
            standing = self._board.standing
            return _json(
                request,
                {
                    "fingerprint": standing.fingerprint.hex(),
                    "phase": standing.phase.value if standing.has_election else None,
                    "awaited": standing.unsigned if standing.has_election else None,
                    "entries": self._board.log.size,
                    "turnout": [{"from": begin, "voters": count} for begin, count in self._board.turnout()],
                },
            )

        return await self._answered(request, told)

    @app.route("/v1/record", methods=["GET"])
    async def record(self, request: Request) -> bytes:
        """Give the record."""

        def told() -> bytes:
            self._board.head()
            return _bytes(request, self._board.standing.record)

        return await self._answered(request, told)

    @app.route("/v1/head", methods=["GET"])
    async def head(self, request: Request) -> bytes:
        """Give a signed head."""
        return await self._answered(request, lambda: _bytes(request, self._board.head().encode()))

    @app.route("/v1/consistency/<int:size>", methods=["GET"])
    async def consistency(self, request: Request, size: int) -> bytes:
        """Prove that the log continues that of `size` entries."""

        def told() -> bytes:
            head = self._board.head()
            if size > head.head.size:
                return _told(request, 404, f"the log has {head.head.size} entries")
            return _bytes(request, HeadAndPath(head, self._board.log.consistency(size, head.head.size)).encode())

        return await self._answered(request, told)

    @app.route("/v1/entries", methods=["GET"])
    async def entries(self, request: Request) -> bytes:
        """Give all entries, one after another, or a range of the bytes."""
        return await self._file(request, self._directory / ENTRIES_FILE)

    @app.route("/v1/credentials", methods=["GET"])
    async def credentials(self, request: Request) -> bytes:
        """Give the list of credentials, or a range of the bytes."""
        return await self._file(request, self._directory / CREDENTIALS_FILE)

    @app.route("/v1/files/<digest>", methods=["GET"])
    async def file(self, request: Request, digest: str) -> bytes:
        """Give a file that an entry names, or a range of the bytes."""
        return await self._file(request, self._uploads.find(_hex(digest)))

    @app.route("/v1/entries/<int:kind>", methods=["POST"])
    async def announce(self, request: Request, kind: int) -> bytes:
        """Take a signed statement: 201 with the index of its entry, or 202 with the files that have to come before."""

        def told() -> bytes:
            if kind not in EntryKind.__members__.values():
                return _told(request, 404, f"an entry's kind is 1 to {len(EntryKind)}")
            outcome = self._announcing.announce(EntryKind(kind), body)
            if isinstance(outcome, int):
                request.setResponseCode(201)
                return _json(request, {"entry": outcome})
            request.setResponseCode(202)
            missing = [
                {"digest": each.digest.hex(), "have_bytes": each.have_bytes, "token": each.token.hex()}
                for each in outcome
            ]
            return _json(request, {"missing": missing})

        body = _body(request)
        return await self._changed(request, told)

    @app.route("/v1/files/<digest>/<int:offset>", methods=["PUT"])
    async def take(self, request: Request, digest: str, offset: int) -> bytes:
        """Take a part of a file that was announced."""
        body, token = _body(request), _token(request)

        def told() -> bytes:
            return _json(request, {"have_bytes": self._uploads.take(_hex(digest), token, offset, body)})

        return await self._changed(request, told)

    @app.route("/v1/files/<digest>/whole", methods=["POST"])
    async def finish(self, request: Request, digest: str) -> bytes:
        """Take a file as whole, if its digest is right."""
        token = _token(request)

        def told() -> bytes:
            self._uploads.finish(_hex(digest), token)
            request.setResponseCode(204)
            return b""

        return await self._changed(request, told)

    @app.handle_errors(HTTPException)
    def refuse(self, request: Request, failure: object) -> bytes:
        """Answer what no route takes."""
        error = getattr(failure, "value", None)
        status = error.code if isinstance(error, HTTPException) and error.code else 500
        return _told(request, status, "no such page" if status == 404 else "not allowed here")

    async def _changed(self, request: Request, work: Callable[[], bytes]) -> bytes:
        host = str(getattr(request.getClientAddress(), "host", ""))
        if not self._buckets.take(host, self._clock.seconds()):
            request.setHeader("Retry-After", "10")
            return _told(request, 429, "too many calls from this address")
        return await self._answered(request, work)

    async def _answered(self, request: Request, work: Callable[[], bytes]) -> bytes:
        try:
            return await self._in_thread(work)
        except NotNowError as error:
            return _told(request, 409, str(error))
        except PeerError as error:
            return _told(request, 400, str(error))
        except LoopixmixError as error:
            # The reason names files and the disk, which is nothing for a caller to know. That the disk is full is told
            # by the status, and by the log once: each call here would fill it further.
            if not isinstance(error, DiskFullError):
                _log.error("a call cannot be answered: {error}", error=str(error))
            return _told(request, 503, "the board cannot do this just now")

    async def _file(self, request: Request, path: Path | None) -> bytes:
        if path is None or not path.exists():
            return _told(request, 404, "there is no such file, or not yet")
        return await download(request, path)


def _json(request: Request, value: object) -> bytes:
    request.setHeader("Content-Type", JSON)
    return msgspec.json.encode(value)


def _bytes(request: Request, content: bytes) -> bytes:
    request.setHeader("Content-Type", BYTES)
    return content


def _told(request: Request, status: int, reason: str) -> bytes:
    request.setResponseCode(status)
    request.setHeader("Content-Type", TEXT)
    return f"{reason}\n".encode()


def _body(request: Request) -> bytes:
    return cast(bytes, request.content.read()) if request.content is not None else b""


def _token(request: Request) -> bytes:
    scheme, _, token = (request.getHeader("Authorization") or "").partition(" ")
    return _hex(token) if scheme == "Bearer" else b""


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
