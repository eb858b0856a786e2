"""Requests to the local API <-> values, strictly: unknown parameters and fields are refused."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

import msgspec
from twisted.web.server import Request

from client.api import BadRequestError
from client.http.messages import JSON, MAX_TIMEOUT_S, MESSAGE_PACK, OCTETS
from client.http.problems import Problem

T = TypeVar("T", bound=msgspec.Struct)

MAX_NUMBER = 10**18
"""No number of a message, a change or a length is higher."""


class UnsupportedTypeError(Exception):
    """The body is of a type that the local API does not take."""


def media_type(request: Request) -> str:
    """Return the type of the body; raise `UnsupportedTypeError` for anything a web page's form could send."""
    value: str = request.getHeader("Content-Type") or ""
    found = value.partition(";")[0].strip().lower()
    if found not in (JSON, OCTETS, MESSAGE_PACK):
        raise UnsupportedTypeError(found)
    return found


def read_json(request: Request, shape: type[T]) -> T:
    """Return the JSON body; raise `BadRequestError` if it is not of that shape."""
    found = media_type(request)
    if found != JSON:
        raise UnsupportedTypeError(found)
    return _decoded(request, msgspec.json.Decoder(shape))


def read_packed(request: Request, shape: type[T]) -> T:
    """Return the body, in JSON or MessagePack; raise `BadRequestError` if it is not of that shape."""
    found = media_type(request)
    if found == OCTETS:
        raise UnsupportedTypeError(found)
    return _decoded(request, msgspec.json.Decoder(shape) if found == JSON else msgspec.msgpack.Decoder(shape))


def _decoded(request: Request, decoder: msgspec.json.Decoder[T] | msgspec.msgpack.Decoder[T]) -> T:
    try:
        return decoder.decode(read_octets(request))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequestError(f"the body is wrong: {error}") from error


def read_octets(request: Request) -> bytes:
    """Return the body as it came."""
    if request.content is None:
        return b""
    body: bytes = request.content.read()
    return body


def read_query(request: Request, *allowed: str) -> dict[str, str]:
    """Return the query's parameters; raise `BadRequestError` for an unknown or repeated one or one that is no UTF-8."""
    query: dict[str, str] = {}
    arguments: dict[bytes, list[bytes]] = request.args or {}
    for raw_name, raw_values in arguments.items():
        try:
            name, values = raw_name.decode(), [value.decode() for value in raw_values]
        except UnicodeDecodeError as error:
            raise BadRequestError("the query is not UTF-8") from error
        if name not in allowed or len(values) != 1:
            raise BadRequestError(f"unknown or repeated parameter {name[:40]!r} (allowed: {', '.join(allowed)})")
        query[name] = values[0]
    return query


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
    try:
        at_s = float(text)
    except ValueError:
        at_s = math.nan
    if not math.isfinite(at_s):
        raise BadRequestError(f"{name} is a number of seconds since 1970, not {text[:40]!r}")
    return at_s


def parse_count(name: str, text: str, *, least: int, most: int) -> int:
    """Return a parameter that is a number from `least` to `most`; raise `BadRequestError` otherwise."""
    if not text.isascii() or not text.isdigit() or len(text) > len(str(most)) or not least <= int(text) <= most:
        raise BadRequestError(f"{name} is a number from {least} to {most}, not {text[:40]!r}")
    return int(text)


def parse_seconds(name: str, value: str | float) -> float:
    """Return a number of seconds over 0 and up to an hour; raise `BadRequestError` otherwise."""
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= MAX_TIMEOUT_S:
        raise BadRequestError(f"{name} is a number of seconds over 0 and up to {MAX_TIMEOUT_S:g}")
    return seconds


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
    return _write(request, msgspec.json.encode(problem), JSON, status)


def _write(request: Request, body: bytes, content_type: str, status: int) -> bytes:
    request.setResponseCode(status)
    request.setHeader(b"Content-Type", content_type.encode())
    request.setHeader(b"Content-Length", b"%d" % len(body))
    request.setHeader(b"Cache-Control", b"no-store")
    request.setHeader(b"X-Content-Type-Options", b"nosniff")
    return body
