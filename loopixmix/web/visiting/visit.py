"""One request for a page, after it was let in: all that the code of a page needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from twisted.web.server import Request
from zope.interface import Interface

from loopixmix.errors import MisuseError
from loopixmix.web.forms.bodies import FormBody
from loopixmix.web.showing.frame import Frame


class IVisit(Interface):  # type: ignore[misc]  # zope.interface has no types
    """The component of a request that is its `Visit`."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A request that was let in.

    `query`: the fields of the address. `form`: those of the form that was sent, or None if the page was only asked for.
    `form_token`: to show a form with; empty on pages without sessions, which have no forms that change something.
    `holder`: whose session it is, as the door said; empty after a one-time link, and without sessions.
    """

    frame: Frame
    query: FormBody
    form: FormBody | None
    form_token: str = field(repr=False)
    holder: str = ""

    def to(self, path: str) -> str:
        """Return the address of another page of the same application; `path` begins with a slash."""
        return self.frame.prefix + path


def attach(visit: Visit, request: Request) -> None:
    """Let the routes find a visit by its request."""
    request.setComponent(IVisit, visit)  # type: ignore[no-untyped-call]


def visit_of(request: Request) -> Visit:
    """Return the visit of a request; raise `MisuseError` if it came to the routes past every gate."""
    visit = request.getComponent(IVisit, None)  # type: ignore[no-untyped-call]
    if not isinstance(visit, Visit):
        raise MisuseError("a page was asked for past its gate: serve pages by loopixmix.web.visiting.gate.PageGate")
    return visit
