"""The page behind the opt-out link: a GET shows one button, a POST stops the mail.

Mail programs and scanners follow links by themselves, so that a GET changes nothing. A POST needs no form of ours:
RFC 8058 has mail programs send one when their user asks for no more mail. The link itself is the permission.
"""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from leap_plugin.gateways.abuse.optout import OptOutMarks
from loopixmix.web.showing.frame import STYLE, STYLE_NAME, Frame, document
from loopixmix.web.showing.markup import Content, element, notice, paragraph
from loopixmix.web.visiting.writing import write_body

HTML = "text/html; charset=utf-8"

StopMail: TypeAlias = Callable[[bytes], Awaitable[None]]
"""Opts a mark out, durably."""

log = Logger()


class OptOutPage(Resource):
    """All addresses under the page's URL."""

    isLeaf = True  # noqa: N815 (Twisted's name)

    def __init__(self, marks: OptOutMarks, stop: StopMail, *, domain: str, url: str) -> None:
        """`marks`: reads the links. `domain`: of the gateway, for people. `url`: where the page is, from outside."""
        super().__init__()
        self._marks = marks
        self._stop = stop
        self._domain = domain
        self._frame = Frame(application=f"Mail gateway of {domain}", prefix=urlsplit(url).path.rstrip("/"))

    def render_GET(self, request: Request) -> bytes:  # noqa: N802 (Twisted's name)
        """Show the button, or the stylesheet."""
        name = _last_part(request)
        if name == STYLE_NAME:
            return write_body(request, STYLE, "text/css; charset=utf-8", caching="max-age=86400")
        if self._marks.read(name) is None:
            return self._unknown(request)
        about = paragraph(
            f"The mail with this link was sent by somebody whom the gateway of {self._domain} does not know. "
            "If you press the button, it sends no more mail to your address, whoever asks it to."
        )
        button = element("button", "Send me no more mail", type="submit")
        return self._page(request, "No more mail", [about, element("form", button, method="post")])

    def render_HEAD(self, request: Request) -> bytes:  # noqa: N802 (Twisted's name)
        """Answer as to a GET, without the body."""
        self.render_GET(request)
        return b""

    def render_POST(self, request: Request) -> bytes | int:  # noqa: N802 (Twisted's name)
        """Stop the mail, and say so once it is on the disk."""
        mark = self._marks.read(_last_part(request))
        if mark is None:
            return self._unknown(request)

        async def stop() -> bytes:
            await self._stop(mark)
            done = notice(f"The gateway of {self._domain} sends no more mail to your address.")
            return self._page(request, "Done", [done])

        # A visitor who has gone meanwhile wanted it all the same.
        gone: list[object] = []
        request.notifyFinish().addErrback(gone.append)
        answering = Deferred.fromCoroutine(stop()).addErrback(self._failed, request)

        def finish(body: bytes) -> None:
            if not gone:
                request.write(body)
                request.finish()

        answering.addCallback(finish)
        return NOT_DONE_YET

    def _failed(self, failure: Failure, request: Request) -> bytes:
        log.failure("an opt-out failed", failure)
        words = paragraph("It could not be stored. Please try again later.")
        return self._page(request, "Something failed", [words], status=503)

    def _unknown(self, request: Request) -> bytes:
        words = paragraph("This is no link of this gateway. Use the link in the mail, whole and unchanged.")
        return self._page(request, "Not found", [words], status=404)

    def _page(self, request: Request, title: str, content: list[Content], *, status: int = 200) -> bytes:
        return write_body(request, document(self._frame, title, content, is_error=status >= 400), HTML, status=status)


def _last_part(request: Request) -> str:
    return request.path.rpartition(b"/")[2].decode("ascii", "replace")
