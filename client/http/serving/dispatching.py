"""Which method answers a call, and how its errors are told.

Klein, by which other sites of ours find their routes, answers some mistakes itself, in HTML; it also opens a stream for
a HEAD, and writes to a request that was answered in the meantime.
"""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import IntegerConverter, Map, Rule

from client.api import BadRequestError
from client.http.problems import INTERNAL, METHOD_NOT_ALLOWED, NOT_FOUND, UNSUPPORTED_TYPE, problem_of
from client.http.serving.calls import UnsupportedTypeError, read_octets, read_query, write_nothing, write_problem
from client.http.serving.described import described_routes
from loopixmix.errors import LoopixmixError

_Answering = Callable[..., Awaitable[bytes]]

_log = Logger("client.http")


class Dispatcher(Resource):
    """Answers every request by the method that is marked with its route; every error has a JSON body."""

    isLeaf = True  # noqa: N815 (Twisted's name)

    def __init__(self, subjects: Iterable[object]) -> None:
        """`subjects`: objects whose methods are marked by `client.http.serving.described.route`."""
        super().__init__()
        self._answering: dict[str, _Answering] = {}
        self._without_query: set[str] = set()
        self._without_body: set[str] = set()
        subjects = tuple(subjects)
        for subject in subjects:
            for route in described_routes([type(subject)]):
                self._answering[route.name] = getattr(subject, route.name)
                if not route.described.query and not route.described.octets_query:
                    self._without_query.add(route.name)
                if route.described.takes is None:
                    self._without_body.add(route.name)
        self._routes = _map_of(tuple(type(subject) for subject in subjects)).bind("")

    def render(self, request: Request) -> int:
        """Begin to answer; the call is cancelled if nobody waits for its answer any more."""
        _CallUnderWay(request).run(self._answer)
        return NOT_DONE_YET

    async def _answer(self, request: Request) -> bytes:
        path, method = _path_of(request), request.method.decode("ascii")
        if method == "OPTIONS" or method != method.upper():
            return self._tell_methods(request, path)
        name, parts = self._routes.match(path, method=method)
        if name in self._without_query:
            read_query(request)
        if name in self._without_body and read_octets(request):
            # What it says would be a wish that nobody hears.
            raise BadRequestError("this call takes no body: a parameter of it stands in the path or the query")
        return await self._answering[name](request, **parts)

    def _tell_methods(self, request: Request, path: str) -> bytes:
        methods = [*self._routes.allowed_methods(path)]
        if not methods:
            raise NotFound
        if request.method != b"OPTIONS":
            raise MethodNotAllowed(methods)
        _set_allow(request, methods)
        return write_nothing(request)


class _PlainNumber(IntegerConverter):
    """A number in a path: Werkzeug takes zeros before it, and the digits of all scripts."""

    regex = "(?:0|[1-9][0-9]{0,18})"


@lru_cache(maxsize=8)
def _map_of(types: tuple[type, ...]) -> Map:
    """Return which call a path means with subjects of these types: one for all servers, since making it takes long."""
    rules = [
        Rule(route.rule, methods=[route.method], endpoint=route.name)
        for each in types
        for route in described_routes([each])
    ]
    # Neither redirects: a redirect would be an answer without a JSON body, and some clients lose the token on it.
    strict = {"int": _PlainNumber}
    return Map(rules, converters=strict, merge_slashes=False, redirect_defaults=False)


class _CallUnderWay:
    """One call until its answer is written, or nobody waits for it."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._is_awaited = True
        self._running: Deferred[None] | None = None
        request.notifyFinish().addBoth(self._end)

    def run(self, answer: Callable[[Request], Awaitable[bytes]]) -> None:
        self._running = Deferred.fromCoroutine(self._run(answer))
        self._running.addErrback(lambda failure: _log.failure("an answer could not be written", failure))

    async def _run(self, answer: Callable[[Request], Awaitable[bytes]]) -> None:
        try:
            body = await answer(self._request)
        except Exception as error:  # whatever a route raises is told, or noted
            body = self._told(error)
        if self._is_awaited:
            # Nothing is cancelled by our own end.
            self._is_awaited = False
            self._request.write(body)
            self._request.finish()

    def _told(self, error: Exception) -> bytes:
        if not self._is_awaited:
            # Cancelled, or it failed because it was.
            if not isinstance(error, (CancelledError, LoopixmixError)):
                _log.failure("a call failed whose caller had gone")
            return b""
        if self._request.startedWriting:
            _note_broken_stream(error)
            return b""
        return _tell(self._request, error)

    def _end(self, _: object) -> None:
        if self._is_awaited:
            self._is_awaited = False
            if self._running is not None:
                self._running.cancel()


def _tell(request: Request, error: Exception) -> bytes:
    match error:
        case LoopixmixError():
            return write_problem(request, *problem_of(error))
        case UnsupportedTypeError():
            return write_problem(request, *UNSUPPORTED_TYPE)
        case MethodNotAllowed():
            _set_allow(request, error.valid_methods or ())
            return write_problem(request, *METHOD_NOT_ALLOWED)
        case HTTPException():
            return write_problem(request, *NOT_FOUND)
        case _:
            _log.failure("a request to the local API failed")
            return write_problem(request, *INTERNAL)


def _note_broken_stream(error: Exception) -> None:
    if isinstance(error, LoopixmixError):
        _log.warn("an event stream of the local API ended early: {error}", error=error)
    else:
        _log.failure("an event stream of the local API ended early")


def _path_of(request: Request) -> str:
    try:
        return unquote_to_bytes(request.path).decode()
    except UnicodeDecodeError as error:
        raise BadRequestError("the path is not UTF-8") from error


def _set_allow(request: Request, methods: Iterable[str]) -> None:
    request.setHeader(b"Allow", ", ".join(sorted({*methods, "OPTIONS"})).encode("ascii"))
