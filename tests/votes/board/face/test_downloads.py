from __future__ import annotations

import pytest

from votes.board.face.downloads import asked_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, (0, 10)),
        ("bytes=0-", (0, 10)),
        ("bytes=3-", (3, 7)),
        ("bytes=3-5", (3, 3)),
        ("bytes=9-99", (9, 1)),
        ("bytes=-3", (7, 3)),
        ("bytes=-99", (0, 10)),
        ("bytes=10-", None),
        ("bytes=-0", None),
        ("bytes=5-3", (0, 10)),
        ("bytes=-", (0, 10)),
        ("bytes=1-2,4-5", (0, 10)),
        ("lines=1-2", (0, 10)),
        ("bytes=1-\u0662", (0, 10)),
        ("bytes=" + "9" * 19 + "-", (0, 10)),
    ],
)
def test_a_range_is_read_as_rfc_9110_says(header: str | None, expected: tuple[int, int] | None) -> None:
    assert asked_range(header, 10) == expected
