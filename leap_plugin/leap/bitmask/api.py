"""Bitmask's local API and nicknym, as the bridge serves them on loopback; `leap_api` makes them for its wiring."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import msgspec
from klein import Klein
from twisted.internet.address import IPv4Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.web.resource import IResource
from twisted.web.server import Request

from client.api import Client
from leap_plugin.leap.bitmask.commands import BitmaskAccount, MailCommands, TokenGiver
from leap_plugin.leap.bitmask.gate import LoopbackGate
from leap_plugin.leap.bitmask.nicknym import KeyLookups
from leap_plugin.leap.bitmask.reach import ReachableAddresses
from loopixmix.errors import UNDECODABLE, ConfigError, LoopixmixError
from loopixmix.process.files import write_new_token
from loopixmix.seams import Clock, Rng
from loopixmix.web.sites import BoundedFactory, BoundedRequest, QuietSite

if TYPE_CHECKING:
    from twisted.internet.interfaces import IProtocolFactory

HOST = "127.0.0.1"
BITMASK_PORT = 7070
TOKEN_FILE = "leap-api.token"  # noqa: S105 (a name)
MAX_BODY_BYTES = 64 * 1024
MAX_ARGUMENTS = 8
MAX_CONNECTIONS = 64
JSON = "application/json"

_log = Logger()


class LoopbackPort(Protocol):
    """A port that is listened on."""

    def getHost(self) -> object:  # noqa: N802 (Twisted's name)
        """Return its address."""

    def stopListening(self) -> object:  # noqa: N802 (Twisted's name)
        """Stop; what is returned may be awaited."""


class LoopbackReactor(Protocol):
    """A part of Twisted's `IReactorTCP`."""

    def listenTCP(  # noqa: N802 (Twisted's name)
        self, port: int, factory: IProtocolFactory, *, interface: str
    ) -> LoopbackPort:
        """Listen on a port."""


class BitmaskRoutes:
    """`POST /API/mail/<command>` and `GET /?address=A`."""

    app = Klein()

    def __init__(self, commands: MailCommands, lookups: KeyLookups, gate: LoopbackGate) -> None:
        """`commands`, `lookups`: carry out what `gate` lets in."""
        self._commands = commands
        self._lookups = lookups
        self._gate = gate

    @app.route("/API/mail/<command>", methods=["POST"])
    async def command(self, request: Request, command: str) -> bytes:
        """Carry out a command of Bitmask's API. Its arguments are a JSON array; errors are told in the answer."""
        if not self._gate.is_from_a_program(request.requestHeaders):
            return _write(request, {"error": "only programs of this machine may ask"}, HTTPStatus.FORBIDDEN)
        if not self._gate.knows_the_token(request.requestHeaders):
            return _write(request, {"error": "unauthorized: bad app token"}, HTTPStatus.UNAUTHORIZED)
        body = request.content.read() if request.content is not None else b""
        try:
            arguments = msgspec.json.decode(body or b"[]", type=list[str])
        except UNDECODABLE:
            return _write(request, {"error": "the arguments are a JSON array of texts", "result": None})
        if len(arguments) > MAX_ARGUMENTS:
            return _write(request, {"error": f"at most {MAX_ARGUMENTS} arguments", "result": None})
        try:
            result = await self._commands.perform(command, arguments)
        except LoopixmixError as error:
            return _write(request, {"error": str(error), "result": None})
        return _write(request, {"error": None, "result": result})

    @app.route("/", methods=["GET"])
    async def key(self, request: Request) -> bytes:
        """Answer a look-up as nicknym does.

        KeyManagers cannot be told to send a token. So programs of other users of this machine may look up keys too;
        what they learn is what any user of the network may ask.
        """
        if not self._gate.is_from_a_program(request.requestHeaders):
            return _write(request, {"error": "only programs of this machine may ask"}, HTTPStatus.FORBIDDEN)
        given = (request.args or {}).get(b"address", [])
        try:
            address = given[0].decode("utf-8") if len(given) == 1 else ""
        except UnicodeDecodeError:
            address = ""
        if not address or len(address) > 254:
            return _write(request, {"error": "there is one address to ask for"}, HTTPStatus.BAD_REQUEST)
        try:
            found = await self._lookups.look_up(address)
        except LoopixmixError as error:
            return _write(request, {"error": str(error)}, HTTPStatus.BAD_GATEWAY)
        if found is None:
            return _write(request, {"error": "Not Found"}, HTTPStatus.NOT_FOUND)
        return _write(request, {"address": address, "openpgp": found.armored})


@dataclass(frozen=True, kw_only=True)
class LeapSettings:
    """Where Bitmask's interfaces are served. `directory`: for the token and what is known of the network.

    `port`: of loopback, 0 for any free one. `tokens`: gives mail programs what they log in with.
    """

    directory: Path
    port: int = BITMASK_PORT
    tokens: TokenGiver


class LeapApi:
    """Bitmask's interfaces while they are served."""

    def __init__(
        self,
        accounts: Sequence[BitmaskAccount],
        lookups: KeyLookups,
        settings: LeapSettings,
        *,
        reactor: LoopbackReactor,
        clock: Clock,
        rng: Rng,
    ) -> None:
        """Use `leap_api`."""
        self._accounts = accounts
        self._lookups = lookups
        self._settings = settings
        self._reactor = reactor
        self._clock = clock
        self._rng = rng
        self._listening: LoopbackPort | None = None
        self._connections: BoundedFactory | None = None

    @property
    def reachable(self) -> Mapping[str, ReachableAddresses]:
        """What the network reaches, by account; for a `leap_plugin.leap.bitmask.sending.MixSender`."""
        return {account.address: account.reachable for account in self._accounts}

    def start(self) -> str:
        """Listen; return the address. Raises `ConfigError` if the port is in use, `StoreError`."""
        token = write_new_token(self._settings.directory / TOKEN_FILE, rng=self._rng)
        commands = MailCommands(self._accounts, tokens=self._settings.tokens)
        gate = LoopbackGate(token)
        resource = BitmaskRoutes(commands, self._lookups, gate).app.resource()
        make_request = partial(BoundedRequest, limit_bytes=MAX_BODY_BYTES, discard_bytes=MAX_BODY_BYTES, too_long=_long)
        site = QuietSite(cast("IResource", resource), clock=self._clock, make_request=make_request)
        self._connections = BoundedFactory(site, most=MAX_CONNECTIONS)
        try:
            self._listening = self._reactor.listenTCP(
                self._settings.port, cast("IProtocolFactory", self._connections), interface=HOST
            )
        except CannotListenError as error:
            raise ConfigError(
                f"LEAP's interfaces cannot be served at {HOST}:{self._settings.port}, which is in use: stop Bitmask, "
                "or choose another port"
            ) from error
        port = cast(IPv4Address, self._listening.getHost()).port
        gate.allow_port(port)
        self._lookups.start()
        for account in self._accounts:
            account.reachable.start()
        _log.info("LEAP's interfaces are served at {host}:{port}", host=HOST, port=port)
        return f"http://{HOST}:{port}"

    async def stop(self) -> None:
        """Stop; no delayed call is left."""
        listening, self._listening = self._listening, None
        if listening is None or self._connections is None:
            return
        await maybeDeferred(listening.stopListening)
        self._lookups.stop()
        for account in self._accounts:
            await account.reachable.stop()
        await self._connections.close()


def leap_api(
    clients: Mapping[str, Client], settings: LeapSettings, *, reactor: LoopbackReactor, clock: Clock, rng: Rng
) -> LeapApi:
    """Return Bitmask's interfaces for the accounts of a bridge; they are served from `LeapApi.start` on.

    `clients`: the client of each account, by its mail address, at least one. The first one asks for keys.
    """
    accounts = [
        BitmaskAccount(
            address=address,
            client=client,
            reachable=ReachableAddresses(client, file=_reach_file(settings.directory, address), clock=clock, rng=rng),
        )
        for address, client in clients.items()
    ]
    if not accounts:
        raise ConfigError("LEAP's interfaces need a mail account: there is none")
    lookups = KeyLookups(accounts[0].client, accounts[0].reachable, clock=clock, rng=rng)
    return LeapApi(accounts, lookups, settings, reactor=reactor, clock=clock, rng=rng)


def _reach_file(directory: Path, address: str) -> Path:
    return directory / f"leap-reach-{hashlib.sha256(address.lower().encode()).hexdigest()[:16]}.json"


def _write(request: Request, answer: Mapping[str, object], status: int = HTTPStatus.OK) -> bytes:
    request.setResponseCode(int(status))
    request.setHeader("Content-Type", JSON)
    request.setHeader("Cache-Control", "no-store")
    return msgspec.json.encode(answer)


def _long(request: Request) -> bytes:
    return _write(request, {"error": f"a request has at most {MAX_BODY_BYTES} bytes"}, 413)
