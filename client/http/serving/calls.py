"""Requests to the local API <-> values, strictly: unknown parameters and fields are refused."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from twisted.web.server import Request

from client.api import MAX_TIMEOUT_S, BadRequestError
from client.http.messages import JSON, MAX_PAGE, MESSAGE_PACK, OCTETS
from client.http.problems import Problem
from client.http.serving.bodies import LONG_CHARACTERS, Breathe, decode_body, decode_long_body
from loopixmix.web.channels import RETRY_AFTER_S

T = TypeVar("T", bound=msgspec.Struct)

_COUNT = re.compile(r"0|[1-9][0-9]{0,18}")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?")
_NO_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")

READ_AT_ONCE = 1 << 18
MAX_NUMBER = 10**18
"""No number of a message, a change or a length is higher."""


class UnsupportedTypeError(Exception):
    """The body is of a type that the local API does not take."""


def media_type(request: Request) -> str:
    """Return the type of the body; raise `UnsupportedTypeError` for anything a web page's form could send."""
    values = request.requestHeaders.getRawHeaders("Content-Type", [])
    # Of two, one program might believe the first and another the last.
    found = values[0].partition(";")[0].strip().lower() if len(values) == 1 else ""
    if found not in (JSON, OCTETS, MESSAGE_PACK):
        raise UnsupportedTypeError(found)
    return found


def read_json(request: Request, shape: type[T]) -> T:
    """Return the JSON body; raise `BadRequestError` if it is not of that shape, or there are parameters beside it."""
    if media_type(request) != JSON:
        raise UnsupportedTypeError(media_type(request))
    return read_packed(request, shape)


def read_packed(request: Request, shape: type[T]) -> T:
    """Return the body, in JSON or MessagePack; raise `BadRequestError` as `read_json`."""
    found = media_type(request)
    if found == OCTETS:
        raise UnsupportedTypeError(found)
    # A parameter beside a body would be a wish that nobody hears.
    read_query(request)
    return decode_body(read_octets(request), shape, is_json=found == JSON)


async def read_long(request: Request, shape: type[T], breathe: Breathe) -> T:
    """Do as `read_packed`, and let others have their turn while a long body in JSON is read."""
    length = int(request.getHeader("Content-Length") or LONG_CHARACTERS + 1)
    if media_type(request) != JSON or length <= LONG_CHARACTERS:
        return read_packed(request, shape)
    read_query(request)
    return await decode_long_body(await _read_pieces(request, breathe), shape, breathe)


async def _read_pieces(request: Request, breathe: Breathe) -> bytes:
    """Do as `read_octets`, with a breath after each piece: a long body lies in a file."""
    whole = io.BytesIO()
    while request.content is not None and (piece := request.content.read(READ_AT_ONCE)):
        whole.write(piece)
        await breathe()
    return whole.getvalue()


def read_octets(request: Request) -> bytes:
    """Return the body as it came."""
    if request.content is None:
        return b""
    body: bytes = request.content.read()
    return body


def read_query(request: Request, *allowed: str) -> dict[str, str]:
    """Return the query's parameters; raise `BadRequestError` for an unknown, repeated or malformed one."""
    query: dict[str, str] = {}
    # Read here, because Twisted leaves out what is no pair, and takes ";" for "&".
    for piece in request.uri.partition(b"?")[2].split(b"&"):
        if not piece:
            continue
        raw_name, equals, raw_value = piece.partition(b"=")
        name, value = _unquoted(raw_name), _unquoted(raw_value)
        if not equals or name not in allowed or name in query:
            raise BadRequestError(f"unknown, repeated or empty parameter {name[:40]!r} (allowed: {', '.join(allowed)})")
        query[name] = value
    return query


def _unquoted(raw: bytes) -> str:
    if _NO_ESCAPE.search(raw):
        raise BadRequestError("in the query a % stands before two hexadecimal digits")
    try:
        return unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError as error:
        raise BadRequestError("the query is not UTF-8") from error


def read_page(request: Request) -> tuple[int, int]:
    """Return the number after which a list goes on, and how much of it is asked for; the query has nothing else."""
    query = read_query(request, "after", "limit")
    after = parse_count("after", query.get("after", "0"), least=0, most=MAX_NUMBER)
    return after, parse_count("limit", query.get("limit", str(MAX_PAGE)), least=1, most=MAX_PAGE)


def required(query: dict[str, str], name: str) -> str:
    """Return a parameter; raise `BadRequestError` if it is missing."""
    if name not in query:
        raise BadRequestError(f"the parameter {name} is missing")
    return query[name]


def parse_flag(name: str, text: str) -> bool:
    """Return a parameter that is `true` or `false`; raise `BadRequestError` otherwise."""
    if text not in ("true", "false"):
        raise BadRequestError(f"{name} is true or false, not {text[:40]!r}")
    return text == "true"


def parse_time(name: str, text: str) -> float:
    """Return a parameter that is an instant in seconds since 1970; raise `BadRequestError` otherwise."""
    at_s = _number(text)
    if not math.isfinite(at_s):
        raise BadRequestError(f"{name} is a number of seconds since 1970, not {text[:40]!r}")
    return at_s


def parse_count(name: str, text: str, *, least: int, most: int) -> int:
    """Return a parameter that is a number from `least` to `most`; raise `BadRequestError` otherwise."""
    if not _COUNT.fullmatch(text) or not least <= int(text) <= most:
        raise BadRequestError(f"{name} is a number from {least} to {most}, not {text[:40]!r}")
    return int(text)


def parse_seconds(name: str, value: str | float) -> float:
    """Return a number of seconds over 0 and up to an hour; raise `BadRequestError` otherwise."""
    seconds = _number(value) if isinstance(value, str) else value
    if not 0 < seconds <= MAX_TIMEOUT_S:
        raise BadRequestError(f"{name} is a number of seconds over 0 and up to {MAX_TIMEOUT_S:g}")
    return seconds


def _number(text: str) -> float:
    """Return a number as JSON writes it, NaN for anything else: Python takes "1_0", " 1" and "infinity" too."""
    return float(text) if _NUMBER.fullmatch(text) else math.nan


def write_json(request: Request, value: msgspec.Struct | list[T] | Mapping[str, object], *, status: int = 200) -> bytes:
    """Set the headers of a JSON answer and return its body."""
    return _write(request, msgspec.json.encode(value), JSON, status)


def write_octets(request: Request, body: bytes) -> bytes:
    """Set the headers of an answer in plain bytes and return it."""
    return _write(request, body, OCTETS, 200)


def write_nothing(request: Request) -> bytes:
    """Set the headers of an answer that says by its status that all is done."""
    request.setResponseCode(204)
    return b""


def write_problem(request: Request, status: int, problem: Problem) -> bytes:
    """Set the headers of an answer that is no success and return its body."""
    if status == 401:
        request.setHeader(b"WWW-Authenticate", b"Bearer")
    if status == 503:
        request.setHeader(b"Retry-After", b"%d" % RETRY_AFTER_S)
    return _write(request, msgspec.json.encode(problem), JSON, status)


def _write(request: Request, body: bytes, content_type: str, status: int) -> bytes:
    request.setResponseCode(status)
    request.setHeader(b"Content-Type", content_type.encode())
    request.setHeader(b"Content-Length", b"%d" % len(body))
    request.setHeader(b"Cache-Control", b"no-store")
    request.setHeader(b"X-Content-Type-Options", b"nosniff")
    return body
