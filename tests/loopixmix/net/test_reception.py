"""What comes over a link is judged once: by the key it came from, and by what that key's role sends."""

from __future__ import annotations

import itertools

import pytest

from loopixmix.drops import RefusalReason
from loopixmix.net.reception import Reception, RefusedError
from loopixmix.seams import Identity
from loopixmix.wire import (
    Dummy,
    Frame,
    FrameFormat,
    FrameType,
    Hello,
    Item,
    ItemKind,
    LinkRole,
    Packet,
    Pull,
    Register,
    Registered,
    RegisterRefusal,
    RegisterRefused,
    may_send,
)

FORMAT = FrameFormat(packet_bytes=2758, body_bytes=2436)
FRAMES: dict[FrameType, Frame] = {
    FrameType.HELLO: Hello(1, bytes(16), bytes(16), LinkRole.MIX),
    FrameType.PACKET: Packet(b"p" * 2758),
    FrameType.PULL: Pull(1, ()),
    FrameType.ITEM: Item(1, 2, ItemKind.MESSAGE, bytes(8), bytes(2436)),
    FrameType.REGISTER: Register("alice", "", b"card"),
    FrameType.REGISTERED: Registered(),
    FrameType.REGISTER_REFUSED: RegisterRefused(RegisterRefusal.FULL),
    FrameType.DUMMY: Dummy(),
}
PEER = b"p" * 32


def reception(own: LinkRole, peer: LinkRole | None) -> Reception:
    return Reception(FORMAT, own=own, role_of=lambda key: peer if key == PEER else None)


def reason(judge: Reception, *frames: bytes, sender: Identity = PEER) -> RefusalReason:
    with pytest.raises(RefusedError) as caught:
        judge.sort(sender, frames)
    return caught.value.reason


@pytest.mark.parametrize(("sender", "receiver"), list(itertools.product(LinkRole, LinkRole)))
def test_each_role_takes_what_the_table_lets_the_other_send_and_refuses_the_rest(
    sender: LinkRole, receiver: LinkRole
) -> None:
    judge = reception(receiver, sender)
    for kind, frame in FRAMES.items():
        encoded = FORMAT.encode(frame)
        if kind not in may_send(sender, receiver):
            assert reason(judge, encoded) is RefusalReason.GARBAGE
        elif isinstance(frame, Packet):
            assert judge.sort(PEER, [encoded]) == ([frame.packet], [])
        else:
            assert judge.sort(PEER, [encoded]) == ([], [] if frame == Dummy() else [frame])


def test_nobody_has_a_right_that_he_does_not_need() -> None:
    assert all(FrameType.HELLO not in may_send(*pair) for pair in itertools.product(LinkRole, LinkRole))
    assert may_send(LinkRole.CLIENT, LinkRole.MIX) == may_send(LinkRole.MIX, LinkRole.CLIENT) == frozenset()
    assert FrameType.PULL not in may_send(LinkRole.MIX, LinkRole.PROVIDER)
    assert FrameType.PACKET not in may_send(LinkRole.PROVIDER, LinkRole.CLIENT)


def test_a_key_without_a_place_is_not_admitted_and_its_frames_are_not_decoded() -> None:
    judge = reception(LinkRole.MIX, LinkRole.MIX)
    assert judge.admits(PEER)
    assert not judge.admits(b"x" * 32)
    assert reason(judge, b"anything", sender=b"x" * 32) is RefusalReason.UNKNOWN_KEY


def test_what_a_peer_may_send_changes_with_its_place_on_an_open_link() -> None:
    place: list[LinkRole] = [LinkRole.MIX]
    judge = Reception(FORMAT, own=LinkRole.PROVIDER, role_of=lambda _: place[0])
    pull = FORMAT.encode(Pull(1, ()))
    assert reason(judge, pull) is RefusalReason.GARBAGE
    place[0] = LinkRole.CLIENT
    assert judge.sort(PEER, [pull]) == ([], [Pull(1, ())])


def test_one_wrong_frame_refuses_all_that_came_with_it() -> None:
    judge = reception(LinkRole.MIX, LinkRole.MIX)
    good = FORMAT.packet_frame(b"p" * 2758)
    assert reason(judge, good, b"\x02" + b"\xff" * (len(good) - 1)) is RefusalReason.GARBAGE
    assert reason(judge, good, good[:-1]) is RefusalReason.GARBAGE
