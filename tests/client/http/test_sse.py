"""Server-sent events: bytes and back, however they are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.http.sse import HEARTBEAT, MAX_EVENT_BYTES, SseBuffer, SseEvent, encode_event
from loopixmix.errors import FormatError, MisuseError

WORDS = st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"]), min_size=1, max_size=10)
EVENTS = st.builds(
    SseEvent,
    event=WORDS,
    data=st.text(st.characters(codec="utf-8", exclude_categories=["C"])).map(str.encode),
    id=st.one_of(st.just(""), WORDS),
)


@given(st.lists(EVENTS, max_size=5), st.integers(1, 50))
def test_events_come_back_however_they_are_cut(events: list[SseEvent], piece_bytes: int) -> None:
    data = HEARTBEAT.join(encode_event(event) for event in events) + HEARTBEAT
    buffer = SseBuffer()
    found = [event for start in range(0, len(data), piece_bytes) for event in buffer.feed(data[start:][:piece_bytes])]
    assert found == events


@pytest.mark.parametrize("bad", ["\n", "\r", "\0", "\r\n"])
def test_a_line_break_ends_no_field(bad: str) -> None:
    for event in (
        SseEvent(f"a{bad}b", b""),
        SseEvent("a", b"x" + bad.encode() + b"y"),
        SseEvent("a", b"", f"1{bad}"),
    ):
        with pytest.raises(MisuseError):
            encode_event(event)


def test_an_event_without_data_is_none() -> None:
    assert SseBuffer().feed(b"event: status\n\n:\n\n\n\n") == []


def test_fields_may_lack_the_space_and_unknown_ones_are_passed_over() -> None:
    assert SseBuffer().feed(b"data:x\nretry: 5\n\n") == [SseEvent("message", b"x")]


def test_an_event_over_the_limit_is_refused() -> None:
    buffer = SseBuffer()
    buffer.feed(b"data: " + bytes(1000))
    with pytest.raises(FormatError):
        buffer.feed(b"a" * MAX_EVENT_BYTES)


def test_an_event_that_is_no_text_is_refused() -> None:
    with pytest.raises(FormatError):
        SseBuffer().feed(b"event: \xff\ndata: x\n\n")
