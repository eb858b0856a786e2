"""Calls of the board's public face (docs/protocol/votes.md, 7.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import msgspec
from treq.client import HTTPClient
from twisted.internet.error import ConnectError
from twisted.web.client import ResponseNeverReceived

from loopixmix.errors import UNDECODABLE, PeerError, UnavailableError
from loopixmix.web.calls import BodyCollector

OK, CREATED, ACCEPTED, NO_CONTENT, PARTIAL, BAD_RANGE, TOO_MANY = 200, 201, 202, 204, 206, 416, 429
SERVER_ERRORS = 500
MOST_ANSWER_BYTES = 1 << 34
"""Of the longest file: a board cannot fill a disk that has more."""
MOST_WORDS_BYTES = 65_536


class BoardAwayError(UnavailableError):
    """The board cannot be reached."""


class BoardSaysNoError(PeerError):
    """The board refuses it."""


class MissingPart(msgspec.Struct, frozen=True):
    """A file that the board wants before it writes an announcement down. Digest and token in hexadecimal."""

    digest: str
    have_bytes: int
    token: str


class _Missing(msgspec.Struct, frozen=True):
    missing: tuple[MissingPart, ...]


class _Entry(msgspec.Struct, frozen=True):
    entry: int


_Words = TypeVar("_Words", _Entry, _Missing)


@dataclass(frozen=True)
class PublicBoard:
    """A board's public face at `url`, without a slash at its end."""

    http: HTTPClient
    url: str

    async def get(self, path: str, *, start: int = 0, most: int = 0) -> bytes:
        """Return a file from the byte `start` on; nothing if it has no more. `most`: bytes at one time; 0 for all.

        Raises `BoardAwayError`, and `BoardSaysNoError` with the board's reason.
        """
        end = str(start + most - 1) if most else ""
        headers: dict[bytes | str, bytes | str] = {"Range": f"bytes={start}-{end}"} if start or most else {}
        status, content = await self._call("GET", path, headers=headers, most=MOST_ANSWER_BYTES)
        if (start or most) and status == BAD_RANGE:
            return b""
        if status not in (OK, PARTIAL) or (start and status != PARTIAL):
            raise _refusal(path, status, content)
        return content

    async def announce(self, kind: int, body: bytes) -> int | tuple[MissingPart, ...]:
        """Hand in an announcement: return the index of its entry, or the files that the board wants before."""
        path = f"/v1/entries/{kind}"
        status, content = await self._call("POST", path, body=body)
        if status == CREATED:
            return _decode(content, _Entry).entry
        if status == ACCEPTED:
            return _decode(content, _Missing).missing
        raise _refusal(path, status, content)

    async def put(self, part: MissingPart, offset: int, content: bytes) -> None:
        """Hand in a part of a file."""
        path = f"/v1/files/{part.digest}/{offset}"
        await self._done(await self._call("PUT", path, body=content, headers=_bearer(part)), path)

    async def finish(self, part: MissingPart) -> None:
        """Say that a file is whole."""
        path = f"/v1/files/{part.digest}/whole"
        await self._done(await self._call("POST", path, headers=_bearer(part)), path)

    async def _done(self, answer: tuple[int, bytes], path: str) -> None:
        status, content = answer
        if status not in (OK, NO_CONTENT):
            raise _refusal(path, status, content)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: dict[bytes | str, bytes | str] | None = None,
        most: int = MOST_WORDS_BYTES,
    ) -> tuple[int, bytes]:
        try:
            response = await self.http.request(
                method, self.url + path, data=body, headers=headers or {}, unbuffered=True, allow_redirects=False
            )
            collector = BodyCollector(most)
            response.deliverBody(collector)
            return int(response.code), await collector.complete
        except (ConnectError, ResponseNeverReceived) as error:
            raise BoardAwayError(f"{self.url}: the board cannot be reached: {error}") from error


def _bearer(part: MissingPart) -> dict[bytes | str, bytes | str]:
    return {"Authorization": f"Bearer {part.token}"}


def _refusal(path: str, status: int, content: bytes) -> PeerError | UnavailableError:
    words = content[:300].decode("utf-8", "replace").strip() or f"status {status}"
    kind = BoardAwayError if status >= SERVER_ERRORS or status == TOO_MANY else BoardSaysNoError
    return kind(f"{path}: {words}")


def _decode(content: bytes, kind: type[_Words]) -> _Words:
    try:
        return msgspec.json.decode(content, type=kind)
    except UNDECODABLE as error:
        raise BoardSaysNoError(f"the board's answer makes no sense: {error}") from error
