"""Answers written to requests, with the headers that all of our pages have, and the pages that tell what went wrong."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from loopixmix.errors import LoopixmixError, MisuseError, PeerError, UnavailableError
from loopixmix.web.forms.bodies import BadFormError, LongFormError
from loopixmix.web.showing.frame import Frame, document
from loopixmix.web.showing.markup import link, paragraph
from loopixmix.web.visiting.answers import Download, PageAnswer, SeeOther, Shown
from loopixmix.web.visiting.policy import SECURITY_HEADERS, Refusal

HTML = "text/html; charset=utf-8"

NOT_FOUND = Refusal(404, "Not found", "There is no page at this address.")
METHOD_NOT_ALLOWED = Refusal(405, "Not possible", "This page cannot be used in this way.")
INTERNAL = Refusal(500, "Something failed", "The program could not do this. Its log tells more.")

_log = Logger("loopixmix.web")


def write(request: Request, answer: PageAnswer, frame: Frame) -> bytes:
    """Set status and headers of an answer and return its body."""
    match answer:
        case Shown(title, content, status):
            return write_body(request, document(frame, title, content, is_error=status >= 400), HTML, status=status)
        case SeeOther(path):
            request.setHeader("Location", frame.prefix + path)
            return write_body(request, b"", HTML, status=303)
        case Download(name, media_type, body):
            request.setHeader("Content-Disposition", f'attachment; filename="{name}"')
            return write_body(request, body, media_type)


def write_body(
    request: Request, body: bytes, media_type: str, *, status: int = 200, caching: str = "no-store"
) -> bytes:
    """Set status and headers of a body and return it. `caching`: what browsers may keep, by default nothing."""
    for name, value in SECURITY_HEADERS:
        request.setHeader(name, value)
    # Twisted tells its version to everybody.
    request.responseHeaders.removeHeader("Server")
    request.setResponseCode(status)
    request.setHeader("Content-Type", media_type)
    request.setHeader("Content-Length", str(len(body)))
    request.setHeader("Cache-Control", caching)
    return body


def write_refusal(request: Request, refused: Refusal, frame: Frame) -> bytes:
    """Write a page that tells why a request was not carried out."""
    return write(request, told(refused, frame), frame)


def told(refused: Refusal, frame: Frame) -> Shown:
    """Return the page that tells of a refusal, with a way back."""
    back = paragraph(link(f"{frame.prefix}/", f"Back to {frame.application}"))
    return Shown(refused.title, [paragraph(refused.words), back], refused.status)


def write_failure(request: Request, failure: Failure, frame: Frame) -> bytes:
    """Write a page that tells of an error; one that nobody expected is logged, and not told."""
    refused = reason_of(failure.value)
    if refused is INTERNAL:
        _log.failure("a page failed", failure)
    return write_refusal(request, refused, frame)


def reason_of(error: BaseException | None) -> Refusal:
    """Return what is told of an error."""
    words = (str(error) or (type(error).__doc__ or "").partition("\n")[0]).rstrip(".")
    words = words[:1].upper() + words[1:] + "."
    match error:
        case LongFormError():
            return Refusal(413, "Too long", words)
        case BadFormError():
            return Refusal(400, "Not understood", words)
        case MethodNotAllowed():
            return METHOD_NOT_ALLOWED
        case HTTPException():
            return NOT_FOUND
        case UnavailableError():
            return Refusal(503, "Not reachable just now", f"{words} Try again later.")
        case PeerError():
            return Refusal(502, "The other side failed", words)
        case MisuseError() | LoopixmixError():
            return Refusal(400, "Not possible", words)
        case _:
            return INTERNAL
