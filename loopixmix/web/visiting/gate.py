"""The gate in front of an application's pages: whatever it lets through was asked for by a person in this browser."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from typing import cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from loopixmix.errors import PeerError
from loopixmix.net.limits import address_group
from loopixmix.web.forms.bodies import FormBody, FormLimits, read_form, read_query
from loopixmix.web.forms.forms import TOKEN_FIELD, button_form
from loopixmix.web.showing.frame import STYLE, STYLE_NAME, Frame
from loopixmix.web.showing.markup import element, paragraph
from loopixmix.web.visiting.answers import SeeOther, Shown
from loopixmix.web.visiting.doors import DOOR_PATH, Door
from loopixmix.web.visiting.links import OneTimeLinks
from loopixmix.web.visiting.policy import READING, Refusal, WebOrigin, refusal, was_opened_by_a_person
from loopixmix.web.visiting.routes import WebPages
from loopixmix.web.visiting.sessions import SessionCookie, WebSession, WebSessions
from loopixmix.web.visiting.visit import Visit, attach
from loopixmix.web.visiting.writing import (
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    reason_of,
    write,
    write_body,
    write_failure,
    write_refusal,
)

FORGED = Refusal(403, "Refused", "This form is not from a page of your session, or the session has ended since.")
SPENT = "This link was used already, or is older than five minutes."


@dataclass(frozen=True)
class Entrance:
    """How people get in: by a one-time link, which begins a session. `how` tells them where to get one.

    With a `door` they may also prove who they are, and the session is theirs (`Visit.holder`).
    """

    links: OneTimeLinks
    sessions: WebSessions
    how: str
    door: Door | None = None


class PageGate(Resource):
    """Serves the pages of one application below a path of one origin."""

    isLeaf = True  # noqa: N815 (Twisted's name)

    def __init__(
        self,
        pages: WebPages,
        *,
        origin: WebOrigin,
        prefix: str = "",
        entrance: Entrance | None = None,
        limits: FormLimits | None = None,
    ) -> None:
        """Serve `pages` below `prefix`, which has no slash at its end.

        `entrance`: how people get in; without it everybody may read all pages, and no form is taken.
        """
        super().__init__()
        self._routes = pages.app.resource()
        self._origin = origin
        self._prefix = prefix
        self._entrance = entrance
        self._cookie = SessionCookie(f"{prefix}/", origin.is_secure)
        self._limits = limits or FormLimits()
        self._frame = Frame(application=pages.title, prefix=prefix, places=pages.places)

    @property
    def origin(self) -> WebOrigin:
        """Where the pages are."""
        return self._origin

    def link(self) -> str:
        """Return the address of a new one-time link."""
        if self._entrance is None:
            return f"{self._origin}{self._prefix}/"
        return f"{self._origin}{self._prefix}/open/{self._entrance.links.make()}"

    def render(self, request: Request) -> bytes | int:
        """Answer a request, or let it through to the routes."""
        bare = replace(self._frame, places=())
        refused = refusal(request.method, request.requestHeaders, origin=self._origin)
        if refused is not None:
            return write_refusal(request, refused, bare)
        path = self._path_of(request)
        if request.path == f"/{STYLE_NAME}".encode("ascii"):
            # For the pages that are written before anybody knows below which prefix they stand.
            path = f"/{STYLE_NAME}"
        if path is None:
            return write_refusal(request, NOT_FOUND, bare)
        if request.method not in (*READING, b"POST"):
            return write_refusal(request, METHOD_NOT_ALLOWED, bare)
        if path == f"/{STYLE_NAME}":
            return write_body(request, STYLE, "text/css; charset=utf-8", caching="max-age=31536000, immutable")
        if path == "":
            return write(request, SeeOther("/"), self._frame)
        if self._entrance is None:
            return self._let_everybody_in(request)
        if path.startswith("/open/"):
            return self._open(request, path.removeprefix("/open/"), self._entrance, bare)
        secret = self._cookie.read(request.requestHeaders)
        session = None if secret is None else self._entrance.sessions.find(secret)
        # The door is there with a session, too: whoever knocks again gets a new one.
        is_at_door = self._entrance.door is not None and path == DOOR_PATH
        if secret is None or session is None or is_at_door:
            return self._turn_away(request, path, self._entrance, bare)
        return self._let_in(request, path, session, secret, self._entrance)

    def _path_of(self, request: Request) -> str | None:
        """Return the path below the prefix; None if it is not below it."""
        try:
            path = request.path.decode("ascii")
            # The routes match decoded text; what decodes to nothing has no route.
            b"/".join(request.postpath or ()).decode()
        except UnicodeDecodeError:
            return None
        if path != self._prefix and not path.startswith(f"{self._prefix}/"):
            return None
        return path.removeprefix(self._prefix)

    def _open(self, request: Request, secret: str, entrance: Entrance, frame: Frame) -> bytes:
        """Begin a session by a link.

        At once only if the browser vouches that a person opened it. A mail program that looks at every link, or another
        page that leads here, gets a button instead, and the link stays good.
        """
        if request.method != b"POST" and not was_opened_by_a_person(request.requestHeaders):
            if not entrance.links.is_good(secret):
                return write_refusal(request, Refusal(403, SPENT, entrance.how), frame)
            button = element("button", "Open", type="submit")
            asked = [paragraph("This link opens the page once."), element("form", button, method="post")]
            return write(request, Shown(f"Open {frame.application}?", asked), frame)
        if request.method == b"HEAD" or not entrance.links.use(secret):
            return write_refusal(request, Refusal(403, SPENT, entrance.how), frame)
        old = self._cookie.read(request.requestHeaders)
        if old is not None:
            entrance.sessions.end(old)
        request.responseHeaders.addRawHeader(b"Set-Cookie", self._cookie.give(entrance.sessions.begin()))
        return write(request, SeeOther("/"), frame)

    def _turn_away(self, request: Request, path: str, entrance: Entrance, frame: Frame) -> bytes | int:
        if entrance.door is None:
            return write_refusal(request, Refusal(403, "This page is closed", entrance.how), frame)
        if path != DOOR_PATH:
            # A form of a session that ended is not carried out after the next one began.
            return write(request, SeeOther(DOOR_PATH), frame)
        if request.method != b"POST":
            return write(request, entrance.door.ask(), frame)
        try:
            form = self._form_of(request).without(TOKEN_FIELD)
        except PeerError as error:
            return write_refusal(request, reason_of(error), frame)
        work = Deferred.fromCoroutine(self._knock(request, entrance.door, form, entrance))
        work.addErrback(lambda failure: _failed(request, failure, frame))
        request.notifyFinish().addErrback(lambda _: work.cancel())
        work.addCallback(lambda body: _finish(request, body))
        return NOT_DONE_YET

    async def _knock(self, request: Request, door: Door, form: FormBody, entrance: Entrance) -> bytes:
        """Begin a session for somebody, if the door says whose it is."""
        host = str(getattr(request.getClientAddress(), "host", ""))
        answer = await door.knock(form, address_group(host))
        if isinstance(answer, Shown):
            return write(request, answer, replace(self._frame, places=()))
        old = self._cookie.read(request.requestHeaders)
        if old is not None:
            entrance.sessions.end(old)
        request.responseHeaders.addRawHeader(b"Set-Cookie", self._cookie.give(entrance.sessions.begin(answer)))
        return write(request, SeeOther("/"), self._frame)

    def _let_in(self, request: Request, path: str, session: WebSession, secret: str, entrance: Entrance) -> bytes | int:
        leave = button_form(session.form_token, "Close", f"{self._prefix}/close")
        frame = replace(self._frame, leave=element("div", leave, class_="leave"))
        try:
            query = read_query(_query_of(request), self._limits)
            form = self._form_of(request) if request.method == b"POST" else None
            token = "" if form is None else form.one(TOKEN_FIELD)
        except PeerError as error:
            return write_refusal(request, reason_of(error), frame)
        if form is not None:
            if not hmac.compare_digest(token.encode(), session.form_token.encode()):
                return write_refusal(request, FORGED, frame)
            if path == "/close":
                entrance.sessions.end(secret)
                request.responseHeaders.addRawHeader(b"Set-Cookie", self._cookie.take_back())
                closed = Shown("Closed", paragraph(f"The session has ended. {entrance.how}"))
                return write(request, closed, replace(self._frame, places=()))
            form = form.without(TOKEN_FIELD)
        visit = Visit(frame=frame, query=query, form=form, form_token=session.form_token, holder=session.holder)
        return self._to_routes(request, visit)

    def _let_everybody_in(self, request: Request) -> bytes | int:
        if request.method not in READING:
            return write_refusal(request, METHOD_NOT_ALLOWED, self._frame)
        try:
            query = read_query(_query_of(request), self._limits)
        except PeerError as error:
            return write_refusal(request, reason_of(error), self._frame)
        return self._to_routes(request, Visit(frame=self._frame, query=query, form=None, form_token=""))

    def _form_of(self, request: Request) -> FormBody:
        body: bytes = request.content.read() if request.content is not None else b""
        return read_form(body, request.getHeader("Content-Type") or "", self._limits)

    def _to_routes(self, request: Request, visit: Visit) -> int:
        depth = self._prefix.count("/")
        path = request.postpath or []
        request.prepath, request.postpath = path[:depth], path[depth:]
        attach(visit, request)
        # It writes and finishes by itself, later.
        return cast(int, self._routes.render(cast(IRequest, request)))


def _failed(request: Request, failure: Failure, frame: Frame) -> bytes:
    # Cancelled is what nobody waits for any more.
    return b"" if failure.check(CancelledError) else write_failure(request, failure, frame)


def _finish(request: Request, body: bytes) -> None:
    # A browser that went away meanwhile has no use for it, and Twisted an error.
    if not request._disconnected:
        request.write(body)
        request.finish()


def _query_of(request: Request) -> bytes:
    uri: bytes = request.uri
    return uri.partition(b"?")[2]
