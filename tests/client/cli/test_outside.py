from __future__ import annotations

import io

import click
import pytest

from client.cli.outside import body_of


def test_what_is_sent_is_the_text_or_the_file() -> None:
    assert body_of("hello", None) == b"hello"
    assert body_of(None, io.BytesIO(b"\xff")) == b"\xff"
    assert body_of("", None) == b""


@pytest.mark.parametrize(("text", "file"), [(None, None), ("hello", io.BytesIO(b"x")), ("", io.BytesIO(b"x"))])
def test_nothing_and_two_things_are_refused(text: str | None, file: io.BytesIO | None) -> None:
    with pytest.raises(click.UsageError, match=r"nothing to send|not both"):
        body_of(text, file)
