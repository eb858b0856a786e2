"""The routes of an application's pages: Klein, with visits in place of requests and answers in place of bytes."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import Protocol, TypeAlias, TypeVar, cast, runtime_checkable

from klein import Klein, KleinErrorHandler
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.server import Request

from loopixmix.web.showing.frame import MenuEntry
from loopixmix.web.visiting.answers import PageAnswer
from loopixmix.web.visiting.visit import visit_of
from loopixmix.web.visiting.writing import write, write_failure

PageCode: TypeAlias = Callable[..., PageAnswer | Awaitable[PageAnswer]]
"""A method of an application: takes a `Visit` and the parts of the path, and returns an answer, or awaits one."""

C = TypeVar("C", bound=PageCode)


class PageRoutes(Klein):
    """The routes of one application, an attribute of its class.

    Every error becomes a page: see `loopixmix.web.visiting.writing`.
    """

    def __init__(self) -> None:
        """Begin without a route."""
        super().__init__()
        self.handle_errors(Exception)(cast(KleinErrorHandler, _tell_failure))

    def page(self, path: str, *, methods: Sequence[str] = ("GET",)) -> Callable[[C], C]:
        """Answer `path`, in the form of Werkzeug's rules, by the method that is decorated.

        A POST comes to it only with a form that was sent by a page of the same session. If the browser goes away before
        the answer, what the method awaits is cancelled.
        """

        def add(code: C) -> C:
            @wraps(code)
            async def answer(owner: object, request: Request, **parts: object) -> bytes:
                visit = visit_of(request)
                given = code(owner, visit, **parts)
                found = await given if inspect.isawaitable(given) else given
                return write(request, found, visit.frame)

            self.route(path, methods=list(methods))(answer)
            return code

        return add


class WebPages(Protocol):
    """An application's pages."""

    @property
    def title(self) -> str:
        """The name of the application, on every page."""

    @property
    def places(self) -> Sequence[MenuEntry]:
        """The pages in the navigation; none if there is only one."""

    @property
    def app(self) -> PageRoutes:
        """The routes."""


# A protocol beside `WebPages` and not a method of it: most pages have nothing to put away, and need not say so.
@runtime_checkable
class ClosingPages(Protocol):
    """Pages that have something to put away when their program stops."""

    def close(self) -> Deferred[None] | Awaitable[None]:
        """Finish; nothing is asked any more."""


def _tell_failure(*call: object) -> bytes:
    # Klein puts the instance first if there is one, and nothing if the routes belong to no class.
    request, failure = cast("tuple[Request, Failure]", call[-2:])
    return write_failure(request, failure, visit_of(request).frame)
