"""The client as applications in other processes use it: `client.api.Client` over the daemon's local HTTP API.

`client.remote_asyncio` is the same for programs on asyncio.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.api import Following
from client.directory.configuration import load_client_config, set_sealed
from client.feeds.failures import CallbackFailures
from client.feeds.followed import Followed
from client.http.calling.call import Call, Query
from client.http.calling.caller import Caller, FindEndpoint
from client.http.calling.client import CallingClient
from client.http.calling.follower import Follower, Refused, Take, Where, log_refusal
from client.http.calling.starting import POLL_S, WITHIN_S, DaemonStart
from client.http.endpoint import find_endpoint
from loopixmix.process.eventloops import await_on_twisted, check_no_asyncio
from loopixmix.seams import Clock, Rng
from loopixmix.web.calls import kept_connections

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase
    from twisted.internet.interfaces import IReactorTime

KEPT_CONNECTIONS = 8
"""So many connections are kept for further calls."""
INSTEAD = "use client.remote_asyncio, which is the same client for asyncio (docs/asyncio.md)"
"""What a program on asyncio is told."""

T = TypeVar("T")

_log = Logger("client.http")


def remote_client(directory: Path, *, reactor: ReactorBase, rng: Rng) -> RemoteClient:
    """Return the client whose daemon runs in `directory` (`loopixmix client run DIRECTORY`).

    The daemon may start later, stop and come back: each call finds it anew.
    Raises `MisuseError` in a program on asyncio: `client.remote_asyncio` has its twin.
    """
    check_no_asyncio(reactor, instead=INSTEAD)
    kept, find = kept_connections(reactor, most=KEPT_CONNECTIONS), partial(find_endpoint, directory)
    return RemoteClient(http=kept.http, find_endpoint=find, clock=cast(Clock, reactor), rng=rng, on_close=kept.close)


async def start(
    directory: Path,
    *,
    reactor: ReactorBase,
    rng: Rng,
    network: Path | None = None,
    guest: bool = False,
    provider: str = "",
    token: bytes = b"",
    within_s: float = WITHIN_S,
) -> RemoteClient:
    """Return the client of `directory`, whose daemon is started if none runs, as soon as it answers.

    The daemon goes on when the program ends: it is to stay linked, whatever its programs do. `network`: the trust root,
    by which a client is made if there is none in the directory. `guest`: open an account without a name if there is no
    account yet, at `provider` or anywhere, with `token` (see `client.api.Client.register_guest`). `within_s`: how many
    seconds the daemon may take to answer.
    Raises `ConfigError`, `StoreError`, `NotRunningError`, what `register_guest` raises, and `MisuseError` in a program
    on asyncio.
    """
    check_no_asyncio(reactor, instead=INSTEAD)
    starting = DaemonStart(directory, within_s=within_s)
    starting.begin(network=network, rng=rng)
    client = remote_client(directory, reactor=reactor, rng=rng)
    try:
        while not await client.is_running():
            starting.check()
            await deferLater(cast("IReactorTime", reactor), POLL_S, lambda: None)
        if guest and not (await client.status()).registered:
            await client.register_guest(provider, token=token)
    except BaseException:
        client.close()
        raise
    return client


def require_sealed_store(directory: Path) -> bool:
    """Have the store of the client of `directory` encrypted from its daemon's next start; return whether that is new.

    For programs whose client has what belongs to others. There is no way back. Raises `ConfigError`.
    """
    if has_sealed_store(directory):
        return False
    set_sealed(directory)
    return True


def has_sealed_store(directory: Path) -> bool:
    """Tell whether the store of a client is, or will be, encrypted; raises `ConfigError`."""
    return load_client_config(directory).sealed_store


class RemoteClient(CallingClient):
    """A `CallingClient` on Twisted."""

    def __init__(
        self,
        *,
        http: HTTPClient,
        find_endpoint: FindEndpoint,
        clock: Clock,
        rng: Rng,
        on_close: Callable[[], object] = lambda: None,
    ) -> None:
        """Use `remote_client`, or build the parts for a test; `on_close` is called at the end."""
        super().__init__(CallbackFailures())
        self._caller = Caller(http=http, find_endpoint=find_endpoint, clock=clock)
        self._rng = rng
        self._on_close = on_close
        self._running: dict[Follower, Deferred[None]] = {}

    def close(self) -> None:
        """Stop all callbacks and close the connections that are not in use; no delayed call is left."""
        for follower in tuple(self._running):
            self._stop(follower)
        self._on_close()

    async def ask(self, made: Call[T]) -> T:
        """Make a call and return its answer; see `CallingClient.ask`."""
        return await await_on_twisted(self._caller.ask(made), instead=INSTEAD)

    def follow(self, path: str, query: Query | Where, take: Take, *, refused: Refused = log_refusal) -> Following:
        """Give the events of a stream to `take`; see `CallingClient.follow`."""
        follower = Follower(self._caller, take, path=path, query=query, rng=self._rng, refused=refused)
        follower.beginning = Followed(partial(self._stop, follower))
        self._running[follower] = running = Deferred.fromCoroutine(follower.run())
        running.addErrback(_note_end, follower)
        running.addBoth(self._forget, follower)
        return follower.beginning

    def _forget(self, _: object, follower: Follower) -> None:
        self._running.pop(follower, None)

    def _stop(self, follower: Follower) -> None:
        running = self._running.pop(follower, None)
        if running is None:
            return
        follower.stopped = True
        follower.beginning.begun()
        if not follower.taking:
            running.cancel()


def _note_end(failure: Failure, follower: Follower) -> None:
    if not (follower.stopped and isinstance(failure.value, CancelledError)):
        _log.failure("the daemon's events are followed no more", failure)
