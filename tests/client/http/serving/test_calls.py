"""Long bodies are read in pieces, whatever lies beneath them."""

from __future__ import annotations

import base64
import io
import json
import random

import pytest
from twisted.internet.defer import Deferred
from twisted.web.server import Request
from twisted.web.test.requesthelper import DummyChannel

from client.api import BadRequestError
from client.http.messages import JSON, PostBody
from client.http.serving.bodies import LONG_CHARACTERS
from client.http.serving.calls import READ_AT_ONCE, read_long


class File(io.BytesIO):
    """A body that notes how much is read at once, and how often others had their turn before that."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.breaths = 0
        self.reads: list[tuple[int, int]] = []

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self.reads.append((len(piece), self.breaths))
        return piece

    async def breathe(self) -> None:
        self.breaths += 1


def request(file: File) -> Request:
    made = Request(DummyChannel(), False)
    made.content, made.uri = file, b"/v1/requests"
    made.requestHeaders.setRawHeaders("Content-Type", [JSON])
    made.requestHeaders.setRawHeaders("Content-Length", [str(len(file.getvalue()))])
    return made


def read(file: File) -> PostBody:
    results: list[PostBody] = []
    reading = Deferred.fromCoroutine(read_long(request(file), PostBody, file.breathe))
    reading.addCallback(results.append)
    failures: list[BaseException] = []
    reading.addErrback(lambda failure: failures.append(failure.value))
    for failure in failures:
        raise failure
    return results[0]


def test_others_have_their_turn_between_the_pieces_of_a_file() -> None:
    content = random.Random(1).randbytes(1_000_000)
    written = {"service": "echo@p", "idempotency_key": "1", "body": base64.b64encode(content).decode()}
    file = File(json.dumps(written).encode())
    assert read(file) == PostBody(service="echo@p", idempotency_key="1", body=content)
    assert max(length for length, _ in file.reads) == READ_AT_ONCE
    assert [breaths for _, breaths in file.reads] == list(range(len(file.reads)))


def test_a_body_that_was_cut_is_refused() -> None:
    with pytest.raises(BadRequestError, match="wrong"):
        read(File(b'{"service": "' + b"a" * LONG_CHARACTERS))
