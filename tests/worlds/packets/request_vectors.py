"""Makes tests/vectors/requests.json from seeded values: `python -m tests.worlds.packets.request_vectors`."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TypeAlias

from loopixmix.params import NetworkParams
from loopixmix.requests.answers import (
    AnswerShare,
    RequestFailed,
    RequestOver,
    SharesMissing,
    answer_shares,
    encode_answer,
)
from loopixmix.requests.coding import MAX_SHARES, encode_shares
from loopixmix.requests.parts import NO_SHARE, RequestPart, encode_part, request_content, request_head
from loopixmix.routing.path import service_id
from loopixmix.sphinx import Geometry
from provider.hosting.memory import seal_answer

FILE = Path(__file__).parent.parent.parent / "vectors" / "requests.json"
SIZE = Geometry.for_network(NetworkParams())
SEED = 20261129

Json: TypeAlias = dict[str, object]


def make_vectors() -> Json:
    """Return what the file holds."""
    rng = random.Random(SEED)
    return {
        "requests": [
            _request(rng, "board", 0, 1, [0], further=5, blocks_end=0, coding=0, again=0),
            _request(rng, "echo", 100, 500_000, [0, 7], further=1, blocks_end=2, coding=64, again=3),
            # The first share is lost, a coded one comes in its place, and one part brings blocks only.
            _request(rng, "keys", 4500, 2**40, [1, 254, 2, NO_SHARE], further=2, blocks_end=1, coding=255, again=65535),
        ],
        "answers": [
            _answer(rng, 0, [0]),
            _answer(rng, 2037, [0, 9]),
            _answer(rng, 6000, [2, 200, 3]),
        ],
        "failed": encode_answer(RequestFailed(), SIZE).hex(),
        "over": encode_answer(RequestOver(), SIZE).hex(),
        "missing": [
            {"received": each, "payload": encode_answer(SharesMissing(frozenset(each)), SIZE).hex()}
            for each in ([], [0, 8, 9, 254], list(range(MAX_SHARES)))
        ],
        "kept": [_kept(rng, answer) for answer in (None, b"", rng.randbytes(40))],
    }


def _request(
    rng: random.Random,
    service: str,
    body_bytes: int,
    last_epoch: int,
    indices: list[int],
    *,
    further: int,
    blocks_end: int,
    coding: int,
    again: int,
) -> Json:
    key, body, request_id = rng.randbytes(16), rng.randbytes(body_bytes), rng.randbytes(16)
    content = request_content(key, body)
    head = request_head(request_id, content, last_epoch=last_epoch, size=SIZE)
    payloads = []
    for place, index in enumerate(indices):
        share = b"" if index == NO_SHARE else encode_shares(content, head.share_bytes, [index])[0]
        room = 2048 - 54 - len(share)
        blocks = tuple(rng.randbytes(SIZE.surb_bytes) for _ in range(min(further, room // SIZE.surb_bytes)))
        part = RequestPart(head, index, share, blocks, blocks_end, coding, again, report=place == len(indices) - 1)
        payloads.append(encode_part(part, SIZE).hex())
    return {
        "service": service,
        "request_id": request_id.hex(),
        "repetition_key": key.hex(),
        "body": body.hex(),
        "last_epoch": last_epoch,
        "blocks_epoch": last_epoch - blocks_end,
        "coding": coding,
        "again": again,
        "indices": indices,
        "kept_name": head.kept_name(service_id(service)).hex(),
        "payloads": payloads,
    }


def _answer(rng: random.Random, answer_bytes: int, indices: list[int]) -> Json:
    answer = rng.randbytes(answer_bytes)
    shares = zip(indices, answer_shares(answer, indices, SIZE), strict=True)
    parts = [
        AnswerShare(answer_bytes, sent, 65_535 - sent, index, share) for sent, (index, share) in enumerate(shares, 1)
    ]
    return {"answer": answer.hex(), "indices": indices, "payloads": [encode_answer(part, SIZE).hex() for part in parts]}


def _kept(rng: random.Random, answer: bytes | None) -> Json:
    content = request_content(rng.randbytes(16), b"body")
    head = request_head(rng.randbytes(16), content, last_epoch=1, size=SIZE)
    return {
        "service": "echo",
        "request_id": head.request_id.hex(),
        "digest": head.digest.hex(),
        "answer": None if answer is None else answer.hex(),
        "sealed": seal_answer(head.seal_key(service_id("echo")), answer).hex(),
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(make_vectors(), indent=1) + "\n", encoding="utf-8")
