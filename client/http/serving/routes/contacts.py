"""The routes about contacts."""

from __future__ import annotations

from twisted.web.server import Request

from client.api import Client, Contact
from client.http.messages import AcceptBody, ContactBody
from client.http.serving.calls import read_json, write_json, write_nothing
from client.http.serving.described import NOTHING, Description, route


class ContactRoutes:
    """Serves the contacts of a client."""

    def __init__(self, client: Client) -> None:
        """Serve `client`."""
        self._client = client

    @route("GET", "/v1/contacts", Description(answers=list[Contact]))
    async def contacts(self, request: Request) -> bytes:
        """List all contacts."""
        return write_json(request, await self._client.contacts())

    @route("POST", "/v1/contacts", Description(takes=ContactBody, answers=Contact, status=201))
    async def add_contact(self, request: Request) -> bytes:
        """Look up and pin a contact."""
        body = read_json(request, ContactBody)
        return write_json(request, await self._client.add_contact(body.address), status=201)

    @route("DELETE", "/v1/contacts/<address>", NOTHING)
    async def remove_contact(self, request: Request, address: str) -> bytes:
        """Forget a contact."""
        await self._client.remove_contact(address)
        return write_nothing(request)

    @route("POST", "/v1/contacts/<address>/accept", Description(takes=AcceptBody, answers=Contact))
    async def accept_key(self, request: Request, address: str) -> bytes:
        """Pin the key of a contact whose fingerprint was compared."""
        body = read_json(request, AcceptBody)
        return write_json(request, await self._client.accept_key(address, body.fingerprint))
