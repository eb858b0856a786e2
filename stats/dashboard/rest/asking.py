"""The REST interface from the other side: a program asks a dashboard."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import msgspec
from treq.client import HTTPClient
from twisted.internet.error import ConnectError
from twisted.web.client import ResponseNeverReceived

from loopixmix.errors import UNDECODABLE, ConfigError, MisuseError, PeerError, UnavailableError
from loopixmix.web.calls import BodyCollector
from stats.dashboard.rest import documents as doc

MOST_ANSWER_BYTES = 1 << 30
MOST_WORDS = 300
BUSY = (429, 503)
_URL = re.compile(r"https?://[A-Za-z0-9.\[\]:-]{1,255}", re.ASCII)
_D = TypeVar("_D", bound=msgspec.Struct)


class DashboardAwayError(UnavailableError):
    """The dashboard cannot be reached."""


class DashboardSaysNoError(MisuseError):
    """The dashboard refuses it."""


@dataclass(frozen=True)
class RemoteDashboard:
    """A dashboard at `url`, such as http://127.0.0.1:8430, asked with a token."""

    http: HTTPClient
    url: str
    token: str = field(repr=False)

    async def get(self, path: str, kind: type[_D]) -> _D:
        """Return what is at a path; raise `DashboardAwayError`, `DashboardSaysNoError`, or `PeerError`."""
        return _decoded(await self._call("GET", path, None), kind)

    async def post(self, path: str, asked: msgspec.Struct, kind: type[_D]) -> _D:
        """Return the answer to a call with a body."""
        return _decoded(await self._call("POST", path, asked), kind)

    async def file(self, path: str, asked: msgspec.Struct) -> bytes:
        """Return the file that a call orders."""
        return await self._call("POST", path, asked)

    async def _call(self, method: str, path: str, asked: msgspec.Struct | None) -> bytes:
        headers: dict[bytes | str, bytes | str] = {"Authorization": f"Bearer {self.token}"}
        body = b"" if asked is None else msgspec.json.encode(asked)
        if asked is not None:
            headers["Content-Type"] = "application/json"
        try:
            response = await self.http.request(
                method, self.url + path, data=body, headers=headers, unbuffered=True, allow_redirects=False
            )
            collector = BodyCollector(MOST_ANSWER_BYTES)
            response.deliverBody(collector)
            content = await collector.complete
        except (ConnectError, ResponseNeverReceived) as error:
            raise DashboardAwayError(f"{self.url}: the dashboard cannot be reached: {error}") from error
        if response.code == 200:
            return content
        words = _words(content) or f"status {response.code}"
        raise (DashboardAwayError if response.code in BUSY else DashboardSaysNoError)(words)


def dashboard_at(http: HTTPClient, url: str, token_file: Path) -> RemoteDashboard:
    """Return the dashboard at `url`; raise `ConfigError` if the address or the file with the token is none."""
    bare = url.rstrip("/")
    if not _URL.fullmatch(bare):
        raise ConfigError(f"{url[:80]!r} is no address of a dashboard: it is like http://127.0.0.1:8430")
    try:
        token = token_file.read_text("ascii").strip()
        if token_file.stat().st_mode & 0o077:
            raise ConfigError(f"{token_file}: others may read this token; run  chmod 600 {token_file}")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{token_file}: cannot be read: {error}") from error
    return RemoteDashboard(http, bare, token)


def path_of(*parts: str, **query: str | int | None) -> str:
    """Return a path below /v1 with its query; None leaves a field out."""
    fields = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items() if value is not None)
    path = "/".join(quote(part, safe="") for part in parts)
    return f"/v1/{path}{'?' if fields else ''}{fields}"


def _decoded(content: bytes, kind: type[_D]) -> _D:
    try:
        return msgspec.json.decode(content, type=kind)
    except UNDECODABLE as error:
        raise PeerError(f"the dashboard's answer makes no sense: {error}") from error


def _words(content: bytes) -> str:
    try:
        words = msgspec.json.decode(content, type=doc.ErrorDocument).error
    except UNDECODABLE:
        return ""
    # It comes from another machine, and is shown on a terminal.
    return "".join(sign if sign.isprintable() else " " for sign in words)[:MOST_WORDS]
