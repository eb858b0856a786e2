"""Pages on loopback for the person at this machine, each application at a host name of its own."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from loopixmix.errors import MisuseError
from loopixmix.net.sockets import ListeningPort, Sockets
from loopixmix.seams import Clock, Rng
from loopixmix.web.forms.bodies import FormLimits
from loopixmix.web.showing.frame import Frame
from loopixmix.web.sites import BoundedFactory, BoundedRequest, QuietSite
from loopixmix.web.visiting.gate import Entrance, PageGate
from loopixmix.web.visiting.links import OneTimeLinks
from loopixmix.web.visiting.policy import WRONG_HOST, Refusal, WebOrigin
from loopixmix.web.visiting.routes import WebPages
from loopixmix.web.visiting.sessions import SessionLimits, WebSessions
from loopixmix.web.visiting.writing import write_refusal

HOST = "127.0.0.1"
MAX_CONNECTIONS = 64
MAX_DISCARDED_BYTES = 16 * 1024 * 1024
"""A form that is too long is read past so far, so that its sender comes to read why."""

_NOBODYS = Frame(application="LoopixMix", prefix="")


def page_factory(
    resource: IResource,
    *,
    clock: Clock,
    limits: FormLimits | None = None,
    most: int = MAX_CONNECTIONS,
    most_per_address: int | None = None,
) -> BoundedFactory:
    """Return what serves pages, such as a `PageGate`, to connections.

    `limits`: of forms, those that the gate has. `most`, `most_per_address`: open connections in all and from one
    address.
    """
    limit_bytes = (limits or FormLimits()).body_bytes
    too_long = Refusal(413, "Too long", f"A form has at most {limit_bytes} bytes.")
    make_request = partial(
        BoundedRequest,
        limit_bytes=limit_bytes,
        discard_bytes=MAX_DISCARDED_BYTES,
        too_long=lambda request: write_refusal(request, too_long, _NOBODYS),
    )
    site = QuietSite(resource, clock=clock, make_request=make_request)
    return BoundedFactory(site, most=most, most_per_address=most_per_address)


class PageServer:
    """The pages of one program, opened by one-time links.

    Each application gets a host name under `localhost` with 64 random bits in it, new at each start. Browsers connect
    such names to this machine by themselves (RFC 6761, 6.3). A cookie belongs to a host, but to all of its ports
    (RFC 6265, 8.5). At `127.0.0.1` a server of another user would be handed our cookies, once a person looks at it. And
    two applications at one host would be one origin, each free to read the other.
    """

    def __init__(self, *, sockets: Sockets, clock: Clock, rng: Rng, how: Callable[[str], str]) -> None:
        """Serve nothing yet. `how`: tells a person how to get a link to the application of a name."""
        self._sockets = sockets
        self._clock = clock
        self._rng = rng
        self._how = how
        self._gates: dict[str, PageGate] = {}
        self._hosts = _ByHost()
        self._connections = page_factory(cast(IResource, self._hosts), clock=clock)
        self._listening: ListeningPort | None = None
        self._port = 0

    def start(self, port: int = 0) -> None:
        """Listen at `port` of loopback, at any free one for 0; raise `ListenError` if that cannot be."""
        self._listening = self._sockets.listen(HOST, port, cast(IProtocolFactory, self._connections))
        address = self._listening.getHost()
        self._port = address.port if isinstance(address, IPv4Address) else port

    @property
    def is_listening(self) -> bool:
        """Tell whether it was started and not stopped."""
        return self._listening is not None

    def add(self, name: str, pages: WebPages) -> None:
        """Serve pages under /pages/NAME/; raise `MisuseError` before `start`, or for a name that is taken."""
        if not self.is_listening or name in self._gates:
            raise MisuseError(f"pages {name!r} are added once, while the server listens")
        origin = WebOrigin("http", f"{name}-{self._rng.randbytes(8).hex()}.localhost:{self._port}")
        entrance = Entrance(
            OneTimeLinks(clock=self._clock, rng=self._rng),
            WebSessions(SessionLimits(), clock=self._clock, rng=self._rng),
            self._how(name),
        )
        gate = PageGate(pages, origin=origin, prefix=f"/pages/{name}", entrance=entrance)
        self._gates[name] = self._hosts.gates[origin.host.encode("ascii")] = gate

    def link(self, name: str) -> str:
        """Return a new one-time link; raise `MisuseError` if there are no pages of that name."""
        if name not in self._gates:
            raise MisuseError(f"there are no pages {name!r}")
        return self._gates[name].link()

    async def stop(self) -> None:
        """Stop to listen and cut all connections; all sessions are forgotten."""
        listening, self._listening = self._listening, None
        if listening is None:
            return
        self._gates.clear()
        self._hosts.gates.clear()
        await maybeDeferred(listening.stopListening)
        await self._connections.close()


class _ByHost(Resource):
    """Leads a request to the gate of its host."""

    isLeaf = True  # noqa: N815 (Twisted's name)

    def __init__(self) -> None:
        super().__init__()
        self.gates: dict[bytes, PageGate] = {}

    def render(self, request: Request) -> bytes | int:
        """Answer by the gate; by none if the host is not ours, or if it is told twice."""
        hosts = request.requestHeaders.getRawHeaders(b"Host", ())
        gate = self.gates.get(hosts[0].lower()) if len(hosts) == 1 else None
        return write_refusal(request, WRONG_HOST, _NOBODYS) if gate is None else gate.render(request)
