"""The local API: all of its routes for one client. Specification: docs/protocol/local-api.md."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.web.server import Request

from client.core.journal import JournalledClient
from client.http.serving.calls import write_json
from client.http.serving.described import Description, described_routes, route
from client.http.serving.dispatching import Dispatcher
from client.http.serving.openapi import openapi_document
from client.http.serving.routes.account import AccountRoutes
from client.http.serving.routes.contacts import ContactRoutes
from client.http.serving.routes.events import EventRoutes
from client.http.serving.routes.inbox import InboxRoutes
from client.http.serving.routes.messages import OutgoingRoutes
from client.http.serving.routes.pages import LinkRoutes, Pages
from client.http.serving.routes.requests import RequestRoutes
from client.http.serving.routes.streams import OpenStreams
from loopixmix.process.pause import Pause
from loopixmix.seams import Clock, Rng


class LocalApi:
    """Serves one client; `resource` is the root of the site."""

    def __init__(self, client: JournalledClient, *, pages: Pages, clock: Clock, rng: Rng) -> None:
        """Serve `client` and give out links to `pages`; `clock` times event streams, `rng` names subscriptions."""
        self.streams = OpenStreams(clock=clock)

        async def breathe() -> None:
            await Pause(clock).wait(0.0)

        self.resource = Dispatcher(
            [
                AccountRoutes(client),
                ContactRoutes(client),
                OutgoingRoutes(client, breathe=breathe),
                RequestRoutes(client, streams=self.streams),
                InboxRoutes(client, streams=self.streams, rng=rng),
                EventRoutes(client, streams=self.streams, clock=clock),
                LinkRoutes(pages),
                self,
            ]
        )

    @route("GET", "/v1/openapi.json", Description(answers=dict))
    async def openapi(self, request: Request) -> bytes:
        """Tell all of this to programs, as an OpenAPI document."""
        return write_json(request, local_api_document())


SUBJECTS = (
    AccountRoutes,
    ContactRoutes,
    OutgoingRoutes,
    RequestRoutes,
    InboxRoutes,
    EventRoutes,
    LinkRoutes,
    LocalApi,
)


def local_api_document() -> Mapping[str, object]:
    """Return the OpenAPI document of the local API."""
    return openapi_document(described_routes(SUBJECTS))
