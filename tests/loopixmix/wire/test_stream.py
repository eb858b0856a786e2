"""A stream of bytes becomes frames however it is cut, and its first bytes tell a wrong peer before a frame is whole."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.drops import RefusalReason
from loopixmix.wire import HELLO_PREFIX_BYTES, WIRE_VERSION, FrameBuffer, FrameFormat, Hello, LinkRole, hello_refusal

FORMAT = FrameFormat(packet_bytes=2758, body_bytes=2436)
OURS = Hello(WIRE_VERSION, b"n" * 16, FORMAT.geometry_digest, LinkRole.MIX)


@given(st.binary(max_size=40), st.lists(st.integers(1, 9)))
def test_frames_do_not_depend_on_how_the_stream_is_cut(stream: bytes, cuts: list[int]) -> None:
    buffer, frames, position = FrameBuffer(4), [], 0
    for cut in [*cuts, len(stream) + 1]:
        frames += buffer.feed(stream[position : position + cut])
        position += cut
    whole = len(stream) // 4 * 4
    assert b"".join(frames) == stream[:whole]
    assert {len(frame) for frame in frames} <= {4}
    assert buffer.rest == stream[whole:]


@pytest.mark.parametrize("length", [0, 1, 9, 10, 11, 12, 28, HELLO_PREFIX_BYTES - 1, FORMAT.frame_bytes])
def test_any_start_of_a_right_hello_is_right_so_far(length: int) -> None:
    assert hello_refusal(FORMAT.encode(OURS)[:length], OURS) is None


@pytest.mark.parametrize(
    ("said", "reason", "known_after"),
    [
        (b"GET / HTTP/1.1", RefusalReason.GARBAGE, 1),
        (b"\x01loopixmix", RefusalReason.GARBAGE, 2),
        (FORMAT.encode(msgspec.structs.replace(OURS, version=2)), RefusalReason.OLD_PROTOCOL, 12),
        (FORMAT.encode(msgspec.structs.replace(OURS, network_id=b"x" * 16)), RefusalReason.OTHER_NETWORK, 13),
        (FORMAT.encode(msgspec.structs.replace(OURS, geometry_digest=b"x" * 16)), RefusalReason.OTHER_NETWORK, 29),
    ],
)
def test_a_wrong_peer_is_known_as_soon_as_it_has_said_so(said: bytes, reason: RefusalReason, known_after: int) -> None:
    assert hello_refusal(said[: known_after - 1], OURS) is None
    assert hello_refusal(said[:known_after], OURS) is reason
    assert hello_refusal(said, OURS) is reason


def test_the_role_is_no_reason_to_refuse_a_hello() -> None:
    assert hello_refusal(FORMAT.encode(msgspec.structs.replace(OURS, role=LinkRole.CLIENT)), OURS) is None
