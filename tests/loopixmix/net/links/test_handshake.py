"""The protocol of one connection, as a conversation of two machines; each thing a peer can get wrong has its reason."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.drops import RefusalReason
from loopixmix.net.links.handshake import (
    Accepted,
    AwaitingHello,
    Closed,
    Dialled,
    Handshaking,
    LinkMachine,
    Negotiated,
    Open,
    RefusedError,
    Side,
    check_negotiated,
)
from loopixmix.net.reception import Reception
from loopixmix.wire import WIRE_VERSION, Dummy, FrameFormat, Hello, LinkRole
from tests.worlds.networks.links import FORMAT, NETWORK_ID, packet_frame

DIALLER, ACCEPTOR = b"d" * 32, b"a" * 32
GOOD = Negotiated("TLSv1.3", "X25519MLKEM768", ACCEPTOR)
HELLO = Hello(WIRE_VERSION, NETWORK_ID, FORMAT.geometry_digest, LinkRole.MIX)


def machine(side: Side, hello: Hello = HELLO, frame_format: FrameFormat = FORMAT) -> LinkMachine:
    return LinkMachine(
        side=side,
        hello=hello,
        reception=Reception(frame_format, own=LinkRole.MIX, role_of=lambda _: LinkRole.MIX),
    )


def acceptor() -> LinkMachine:
    accepting = machine(Accepted(lambda peer: peer == DIALLER))
    assert accepting.handshaken(dataclasses.replace(GOOD, peer=DIALLER)) == b""
    return accepting


def refused(reason: RefusalReason) -> pytest.RaisesExc[RefusedError]:
    return pytest.RaisesExc(RefusedError, check=lambda error: error.reason is reason)


def test_a_link_opens_for_both() -> None:
    dialling, accepting = machine(Dialled(ACCEPTOR)), acceptor()
    assert dialling.state == Handshaking()
    greeting = dialling.handshaken(GOOD)
    assert dialling.state == AwaitingHello(ACCEPTOR)
    answer, (packets, others) = accepting.received_hello(greeting + packet_frame(1))
    assert accepting.state == Open(DIALLER, LinkRole.MIX)
    assert (packets, others) == ([FORMAT.packet_of(packet_frame(1))], [])
    assert dialling.received_hello(answer) == (b"", ([], []))
    assert dialling.state == Open(ACCEPTOR, LinkRole.MIX)
    packets, _ = dialling.received_frames(ACCEPTOR, packet_frame(2) + packet_frame(3)[:7])
    assert packets == [FORMAT.packet_of(packet_frame(2))]
    dialling.close()
    assert dialling.state == Closed(was_open=True)


def test_a_link_that_is_refused_for_what_follows_its_hello_never_was_open() -> None:
    accepting = acceptor()
    with refused(RefusalReason.GARBAGE):
        accepting.received_hello(FORMAT.encode(HELLO) + b"\xff" * FORMAT.frame_bytes)
    accepting.close()
    assert accepting.state == Closed(was_open=False)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"tls_version": "TLSv1.2"}, RefusalReason.NOT_TLS13),
        ({"group": "X25519"}, RefusalReason.NOT_POST_QUANTUM),
        ({"group": "MLKEM768"}, RefusalReason.NOT_POST_QUANTUM),
        ({"group": None}, RefusalReason.NOT_POST_QUANTUM),
    ],
)
@pytest.mark.parametrize("side", [Dialled(ACCEPTOR), Accepted(lambda _: True)])
def test_what_tls_must_agree_on(side: Side, wrong: dict[str, str | None], reason: RefusalReason) -> None:
    with refused(reason):
        check_negotiated(dataclasses.replace(GOOD, **wrong), side)


@pytest.mark.parametrize("peer", [DIALLER, None])
def test_a_dialled_peer_must_have_the_pinned_key(peer: bytes | None) -> None:
    with refused(RefusalReason.WRONG_KEY):
        machine(Dialled(ACCEPTOR)).handshaken(dataclasses.replace(GOOD, peer=peer))


@pytest.mark.parametrize("peer", [ACCEPTOR, None])
def test_an_accepted_peer_must_be_admitted(peer: bytes | None) -> None:
    with refused(RefusalReason.UNKNOWN_KEY):
        machine(Accepted(lambda peer: peer == DIALLER)).handshaken(dataclasses.replace(GOOD, peer=peer))


@pytest.mark.parametrize(
    ("hello", "reason"),
    [
        (msgspec.structs.replace(HELLO, version=0), RefusalReason.OLD_PROTOCOL),
        (msgspec.structs.replace(HELLO, version=2), RefusalReason.OLD_PROTOCOL),
        (msgspec.structs.replace(HELLO, network_id=b"x" * 16), RefusalReason.OTHER_NETWORK),
        (msgspec.structs.replace(HELLO, geometry_digest=b"x" * 16), RefusalReason.OTHER_NETWORK),
    ],
)
def test_a_hello_must_agree_with_ours(hello: Hello, reason: RefusalReason) -> None:
    with refused(reason):
        acceptor().received_hello(FORMAT.encode(hello))


@pytest.mark.parametrize("frame", [packet_frame(1), FORMAT.encode(Dummy()), b"GET / HTTP/1.1\r\n"])
def test_the_first_frame_must_be_a_hello(frame: bytes) -> None:
    with refused(RefusalReason.GARBAGE):
        acceptor().received_hello(frame)


@pytest.mark.parametrize("position", [44, 45, FORMAT.frame_bytes - 1])
def test_a_hello_must_be_right_to_its_last_byte(position: int) -> None:
    wrong = bytearray(FORMAT.encode(HELLO))
    wrong[position] ^= 0xFF
    accepting = acceptor()
    with refused(RefusalReason.GARBAGE):
        accepting.received_hello(bytes(wrong))
    assert isinstance(accepting.state, AwaitingHello)


def test_a_peer_of_another_geometry_is_known_before_its_frame_is_whole() -> None:
    shorter = FrameFormat(1500, 1000)
    with refused(RefusalReason.OTHER_NETWORK):
        acceptor().received_hello(
            shorter.encode(msgspec.structs.replace(HELLO, geometry_digest=shorter.geometry_digest))
        )


def test_garbage_behind_the_hello_is_refused() -> None:
    with refused(RefusalReason.GARBAGE):
        acceptor().received_hello(FORMAT.encode(HELLO) + b"\xff" * FORMAT.frame_bytes)


@pytest.mark.parametrize("frame", [FORMAT.encode(HELLO), bytes(FORMAT.frame_bytes), b"\x02" * FORMAT.frame_bytes])
def test_garbage_on_an_open_link_is_refused(frame: bytes) -> None:
    accepting = acceptor()
    accepting.received_hello(FORMAT.encode(HELLO))
    with refused(RefusalReason.GARBAGE):
        accepting.received_frames(DIALLER, packet_frame(1) + frame)


def test_nothing_is_heard_before_tls_has_finished() -> None:
    with refused(RefusalReason.GARBAGE):
        machine(Dialled(ACCEPTOR)).received_hello(FORMAT.encode(HELLO))


@given(st.lists(st.integers(1, 4000), max_size=8))
def test_it_does_not_matter_how_the_stream_is_cut(cuts: list[int]) -> None:
    accepting = acceptor()
    stream = FORMAT.encode(HELLO) + packet_frame(1) + packet_frame(2)
    answers, frames, position = b"", [], 0
    for cut in [*cuts, len(stream)]:
        data, position = stream[position : position + cut], position + cut
        if isinstance(accepting.state, Open):
            frames += accepting.received_frames(DIALLER, data)[0]
        else:
            answer, behind = accepting.received_hello(data)
            answers += answer
            frames += behind[0]
    assert answers == FORMAT.encode(HELLO)
    assert frames == [FORMAT.packet_of(packet_frame(number)) for number in (1, 2)]
