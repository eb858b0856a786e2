"""The site of the public face, within bounds."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from functools import partial
from typing import cast

from twisted.web.resource import IResource
from twisted.web.server import Request

from loopixmix.seams import Clock
from loopixmix.web.sites import BoundedFactory, BoundedRequest, QuietSite
from votes.board.face.routes import BoardFace
from votes.board.uploads import MOST_PART_BYTES
from votes.record.entries import MOST_BODY_BYTES, EntryKind

MOST_CONNECTIONS, MOST_PER_ADDRESS = 512, 64
MOST_BODY = max(MOST_PART_BYTES, MOST_BODY_BYTES[EntryKind.RECORD])
IDLE_TIMEOUT_S = 60.0


def face_factory(face: BoardFace, *, clock: Clock) -> BoundedFactory:
    """Return the factory to listen with."""
    make_request = partial(BoundedRequest, limit_bytes=MOST_BODY, discard_bytes=MOST_BODY, too_long=_too_long)
    site = QuietSite(
        cast("IResource", face.app.resource()), clock=clock, make_request=make_request, idle_timeout_s=IDLE_TIMEOUT_S
    )
    return BoundedFactory(site, most=MOST_CONNECTIONS, most_per_address=MOST_PER_ADDRESS)


def _too_long(request: Request) -> bytes:
    request.setResponseCode(413)
    request.setHeader("Content-Type", "text/plain; charset=utf-8")
    return f"a body has at most {MOST_BODY} bytes\n".encode()
