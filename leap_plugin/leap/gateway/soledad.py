"""Soledad's Incoming Box: one PUT for each mail.

    PUT /incoming/{uuid}/{blob_id}      Authorization: Token base64("incoming:<secret>")

200 or 201 says that it is stored, 409 that it was stored before, 507 that the user's quota is used up.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from treq.client import HTTPClient
from twisted.internet.defer import TimeoutError as TwistedTimeoutError
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.web.client import ResponseFailed
from twisted.web.http_headers import Headers

from loopixmix.seams import Clock
from loopixmix.web.calls import BodyCollector, BrokenAnswerError, LongAnswerError

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

TIMEOUT_S = 60.0
MAX_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True)
class InBox:
    """The mail is in the user's Incoming Box, from now on or from before."""


@dataclass(frozen=True)
class BoxFull:
    """The user's quota is used up."""


@dataclass(frozen=True)
class BoxRefused:
    """Soledad does not take this mail for this user; others may have better luck."""

    reason: str


@dataclass(frozen=True)
class SoledadDown:
    """Soledad takes nothing just now, whoever it is for."""

    reason: str


PutAnswer: TypeAlias = InBox | BoxFull | BoxRefused | SoledadDown


class _Response(Protocol):
    def deliverBody(self, protocol: TwistedProtocol, /) -> None: ...  # noqa: N802


class SoledadIncoming:
    """Puts mails into Incoming Boxes."""

    def __init__(self, url: str, token: str, *, http: HTTPClient, clock: Clock, user_prefix: str = "") -> None:
        """`url`: up to and with `/incoming`. `token`: `incoming:<secret>`, as in Soledad's file of services' tokens.

        `user_prefix`: what stands before the uuid in the path; `user-` for a Soledad that stores in CouchDB.
        """
        self._url = url.rstrip("/")
        self._headers = Headers(
            {b"Authorization": [b"Token " + b64encode(token.encode())], b"Content-Type": [b"application/octet-stream"]}
        )
        self._http = http
        self._clock = clock
        self._user_prefix = user_prefix

    async def put(self, uuid: str, blob_id: str, content: bytes) -> PutAnswer:
        """Put a mail into the box of a user; `blob_id` is the same at each attempt."""
        url = f"{self._url}/{self._user_prefix}{uuid}/{blob_id}"
        asking = self._http.put(
            url,
            data=content,
            headers=self._headers,
            # A redirect would carry the token to wherever it points.
            allow_redirects=False,
            unbuffered=True,
            reactor=self._clock,  # type: ignore[arg-type]  # zope interfaces are unknown to mypy
        )
        asking.addTimeout(TIMEOUT_S, cast("IReactorTime", self._clock))
        try:
            response = await asking
            await self._read(cast(_Response, response))
        except TwistedTimeoutError:
            return SoledadDown(f"Soledad did not answer within {TIMEOUT_S:g} s")
        except (ConnectError, ConnectionClosed, ResponseFailed, BrokenAnswerError, LongAnswerError, OSError) as error:
            return SoledadDown(f"Soledad cannot be reached: {type(error).__name__}")
        return _judge(response.code)

    async def _read(self, response: _Response) -> None:
        # Read to its end, so that the connection can be used again; what it says is of no use to anybody.
        collector = BodyCollector(MAX_ANSWER_BYTES)
        response.deliverBody(collector)
        await collector.complete.addTimeout(TIMEOUT_S, cast("IReactorTime", self._clock))

    def __repr__(self) -> str:
        return f"SoledadIncoming({self._url!r})"


def _judge(status: int) -> PutAnswer:
    if status in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.CONFLICT):
        return InBox()
    if status == HTTPStatus.INSUFFICIENT_STORAGE:
        return BoxFull()
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return SoledadDown(f"Soledad refuses the token ({status}): see its file of services' tokens")
    if status == HTTPStatus.INTERNAL_SERVER_ERROR or 400 <= status < 500:
        # Soledad answers 500 to whatever one user's database does; a broken server would show for all of them.
        return BoxRefused(f"Soledad answers {status} for this user")
    return SoledadDown(f"Soledad answers {status}")
