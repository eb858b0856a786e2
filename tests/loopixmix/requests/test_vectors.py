"""The committed vectors of requests and answers: made by the code, and read by the page alone."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from loopixmix.requests.coding import encode_shares
from tests.worlds.packets import requests_by_the_page as page
from tests.worlds.packets.request_vectors import FILE, make_vectors

VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))


def test_the_file_is_what_the_code_makes() -> None:
    assert make_vectors() == VECTORS


@pytest.mark.parametrize("vector", VECTORS["requests"], ids=lambda vector: vector["service"])
def test_the_page_reads_a_request(vector: dict[str, Any]) -> None:
    parts = [page.read_part(bytes.fromhex(payload)) for payload in vector["payloads"]]
    assert [part.index for part in parts] == vector["indices"]
    assert [part.report for part in parts] == [False] * (len(parts) - 1) + [True]
    for part in parts:
        assert part.request_id.hex() == vector["request_id"]
        assert (part.last_epoch, part.blocks_end) == (vector["last_epoch"], vector["blocks_epoch"])
        assert (part.coding, part.again) == (vector["coding"], vector["again"])
        assert page.kept_name(vector["service"], part.request_id, part.digest).hex() == vector["kept_name"]
    content = page.content_of([part for part in parts if part.index != 255])
    assert (content[:16].hex(), content[16:].hex()) == (vector["repetition_key"], vector["body"])
    assert any(part.blocks for part in parts)


@pytest.mark.parametrize("vector", VECTORS["answers"], ids=lambda vector: str(len(vector["answer"]) // 2))
def test_the_page_reads_an_answer(vector: dict[str, Any]) -> None:
    shares, length = {}, len(vector["answer"]) // 2
    for sent, payload in enumerate(vector["payloads"], 1):
        done = page.read_answer(bytes.fromhex(payload))
        assert isinstance(done, page.Done)
        assert (done.answer_length, done.sent, done.held) == (length, sent, 65_535 - sent)
        shares[done.index] = done.share
    assert list(shares) == vector["indices"]
    assert page.join(shares, length, page.share_length_of(length, page.PAYLOAD_BYTES - 11)).hex() == vector["answer"]


def test_the_page_reads_what_is_no_share() -> None:
    assert page.read_answer(bytes.fromhex(VECTORS["failed"])) == "failed"
    assert page.read_answer(bytes.fromhex(VECTORS["over"])) == "over"
    for vector in VECTORS["missing"]:
        assert page.read_answer(bytes.fromhex(vector["payload"])) == vector["received"]


@pytest.mark.parametrize("vector", VECTORS["kept"])
def test_the_page_opens_a_kept_answer(vector: dict[str, Any]) -> None:
    opened = page.open_kept(
        *(
            vector["service"],
            *(bytes.fromhex(vector[name]) for name in ("request_id", "digest", "sealed")),
        )
    )
    assert (None if opened is None else opened.hex()) == vector["answer"]


@pytest.mark.parametrize("count", [2, 5, 40])
def test_the_page_codes_like_the_library(rng: random.Random, count: int) -> None:
    content = rng.randbytes(count * 9)
    indices = rng.sample(range(255), count)
    shares = dict(zip(indices, encode_shares(content, 9, indices), strict=True))
    assert page.join(shares, len(content), 9) == content
