"""The client for programs on asyncio: `client.api.Client` over the daemon's local HTTP API, by httpx.

It needs the extra `asyncio` of loopixmix (httpx). `client.remote` is the same for programs on Twisted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import httpx

from client.api import CallbackFailure, Following, NotRunningError
from client.feeds.failures import CallbackFailures, words_of
from client.feeds.followed import Followed, Waiter
from client.http.calling.attempts import BrokenConnectionError, answered
from client.http.calling.call import Call, Query
from client.http.calling.client import CallingClient
from client.http.calling.follower import Follower, Refused, Take, Where, log_refusal
from client.http.calling.starting import POLL_S, WITHIN_S, DaemonStart
from client.http.endpoint import Endpoint, find_endpoint
from client.http.problems import error_told_by
from client.http.sse import SseBuffer, SseEvent
from loopixmix.errors import FormatError
from loopixmix.seams import Rng

KEPT_CONNECTIONS, MOST_CONNECTIONS = 8, 96
"""The daemon has 128 places for all programs."""
KEPT_IDLE_S = 20.0
"""Shorter than the daemon waits: it is not to end a connection that is used again."""
CONNECT_TIMEOUT_S = 10.0
SILENT_STREAM_S = 60.0
"""A stream is given up after so long a silence; the daemon says every 15 s that it is there."""

T = TypeVar("T")


def asyncio_client(directory: Path, *, rng: Rng) -> AsyncioClient:
    """Return the client whose daemon runs in `directory` (`loopixmix client run DIRECTORY`).

    The daemon may start later, stop and come back: each call finds it anew. Use it as `async with`, or `close` it.
    `rng`: `random.SystemRandom()`.
    """
    limits = httpx.Limits(
        max_connections=MOST_CONNECTIONS, max_keepalive_connections=KEPT_CONNECTIONS, keepalive_expiry=KEPT_IDLE_S
    )
    # Not by a proxy that the environment names: it would be shown the token.
    http = httpx.AsyncClient(limits=limits, trust_env=False, follow_redirects=False)
    return AsyncioClient(http=http, find_endpoint=partial(find_endpoint, directory), rng=rng)


async def start(
    directory: Path,
    *,
    rng: Rng,
    network: Path | None = None,
    guest: bool = False,
    provider: str = "",
    token: bytes = b"",
    within_s: float = WITHIN_S,
) -> AsyncioClient:
    """Return the client of `directory`, whose daemon is started if none runs; see `client.remote.start`."""
    starting = DaemonStart(directory, within_s=within_s)
    starting.begin(network=network, rng=rng)
    client = asyncio_client(directory, rng=rng)
    try:
        while not await client.is_running():
            starting.check()
            await asyncio.sleep(POLL_S)
        if guest and not (await client.status()).registered:
            await client.register_guest(provider, token=token)
    except BaseException:
        await client.close()
        raise
    return client


class AsyncioClient(CallingClient):
    """A `CallingClient` on asyncio."""

    def __init__(self, *, http: httpx.AsyncClient, find_endpoint: Callable[[], Endpoint], rng: Rng) -> None:
        """Use `asyncio_client`, or build the parts for a test."""
        super().__init__(CallbackFailures(_tell_loop))
        self._http = http
        self._find_endpoint = find_endpoint
        self._rng = rng
        self._running: dict[Follower, asyncio.Task[None]] = {}
        self._closing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> AsyncioClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop all callbacks and close the connections; a callback that runs is waited for.

        If it is a callback that closes the client, the connections are closed when that is done.
        """
        running, own = list(self._running.values()), asyncio.current_task()
        for follower in tuple(self._running):
            self._stop(follower)
        await asyncio.gather(*(task for task in running if task is not own), return_exceptions=True)
        if own is not None and own in running:
            own.add_done_callback(self._close_connections)
        else:
            await self._http.aclose()

    async def ask(self, made: Call[T]) -> T:
        """Make a call and return its answer; see `CallingClient.ask`."""
        try:
            async with asyncio.timeout(made.timeout_s):
                return made.decode(await self._answer(made))
        except TimeoutError as error:
            raise NotRunningError(f"the client daemon did not answer within {made.timeout_s:g} s") from error
        except BrokenConnectionError as error:
            raise NotRunningError("the client daemon went away before it answered") from error

    def follow(self, path: str, query: Query | Where, take: Take, *, refused: Refused = log_refusal) -> Following:
        """Give the events of a stream to `take`; see `CallingClient.follow`."""
        follower = Follower(self, take, path=path, query=query, rng=self._rng, refused=refused)
        follower.beginning = Followed(partial(self._stop, follower), _future_waiter)
        self._running[follower] = running = asyncio.get_running_loop().create_task(follower.run())
        running.add_done_callback(lambda _: self._running.pop(follower, None))
        return follower.beginning

    # The methods below are for the followers.

    async def stream(self, path: str, *, query: Query, last_event_id: str) -> _ResponseEvents:
        """Open an event stream; raises like `ask`."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_event_id} if last_event_id else {})
        try:
            return _ResponseEvents(await self._respond("GET", path, query, headers, None, SILENT_STREAM_S))
        except BrokenConnectionError as error:
            raise NotRunningError("the client daemon went away before it answered") from error

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    async def _answer(self, made: Call[T]) -> bytes:
        return await answered(lambda: self._attempt(made), repeatable=made.repeatable, pause=self.pause)

    async def _attempt(self, made: Call[T]) -> bytes:
        headers = {} if made.body is None else {"Content-Type": made.content_type}
        response = await self._respond(made.method, made.path, made.query, headers, made.body, made.timeout_s)
        return await _body_of(response)

    async def _respond(
        self, method: str, path: str, query: Query, headers: dict[str, str], body: bytes | None, silent_s: float
    ) -> httpx.Response:
        # Each time anew: a daemon that was started again has another port, and may have another token.
        endpoint = self._find_endpoint()
        request = self._http.build_request(
            method,
            endpoint.url + path,
            params=dict(query),
            headers=headers | {"Authorization": f"Bearer {endpoint.token}"},
            content=body,
            timeout=httpx.Timeout(silent_s, connect=CONNECT_TIMEOUT_S),
        )
        try:
            response = await self._http.send(request, stream=True)
        except httpx.ConnectError as error:
            raise NotRunningError("the client daemon is not running") from error
        except httpx.TransportError as error:
            raise BrokenConnectionError from error
        if not 200 <= response.status_code < 300:
            raise error_told_by(await _body_of(response))
        return response

    def _close_connections(self, _: object) -> None:
        self._closing = asyncio.get_running_loop().create_task(self._http.aclose())

    def _stop(self, follower: Follower) -> None:
        running = self._running.pop(follower, None)
        if running is None:
            return
        follower.stopped = True
        follower.beginning.begun()
        if not follower.taking:
            running.cancel()


def _future_waiter() -> Waiter:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    return future, lambda: None if future.done() else future.set_result(None)


def _tell_loop(failure: CallbackFailure) -> None:
    """Tell a failure as asyncio tells those of its own callbacks: by default they are logged."""
    # Without the error itself, which the handler would log with its words: an application may quote a message in them.
    asyncio.get_running_loop().call_exception_handler({"message": words_of(failure)})


class _ResponseEvents:
    """The events of one open stream."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._pieces: AsyncIterator[bytes] = response.aiter_raw()
        self._buffer = SseBuffer()
        self._events: list[SseEvent] = []

    async def next(self) -> SseEvent | None:
        while not self._events:
            try:
                piece = await anext(self._pieces, None)
            except httpx.TransportError:
                return None
            if piece is None:
                return None
            try:
                self._events += self._buffer.feed(piece)
            except FormatError:
                return None
        return self._events.pop(0)

    async def close(self) -> None:
        await self._response.aclose()


async def _body_of(response: httpx.Response) -> bytes:
    try:
        return await response.aread()
    except httpx.TransportError as error:
        raise BrokenConnectionError from error
    finally:
        await response.aclose()
