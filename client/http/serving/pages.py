"""The pages that installed packages add to the daemon, each made when somebody opens it for the first time."""

from __future__ import annotations

from pathlib import Path
from typing import Generic, TypeVar

from twisted.logger import Logger

from client.api import BadRequestError
from loopixmix.errors import LoopixmixError, MisuseError
from loopixmix.net.sockets import Sockets
from loopixmix.process.files import make_directory
from loopixmix.seams import Clock, Rng
from loopixmix.web.pages import PageContext, find_pages, installed_pages
from loopixmix.web.visiting.routes import ClosingPages, WebPages
from loopixmix.web.visiting.server import PageServer

PAGES_DIRECTORY = "pages"

C = TypeVar("C")

_log = Logger("client.pages")


class InstalledPages(Generic[C]):
    """Serves pages at a port of their own.

    They are not at the port of the local API: there a gap in either of the two guards could lead from one to the other,
    and a browser that holds many connections could keep programs out. The port is opened for the first page.
    """

    def __init__(self, client: C, *, directory: Path, sockets: Sockets, clock: Clock, rng: Rng) -> None:
        """Pages use `client`; each gets a directory of its own in `directory`, which is the client's."""
        self._client = client
        self._directory = directory / PAGES_DIRECTORY
        self._clock = clock
        self._rng = rng
        self._server = PageServer(
            sockets=sockets,
            clock=clock,
            rng=rng,
            how=lambda name: f"Run  loopixmix client open DIR {name}  and open the link that it prints.",
        )
        self._made: dict[str, WebPages] = {}

    def names(self) -> list[str]:
        """Return the names of all pages that are installed."""
        return installed_pages()

    def link(self, name: str) -> str:
        """Return a new one-time link to pages.

        Raises `BadRequestError` if they are not installed or cannot be made, `ListenError` if no port is free.
        """
        if name not in self._made:
            pages = self._make(name)
            if not self._server.is_listening:
                self._server.start()
            self._server.add(name, pages)
            self._made[name] = pages
        return self._server.link(name)

    async def stop(self) -> None:
        """End all sessions and connections, and let the pages put away what they have."""
        await self._server.stop()
        made, self._made = self._made, {}
        for name, pages in made.items():
            if isinstance(pages, ClosingPages):
                try:
                    await pages.close()
                except Exception:
                    # The daemon has more to put away than the pages of one package.
                    _log.failure("the pages {name} did not close", name=name)

    def _make(self, name: str) -> WebPages:
        try:
            factory = find_pages(name)
        except MisuseError as error:
            raise BadRequestError(str(error)) from error
        directory = self._directory / name
        # One after the other: of a path that is made at once only the last directory is private.
        make_directory(self._directory)
        make_directory(directory)
        context = PageContext(client=self._client, directory=directory, clock=self._clock, rng=self._rng)
        try:
            return factory(context)
        except LoopixmixError:
            raise
        except Exception as error:
            # Code of another package: whatever it raises, the daemon goes on.
            _log.failure("the pages {name} cannot be made", name=name)
            raise BadRequestError(f"the pages {name!r} cannot be made; the daemon's log tells more") from error
