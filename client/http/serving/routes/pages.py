"""The routes about the pages of installed packages."""

from __future__ import annotations

from typing import Protocol

from twisted.web.server import Request

from client.http.messages import OfferedPages, PageLink
from client.http.serving.calls import write_json
from client.http.serving.described import Description, route
from loopixmix.web.visiting.links import LINK_LIFE_S


class Pages(Protocol):
    """Pages that can be opened by links."""

    def names(self) -> list[str]:
        """Return the names of all pages that are installed."""

    def link(self, name: str) -> str:
        """Return a new one-time link to pages."""


class LinkRoutes:
    """Gives out links to pages."""

    def __init__(self, pages: Pages) -> None:
        """Give out links to `pages`."""
        self._pages = pages

    @route("GET", "/v1/pages", Description(answers=OfferedPages))
    async def pages(self, request: Request) -> bytes:
        """List the pages that installed packages offer."""
        return write_json(request, OfferedPages(self._pages.names()))

    @route("POST", "/v1/pages/<name>/links", Description(answers=PageLink, status=201))
    async def open_page(self, request: Request, name: str) -> bytes:
        """Make a link that opens pages once."""
        return write_json(request, PageLink(self._pages.link(name), LINK_LIFE_S), status=201)
