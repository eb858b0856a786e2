"""The routes about the client itself: its state, its account, its tokens, its network."""

from __future__ import annotations

from twisted.web.server import Request

from client.api import Client, ClientStatus, NetworkView, TokenStock
from client.http.messages import (
    AccountBody,
    Admitted,
    GuestBody,
    Registered,
    TakenToken,
    TakeTokenBody,
    TokensBody,
)
from client.http.serving.calls import read_json, write_json, write_nothing
from client.http.serving.described import Description, route


class AccountRoutes:
    """Serves what a client says of itself, and what it needs before it can send."""

    def __init__(self, client: Client) -> None:
        """Serve `client`."""
        self._client = client

    @route("GET", "/v1/status", Description(answers=ClientStatus))
    async def status(self, request: Request) -> bytes:
        """Tell what the client is doing now."""
        return write_json(request, await self._client.status())

    @route("POST", "/v1/account", Description(takes=AccountBody, answers=Registered, status=201))
    async def register(self, request: Request) -> bytes:
        """Open an account."""
        body = read_json(request, AccountBody)
        address = await self._client.register(body.name, body.provider, invitation=body.invitation)
        return write_json(request, Registered(address), status=201)

    @route("POST", "/v1/guest", Description(takes=GuestBody, answers=Admitted, status=201))
    async def register_guest(self, request: Request) -> bytes:
        """Open an account without a name."""
        body = read_json(request, GuestBody)
        provider = await self._client.register_guest(body.provider, token=body.token)
        return write_json(request, Admitted(provider), status=201)

    @route("POST", "/v1/tokens", Description(takes=TokensBody, status=204, forms=()))
    async def fetch_tokens(self, request: Request) -> bytes:
        """Order blind tokens."""
        body = read_json(request, TokensBody)
        await self._client.fetch_tokens(body.issuer, body.purpose, body.count, credential=body.credential, key=body.key)
        return write_nothing(request)

    @route("GET", "/v1/tokens", Description(answers=list[TokenStock]))
    async def tokens(self, request: Request) -> bytes:
        """Tell how many blind tokens there are and are ordered, by purpose."""
        return write_json(request, await self._client.tokens())

    @route("POST", "/v1/tokens/take", Description(takes=TakeTokenBody, answers=TakenToken))
    async def take_token(self, request: Request) -> bytes:
        """Take a blind token, which is forgotten here, after a day if it was taken by a key."""
        body = read_json(request, TakeTokenBody)
        token = await self._client.take_token(body.purpose, idempotency_key=body.idempotency_key)
        return write_json(request, TakenToken(token))

    @route("GET", "/v1/network", Description(answers=NetworkView))
    async def network(self, request: Request) -> bytes:
        """List the providers of the network and their services."""
        return write_json(request, await self._client.network())
