"""Errors as the local API tells them: one code and one HTTP status for each class, the same way back."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from client.api import (
    BadRequestError,
    BusyError,
    ClientError,
    ConflictError,
    ForbiddenError,
    KeyChangedError,
    NoClientError,
    NoTokenError,
    NotRegisteredError,
    NotRunningError,
    QueueFullError,
    RegistrationRefusedError,
    RequestTimeoutError,
    ServiceFailedError,
    TooLongError,
    TooManyReadersError,
    UnknownContactError,
    UnknownMessageError,
    UnknownReaderError,
    UnknownRequestError,
    UnknownServiceError,
    WrongStateError,
)
from loopixmix.errors import LoopixmixError, MisuseError, PeerError, StoreError, UnavailableError

ErrorClass: TypeAlias = type[LoopixmixError]


class Problem(msgspec.Struct, frozen=True):
    """The body of every answer that is no success: a code for programs, a line for people."""

    error: str
    message: str


# The first class that an error is an instance of names it, so that the special ones come before the general.
PROBLEMS: tuple[tuple[str, int, ErrorClass], ...] = (
    ("unauthorized", 401, ForbiddenError),
    ("unknown_contact", 404, UnknownContactError),
    ("unknown_service", 404, UnknownServiceError),
    ("unknown_message", 404, UnknownMessageError),
    ("unknown_request", 404, UnknownRequestError),
    ("unknown_reader", 404, UnknownReaderError),
    ("too_long", 413, TooLongError),
    ("bad_request", 400, BadRequestError),
    ("key_changed", 409, KeyChangedError),
    ("conflict", 409, ConflictError),
    ("wrong_state", 409, WrongStateError),
    ("no_token", 409, NoTokenError),
    ("not_registered", 409, NotRegisteredError),
    ("registration_refused", 403, RegistrationRefusedError),
    ("queue_full", 429, QueueFullError),
    ("too_many_readers", 429, TooManyReadersError),
    ("request_timeout", 504, RequestTimeoutError),
    ("service_failed", 502, ServiceFailedError),
    ("no_client", 404, NoClientError),
    ("busy", 503, BusyError),
    ("not_running", 503, NotRunningError),
    ("store", 507, StoreError),
    ("client", 500, ClientError),
    ("unavailable", 503, UnavailableError),
    ("misuse", 400, MisuseError),
    ("peer", 502, PeerError),
)

# Answers that no error of the client stands behind; a program that meets one has not kept to the specification.
FORBIDDEN_HOST = (421, Problem("forbidden_host", "the Host header does not name this daemon"))
FORBIDDEN_ORIGIN = (403, Problem("forbidden_origin", "web pages may not use this interface"))
UNAUTHORIZED = (401, Problem("unauthorized", "the bearer token is missing or wrong; it is in the file api.token"))
NOT_FOUND = (404, Problem("not_found", "there is nothing at that path"))
METHOD_NOT_ALLOWED = (405, Problem("method_not_allowed", "that path does not take this method"))
UNSUPPORTED_TYPE = (415, Problem("unsupported_type", "send application/json or application/octet-stream"))
ENCODED = (415, Problem("unsupported_type", "send the body as it is, without Content-Encoding"))
MALFORMED = (400, Problem("bad_request", "this is no HTTP/1.1 request"))
LATE = (408, Problem("late", "the request did not come in time"))
TARGET_TOO_LONG = (414, Problem("target_too_long", "the line with method, address and query has at most 16384 bytes"))
HEADERS_TOO_LONG = (
    431,
    Problem("headers_too_long", "the first line and all headers have at most 16384 bytes; headers are 500 at most"),
)
BUSY = (503, Problem("busy", "the client daemon serves as many calls as it can; try again in a moment"))
STOPPING = (503, Problem("not_running", "the client daemon is stopping; this call may have been carried out, or not"))
INTERNAL = (500, Problem("internal", "the daemon failed; its log tells more"))

_CLASSES = {code: error_class for code, _, error_class in PROBLEMS} | {
    "forbidden_host": ForbiddenError,
    "forbidden_origin": ForbiddenError,
    "target_too_long": BadRequestError,
    "headers_too_long": BadRequestError,
}


def problem_of(error: LoopixmixError) -> tuple[int, Problem]:
    """Return the HTTP status and the problem that tell of `error`."""
    message = str(error) or (type(error).__doc__ or "").partition("\n")[0]
    for code, status, error_class in PROBLEMS:
        if isinstance(error, error_class):
            return status, Problem(code, message)
    return 500, Problem("internal", message)


def error_told_by(body: bytes) -> LoopixmixError:
    """Return the error that the body of an answer tells of."""
    try:
        return error_of(msgspec.json.decode(body, type=Problem))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ClientError("the client daemon refused the call without a reason")


def error_of(problem: Problem) -> LoopixmixError:
    """Return the error that a problem tells of, a plain `ClientError` for a code that is not known."""
    return _CLASSES.get(problem.error, ClientError)(problem.message)
