"""Messages are expanded as RFC 9380 says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loopixmix.group.hashing import expand_message, numbered_messages

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "ristretto255.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["expand_message_xmd_sha512"]["vectors"])
def test_messages_are_expanded_as_in_the_rfc(vector: dict[str, str]) -> None:
    domain = VECTORS["expand_message_xmd_sha512"]["domain"].encode()
    uniform = bytes.fromhex(vector["uniform"])
    assert expand_message(domain, vector["message"].encode(), len(uniform)) == uniform


@pytest.mark.parametrize("domain", [b"", bytes(256)])
def test_a_domain_has_1_to_255_bytes(domain: bytes) -> None:
    with pytest.raises(ValueError, match="1 to 255 bytes"):
        expand_message(domain, b"message", 64)
    assert expand_message(bytes(255), b"message", 64) != expand_message(bytes(254), b"message", 64)


@pytest.mark.parametrize("length", [-1, 0, 255 * 64 + 1])
def test_a_message_is_expanded_to_as_much_as_the_rfc_allows(length: int) -> None:
    with pytest.raises(ValueError, match="expanded"):
        expand_message(b"domain", b"message", length)
    assert len(expand_message(b"domain", b"message", 255 * 64)) == 255 * 64


def test_numbers_stand_behind_the_seed() -> None:
    assert numbered_messages(b"seed", 255, 2) == [b"seed" + bytes(7) + b"\xff", b"seed" + bytes(6) + b"\x01\x00"]
    assert numbered_messages(b"", 2**64 - 1, 1) == [b"\xff" * 8]


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (0, -1), (2**64 - 1, 2)])
def test_numbers_have_8_bytes(first: int, count: int) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        numbered_messages(b"seed", first, count)
