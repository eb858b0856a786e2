"""Requests of one packet, version 1: what other people's clients may still send.

A request is `version u8 | request id 16 | body`, its answer `status u8 | body`; both end where the payload ends. The
request id is drawn afresh for each request and kept when the request is sent again, so that a provider answers a
repeated one from its memory. Specification: docs/protocol/mailbox.md.
"""

from __future__ import annotations

import enum
from typing import Protocol

import msgspec

from loopixmix.errors import FormatError, MisuseError

REQUEST_VERSION = 1
REQUEST_ID_BYTES = 16

_REQUEST_HEAD_BYTES = 1 + REQUEST_ID_BYTES
_REPLY_HEAD_BYTES = 1


class PayloadSize(Protocol):
    """The part of a packet's geometry that these formats need."""

    @property
    def payload_bytes(self) -> int:
        """The longest payload of one packet."""


class ReplyStatus(enum.IntEnum):
    """How a service's answer begins. Every kind of failure is the same `FAILED`, with an empty body."""

    OK = 0
    FAILED = 1


class Request(msgspec.Struct, frozen=True):
    """A request as the provider sees it: nothing in it tells who asked."""

    request_id: bytes
    body: bytes


class ServiceReply(msgspec.Struct, frozen=True):
    """A service's answer."""

    status: ReplyStatus
    body: bytes


def request_body_bytes(geometry: PayloadSize) -> int:
    """Return the longest body of one request."""
    return geometry.payload_bytes - _REQUEST_HEAD_BYTES


def reply_body_bytes(geometry: PayloadSize) -> int:
    """Return the longest body of one answer."""
    return geometry.payload_bytes - _REPLY_HEAD_BYTES


def encode_request(request_id: bytes, body: bytes, geometry: PayloadSize) -> bytes:
    """Encode a request; raise `MisuseError` if the body is too long for one packet."""
    if len(request_id) != REQUEST_ID_BYTES:
        raise MisuseError(f"a request id has {REQUEST_ID_BYTES} bytes, not {len(request_id)}")
    if len(body) > request_body_bytes(geometry):
        raise MisuseError(f"a request has at most {request_body_bytes(geometry)} bytes, not {len(body)}")
    return bytes([REQUEST_VERSION]) + request_id + body


def decode_request(payload: bytes) -> Request:
    """Decode a request; raise `FormatError` if it is none."""
    if len(payload) < _REQUEST_HEAD_BYTES:
        raise FormatError("a request is shorter than its head")
    if payload[0] != REQUEST_VERSION:
        raise FormatError(f"unknown request version {payload[0]}")
    return Request(payload[1:_REQUEST_HEAD_BYTES], payload[_REQUEST_HEAD_BYTES:])


def encode_reply(status: ReplyStatus, body: bytes, geometry: PayloadSize) -> bytes:
    """Encode an answer; raise `MisuseError` if the body is too long, or a failure has one."""
    if len(body) > reply_body_bytes(geometry):
        raise MisuseError(f"an answer has at most {reply_body_bytes(geometry)} bytes, not {len(body)}")
    if status is not ReplyStatus.OK and body:
        raise MisuseError("a failure tells nothing more")
    return bytes([status]) + body


def decode_reply(payload: bytes) -> ServiceReply:
    """Decode an answer; raise `FormatError` if it is none."""
    if not payload:
        raise FormatError("an answer is empty")
    try:
        status = ReplyStatus(payload[0])
    except ValueError as error:
        raise FormatError(f"unknown answer status {payload[0]}") from error
    if status is not ReplyStatus.OK and len(payload) > _REPLY_HEAD_BYTES:
        raise FormatError("a failure tells nothing more")
    return ServiceReply(status, payload[_REPLY_HEAD_BYTES:])
