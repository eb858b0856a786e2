"""What the collector's program serves: the pages behind their door, and the interface for programs beside them."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from loopixmix.seams import Clock, Rng
from loopixmix.web.sites import BoundedFactory
from loopixmix.web.visiting.gate import Entrance, PageGate
from loopixmix.web.visiting.links import OneTimeLinks
from loopixmix.web.visiting.policy import WebOrigin
from loopixmix.web.visiting.server import page_factory
from loopixmix.web.visiting.sessions import SessionLimits, WebSessions
from stats.analysts.aside import WorkAside
from stats.analysts.book import AnalystBook
from stats.analysts.door import AnalystDoor
from stats.columns.seams import ColumnStore
from stats.dashboard.central import DataSetPages
from stats.dashboard.pages import DashboardPages
from stats.dashboard.queries import ResultQueries
from stats.dashboard.rest.bearer import CallerBounds
from stats.dashboard.rest.routes import ApiParts, StatsApi
from stats.dashboard.results import SurveyResults
from stats.dashboard.seams import CentralData, CollectorView
from stats.dashboard.turns import WaitingTurns

MOST_CONNECTIONS, MOST_PER_ADDRESS = 128, 48
HOW = "Log in with the name and password that the collector's operator gave you."


@dataclass(frozen=True)
class DashboardParts:
    """What the dashboard is made of. `columns`: of randomised reports, never of true answers."""

    view: CollectorView
    columns: ColumnStore
    data_sets: CentralData
    book: AnalystBook


def dashboard_factory(
    parts: DashboardParts, *, origin: WebOrigin, in_thread: WorkAside, clock: Clock, rng: Rng
) -> BoundedFactory:
    """Return what serves the dashboard to connections.

    `origin`: where browsers find it. `in_thread`: for all that waits for a disk or a processor.
    """
    results, turns = SurveyResults(parts.view, ResultQueries(parts.columns)), WaitingTurns(in_thread)
    pages = DashboardPages(results, DataSetPages(parts.data_sets, rng), parts.book, turns, clock=clock)
    entrance = Entrance(
        OneTimeLinks(clock=clock, rng=rng),
        WebSessions(SessionLimits(), clock=clock, rng=rng),
        HOW,
        AnalystDoor(parts.book, clock=clock, in_thread=in_thread),
    )
    gate = PageGate(pages, origin=origin, entrance=entrance)
    api = StatsApi(ApiParts(results, parts.data_sets, parts.book, turns, CallerBounds(clock)))
    face = DashboardFace(gate, cast("Resource", api.app.resource()))
    return page_factory(cast("IResource", face), clock=clock, most=MOST_CONNECTIONS, most_per_address=MOST_PER_ADDRESS)


class DashboardFace(Resource):
    """Leads a request to the pages or to the interface for programs."""

    isLeaf = True  # noqa: N815 (Twisted's name)

    def __init__(self, pages: PageGate, api: Resource) -> None:
        """`pages`: for people. `api`: for programs, below /v1."""
        super().__init__()
        self._pages = pages
        self._api = api

    def render(self, request: Request) -> bytes | int:
        """Answer a request."""
        if request.path == b"/v1" or request.path.startswith(b"/v1/"):
            answered: bytes | int = self._api.render(request)
            return answered
        return self._pages.render(request)
