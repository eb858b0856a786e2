"""Frames: what is encoded is decoded, what is not exactly an encoding is refused, and all have one size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.drops import RefusalReason
from loopixmix.errors import FormatError, MisuseError
from loopixmix.wire import (
    HELLO_PREFIX_BYTES,
    MAX_INVITATION_BYTES,
    MAX_NAME_BYTES,
    NO_SURB_ID,
    WIRE_VERSION,
    Dummy,
    Frame,
    FrameBuffer,
    FrameFormat,
    Hello,
    Item,
    ItemKind,
    LinkRole,
    Packet,
    Pull,
    Register,
    Registered,
    RegisterGuest,
    RegisterRefusal,
    RegisterRefused,
    hello_refusal,
    is_packet,
)

FORMAT = FrameFormat(packet_bytes=2758, body_bytes=2436)
EVERY_TYPE = range(256)
PACKET = bytes(range(256)) * 10 + bytes(198)
BODY = b"\xaa" * 2436
HELLO = Hello(WIRE_VERSION, b"n" * 16, FORMAT.geometry_digest, LinkRole.MIX)

EXAMPLES: dict[str, Frame] = {
    "hello": HELLO,
    "packet": Packet(PACKET),
    "pull": Pull(7, (1, 2**64 - 1)),
    "item": Item(7, 9, ItemKind.REPLY, b"surb id.", BODY),
    "dummy item": Item(7, 0, ItemKind.DUMMY, NO_SURB_ID, BODY),
    "register": Register("alice", "welcome", b"card"),
    "register guest": RegisterGuest(b"token"),
    "registered": Registered(),
    "register refused": RegisterRefused(RegisterRefusal.NAME_TAKEN),
    "dummy": Dummy(),
}

u64 = st.integers(0, 2**64 - 1)
item_ids = st.integers(1, 2**64 - 1)
bodies = st.binary(min_size=0, max_size=40).map(lambda start: start.ljust(FORMAT.body_bytes, b"\x55"))
packets = st.binary(min_size=0, max_size=40).map(lambda start: start.ljust(FORMAT.packet_bytes, b"\x55"))
frames: st.SearchStrategy[Frame] = st.one_of(
    st.builds(
        Hello,
        st.integers(0, 2**16 - 1),
        st.binary(min_size=16, max_size=16),
        st.binary(min_size=16, max_size=16),
        st.sampled_from(LinkRole),
    ),
    st.builds(Packet, packets),
    st.builds(Pull, u64, st.lists(item_ids, max_size=FORMAT.max_acknowledged).map(tuple)),
    st.builds(Item, u64, item_ids, st.just(ItemKind.MESSAGE), st.just(NO_SURB_ID), bodies),
    st.builds(Item, u64, item_ids, st.just(ItemKind.REPLY), st.binary(min_size=8, max_size=8), bodies),
    st.builds(Item, u64, st.just(0), st.just(ItemKind.DUMMY), st.just(NO_SURB_ID), bodies),
    st.builds(
        Register,
        st.text(min_size=1, max_size=16),
        st.text(max_size=60),
        st.binary(max_size=FORMAT.max_card_bytes),
    ),
    st.builds(RegisterGuest, st.binary(max_size=FORMAT.max_token_bytes)),
    st.just(Registered()),
    st.builds(RegisterRefused, st.sampled_from(RegisterRefusal)),
    st.just(Dummy()),
)


@given(frames)
def test_what_is_encoded_is_decoded_and_has_the_one_size(frame: Frame) -> None:
    encoded = FORMAT.encode(frame)
    assert len(encoded) == FORMAT.frame_bytes == 2758 + 64
    assert FORMAT.decode(encoded) == frame


@given(st.binary(max_size=30), st.integers(0, 10), frames)
def test_any_bytes_are_refused_or_are_the_one_encoding_of_what_they_mean(noise: bytes, kind: int, frame: Frame) -> None:
    encoded = FORMAT.encode(frame)
    for candidate in (
        (bytes([kind]) + noise).ljust(FORMAT.frame_bytes, b"\0"),
        encoded[: 1 + kind] + noise + encoded[1 + kind + len(noise) :],
    ):
        try:
            decoded = FORMAT.decode(candidate)
        except FormatError:
            with pytest.raises(FormatError):
                FORMAT.sort([candidate], EVERY_TYPE)
            continue
        assert FORMAT.sort([candidate], EVERY_TYPE) == sorted_of(decoded)
        assert FORMAT.encode(decoded) == candidate


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_frame_may_be_shorter_or_longer(name: str) -> None:
    encoded = FORMAT.encode(EXAMPLES[name])
    for wrong in (encoded[:-1], encoded + b"\0", b""):
        with pytest.raises(FormatError, match="bytes, not"):
            FORMAT.decode(wrong)
        with pytest.raises(FormatError, match="bytes, not"):
            FORMAT.sort([wrong], EVERY_TYPE)


@pytest.mark.parametrize("name", EXAMPLES)
def test_padding_that_is_not_zero_is_refused(name: str) -> None:
    encoded = bytearray(FORMAT.encode(EXAMPLES[name]))
    encoded[-1] = 1
    with pytest.raises(FormatError, match="padding"):
        FORMAT.decode(bytes(encoded))


def sorted_of(frame: Frame) -> tuple[list[bytes], list[Frame]]:
    """What sorting gives for one frame."""
    match frame:
        case Packet(packet):
            return [packet], []
        case Dummy():
            return [], []
        case _:
            return [], [frame]


def test_frames_are_sorted_in_their_order_and_dummies_end_there() -> None:
    first, second = Packet(b"a" * 2758), Packet(b"b" * 2758)
    pulls: list[Frame] = [Pull(1, ()), Pull(2, (7,))]
    mixed = [first, pulls[0], Dummy(), second, pulls[1]]
    assert FORMAT.sort([FORMAT.encode(frame) for frame in mixed], EVERY_TYPE) == (
        [first.packet, second.packet],
        pulls,
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_type_that_is_not_allowed_is_refused_though_it_is_well_formed(name: str) -> None:
    encoded = FORMAT.encode(EXAMPLES[name])
    others = set(EVERY_TYPE) - {encoded[0]}
    with pytest.raises(FormatError, match=f"type {encoded[0]} "):
        FORMAT.sort([encoded], others)


def changed(name: str, position: int, value: bytes) -> bytes:
    encoded = FORMAT.encode(EXAMPLES[name])
    return encoded[:position] + value + encoded[position + len(value) :]


REFUSED_BYTES = {
    "type 0": (changed("dummy", 0, b"\x00"), "no frame type"),
    "type 10": (changed("dummy", 0, b"\x0a"), "no frame type"),
    "hello magic": (changed("hello", 1, b"l"), "magic"),
    "hello role 0": (changed("hello", 44, b"\x00"), "no LinkRole"),
    "hello role 4": (changed("hello", 44, b"\x04"), "no LinkRole"),
    "hello trailing byte": (changed("hello", 45, b"\x01"), "padding"),
    "packet first padding byte": (changed("packet", 1 + 2758, b"\x01"), "padding"),
    "pull count beyond the frame": (changed("pull", 9, b"\xff\xff"), "more items than fit"),
    "pull count one too many": (changed("pull", 9, (352).to_bytes(2, "big")), "more items than fit"),
    "pull count too small": (changed("pull", 9, b"\x00\x01"), "padding"),
    "pull count too large": (changed("pull", 9, b"\x00\x03"), "item id 0"),
    "pull of item 0": (changed("pull", 11, bytes(8)), "item id 0"),
    "item kind": (changed("item", 17, b"\x03"), "no ItemKind"),
    "message with a SURB id": (changed("item", 17, b"\x01"), "SURB id"),
    "dummy with a SURB id": (changed("dummy item", 18, b"\x01"), "SURB id"),
    "dummy with an item id": (changed("dummy item", 16, b"\x01"), "item id 0"),
    "reply with item id 0": (changed("item", 9, bytes(8)), "item id 0"),
    "item trailing byte": (changed("item", 26 + 2436, b"\x01"), "padding"),
    "register without a name": (changed("register", 1, b"\x00"), "a name has"),
    "register with a long name": (changed("register", 1, b"\x41"), "a name has"),
    "register name not UTF-8": (changed("register", 2, b"\xff"), "UTF-8"),
    "register invitation not UTF-8": (changed("register", 8, b"\xff"), "UTF-8"),
    "register card beyond the frame": (changed("register", 15, b"\xff\xff"), "longer than fits"),
    "register card cut short": (changed("register", 15, b"\x00\x03"), "padding"),
    "guest token beyond the frame": (changed("register guest", 1, b"\xff\xff"), "longer than fits"),
    "guest token one too long": (changed("register guest", 1, (2820).to_bytes(2, "big")), "longer than fits"),
    "guest token cut short": (changed("register guest", 1, b"\x00\x04"), "padding"),
    "registered trailing byte": (changed("registered", 1, b"\x01"), "padding"),
    "refusal reason 0": (changed("register refused", 1, b"\x00"), "no RegisterRefusal"),
    "refusal reason unknown": (changed("register refused", 1, b"\xff"), "no RegisterRefusal"),
    "dummy with content": (changed("dummy", 1, b"\x01"), "padding"),
}


@pytest.mark.parametrize("name", REFUSED_BYTES)
def test_wrong_bytes_are_refused(name: str) -> None:
    wrong, problem = REFUSED_BYTES[name]
    with pytest.raises(FormatError, match=problem):
        FORMAT.decode(wrong)
    with pytest.raises(FormatError, match=problem):
        FORMAT.sort([wrong], EVERY_TYPE)


REFUSED_FRAMES: dict[str, Frame] = {
    "hello version": Hello(2**16, b"n" * 16, b"g" * 16, LinkRole.MIX),
    "hello network id": Hello(1, b"n" * 15, b"g" * 16, LinkRole.MIX),
    "hello geometry": Hello(1, b"n" * 16, b"g" * 17, LinkRole.MIX),
    "packet short": Packet(PACKET[:-1]),
    "pull request id": Pull(2**64, ()),
    "pull too many": Pull(1, (1,) * (FORMAT.max_acknowledged + 1)),
    "pull item 0": Pull(1, (0,)),
    "pull item id": Pull(1, (2**64,)),
    "item request id": Item(-1, 1, ItemKind.MESSAGE, NO_SURB_ID, BODY),
    "item id": Item(1, 2**64, ItemKind.MESSAGE, NO_SURB_ID, BODY),
    "item body": Item(1, 1, ItemKind.MESSAGE, NO_SURB_ID, BODY + b"x"),
    "item SURB id length": Item(1, 1, ItemKind.REPLY, b"short", BODY),
    "message with a SURB id": Item(1, 1, ItemKind.MESSAGE, b"surb id.", BODY),
    "dummy with an item id": Item(1, 1, ItemKind.DUMMY, NO_SURB_ID, BODY),
    "register name empty": Register("", "", b""),
    "register name": Register("n" * (MAX_NAME_BYTES + 1), "", b""),
    "register name not text": Register("\ud800", "", b""),
    "register invitation": Register("n", "i" * (MAX_INVITATION_BYTES + 1), b""),
    "register card": Register("n", "", bytes(FORMAT.max_card_bytes + 1)),
    "guest token": RegisterGuest(bytes(FORMAT.max_token_bytes + 1)),
}


@pytest.mark.parametrize("name", REFUSED_FRAMES)
def test_a_value_that_does_not_fit_is_our_mistake(name: str) -> None:
    with pytest.raises(MisuseError):
        FORMAT.encode(REFUSED_FRAMES[name])


@pytest.mark.parametrize(("packet_bytes", "body_bytes"), [(0, 0), (100, 100), (70_000, 2436), (250, 100)])
def test_sizes_that_fit_no_frame_are_refused(packet_bytes: int, body_bytes: int) -> None:
    with pytest.raises(MisuseError):
        FrameFormat(packet_bytes, body_bytes)


def test_the_quick_way_for_packets_is_the_same_encoding() -> None:
    frame = FORMAT.packet_frame(PACKET)
    assert frame == FORMAT.encode(Packet(PACKET))
    assert is_packet(frame)
    assert FORMAT.packet_of(frame) == PACKET
    assert [name for name, example in EXAMPLES.items() if is_packet(FORMAT.encode(example))] == ["packet"]
    for wrong in (frame[:-1], frame[:-1] + b"\x01"):
        with pytest.raises(FormatError):
            FORMAT.packet_of(wrong)


def test_a_pull_can_acknowledge_two_batches_and_a_card_fits() -> None:
    assert FORMAT.max_acknowledged == 351
    # A card: name, two node keys, a sealing key of 1,216 bytes, a date and a signature; in the smallest geometry.
    smallest = FrameFormat(packet_bytes=1812, body_bytes=1500)
    assert smallest.max_card_bytes > 64 + 64 + 1216 + 64 + 32


def test_another_geometry_has_another_digest() -> None:
    others = [FrameFormat(2758, 2435), FrameFormat(2759, 2436)]
    assert len({FORMAT.geometry_digest, *(other.geometry_digest for other in others)}) == 3


@given(st.lists(st.integers(1, 9000), max_size=12))
def test_a_stream_cut_anywhere_gives_the_same_frames(cuts: list[int]) -> None:
    whole = [FORMAT.encode(EXAMPLES[name]) for name in EXAMPLES]
    stream = b"".join(whole) + b"rest"
    buffer = FrameBuffer(FORMAT.frame_bytes)
    received: list[bytes] = []
    position = 0
    for cut in [*cuts, len(stream)]:
        received += buffer.feed(stream[position : position + cut])
        position += cut
        assert len(buffer.rest) < FORMAT.frame_bytes
    assert received == whole
    assert buffer.rest == b"rest"


@pytest.mark.parametrize("end", range(HELLO_PREFIX_BYTES + 1))
def test_a_right_hello_is_never_refused_however_much_has_come(end: int) -> None:
    assert hello_refusal(FORMAT.encode(HELLO)[:end], HELLO) is None


@pytest.mark.parametrize(
    ("position", "reason"),
    [(position, RefusalReason.GARBAGE) for position in range(10)]
    + [(position, RefusalReason.OLD_PROTOCOL) for position in (10, 11)]
    + [(position, RefusalReason.OTHER_NETWORK) for position in range(12, 44)],
)
def test_a_wrong_byte_in_a_hello_is_refused_for_its_reason(position: int, reason: RefusalReason) -> None:
    wrong = bytearray(FORMAT.encode(HELLO))
    wrong[position] ^= 0x40
    assert hello_refusal(bytes(wrong), HELLO) is reason
    enough = 12 if reason is RefusalReason.OLD_PROTOCOL else position + 1
    assert hello_refusal(bytes(wrong[:enough]), HELLO) is reason


def test_the_bytes_of_the_specification() -> None:
    """docs/protocol/link.md prints these; a second implementation checks itself against them."""
    assert FORMAT.geometry_digest.hex() == "a1b9bb688e0615344ace3e93fe0becbe"
    assert FORMAT.encode(HELLO)[:46].hex() == "014c6f6f7069784d6978" + "0001" + "6e" * 16 + (
        FORMAT.geometry_digest.hex() + "02" + "00"
    )
    assert FORMAT.encode(RegisterGuest(b"token"))[:9].hex() == "09" + "0005" + b"token".hex() + "00"
    assert FORMAT.encode(Pull(7, (1,)))[:20].hex() == "03" + "0000000000000007" + "0001" + "0000000000000001" + "00"
