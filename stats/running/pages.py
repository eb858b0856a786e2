"""What the collector's program shows over HTTP: the dashboard is put in here."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from typing import cast

from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from loopixmix.process.program import World
from loopixmix.web.sites import BoundedFactory
from loopixmix.web.visiting.server import page_factory
from stats.analysts.aside import WorkAside
from stats.running.directory import CollectorDirectory
from stats.running.wiring import CollectorParts


def pages_of(
    directory: CollectorDirectory,  # noqa: ARG001 (for the pages to come, as the next two)
    parts: CollectorParts,  # noqa: ARG001
    *,
    world: World,
    in_thread: WorkAside,  # noqa: ARG001
) -> BoundedFactory:
    """Return what serves the pages to connections.

    `parts`: `parts.columns.raw` holds true answers, which only noisy questions may reach. `in_thread`: for all that
    waits for a disk.
    """
    return page_factory(cast("IResource", _Greeting()), clock=world.clock)


class _Greeting(Resource):
    """Says that a collector is here."""

    isLeaf = True  # noqa: N815 (Twisted's name)

    def render(self, request: Request) -> bytes:
        """Answer every request alike."""
        request.setHeader("Content-Type", "text/plain; charset=utf-8")
        return b"A collector of reports.\n"
