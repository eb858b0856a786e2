"""The native module against sphinxmix, and against input that no honest peer sends."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base

from tests.worlds.packets.sphinxmix_vectors import VECTORS, SphinxmixSender, make_vectors, process

if TYPE_CHECKING:
    from loopixmix import _native
else:
    _native = pytest.importorskip("loopixmix._native")

BETA_BYTES = 274
BODY_BYTES = 500
HEADER_BYTES = 32 + BETA_BYTES + 16
PRIME = 2**255 - 19

REFUSALS = {
    _native.WRONG_LENGTH,
    _native.BAD_POINT,
    _native.BAD_MAC,
    _native.UNKNOWN_COMMAND,
    _native.TAGGED_PAYLOAD,
    _native.BAD_PAYLOAD,
}

# u of the points of order 1, 2, 4 and 8 on the curve and the twist (https://cr.yp.to/ecdh.html#validate).
LOW_ORDER_POINTS = [
    value.to_bytes(32, "little")
    for value in (
        0,
        1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        PRIME - 1,
    )
]
NOT_CANONICAL = [value.to_bytes(32, "little") for value in (PRIME, PRIME + 9, 2**255 - 1, 2**255 + 9, 2**256 - 1)]


def on_curve(u: int) -> bool:
    """Euler's criterion for v^2 = u^3 + 486662 u^2 + u."""
    return pow(u**3 + 486662 * u**2 + u, (PRIME - 1) // 2, PRIME) == 1


def shake(name: str, size: int) -> bytes:
    return hashlib.shake_256(name.encode()).digest(size)


class Path:
    """A path of `hops` keys and commands, all derived from one name."""

    def __init__(self, name: str, hops: int, beta_bytes: int = BETA_BYTES, body_bytes: int = BODY_BYTES) -> None:
        self.beta_bytes = beta_bytes
        self.body_bytes = body_bytes
        self.private_keys = [shake(f"{name} private {i}", 32) for i in range(hops)]
        self.public_keys = [crypto_scalarmult_base(key) for key in self.private_keys]
        self.commands = [shake(f"{name} command {i}", 41) for i in range(hops)]
        self.secret = shake(f"{name} secret", 32)
        self.padding = shake(f"{name} padding", beta_bytes - 58 * (hops - 1) - 42)

    def wrap(self, content: bytes) -> bytes:
        return _native.wrap(
            self.public_keys,
            self.commands,
            self.secret,
            self.padding,
            self.beta_bytes,
            content,
            self.body_bytes,
        )

    def create_header(self) -> tuple[bytes, list[bytes]]:
        return _native.create_header(self.public_keys, self.commands, self.secret, self.padding, self.beta_bytes)

    def unwrap(self, hop: int, packet: bytes) -> tuple[int, bytes, bytes, bytes, bytes] | int:
        return unwrap_many([self.private_keys[hop]], [packet], self.beta_bytes, self.body_bytes)[0]

    def sphinxmix(self) -> SphinxmixSender:
        return SphinxmixSender(self.secret, self.beta_bytes, self.body_bytes)


def unwrap_many(
    private_keys: Sequence[bytes],
    packets: Sequence[bytes],
    beta_bytes: int = BETA_BYTES,
    body_bytes: int = BODY_BYTES,
    threads: int = 1,
) -> list[tuple[int, bytes, bytes, bytes, bytes] | int]:
    return _native.unwrap_many(private_keys, packets, beta_bytes, body_bytes, threads)


def flipped(data: bytes, index: int, mask: int = 0x01) -> bytes:
    return data[:index] + bytes([data[index] ^ mask]) + data[index + 1 :]


def test_the_vector_file_is_what_sphinxmix_makes() -> None:
    assert VECTORS.read_text() == make_vectors()


@settings(max_examples=40, deadline=None)
@given(
    name=st.text(max_size=8),
    hops=st.integers(1, 6),
    room=st.integers(0, 100),
    content=st.binary(max_size=300),
    body_bytes=st.integers(317, 700),
)
def test_both_engines_make_and_process_the_same_bytes(
    name: str, hops: int, room: int, content: bytes, body_bytes: int
) -> None:
    path = Path(name, hops, 58 * (hops - 1) + 42 + room, body_bytes)
    sender = path.sphinxmix()
    header, aes_keys = sender.create(path.public_keys, path.commands, path.padding)
    assert path.create_header() == (header, [sender.params.hpi(key) for key in aes_keys])
    packet = sender.wrap(path.public_keys, path.commands, path.padding, content)
    assert path.wrap(content) == packet

    payload_key = b""
    for hop, private_key in enumerate(path.private_keys):
        tag, command, next_packet, payload_key = process(private_key, packet, path.beta_bytes)
        assert command == path.commands[hop]
        assert path.unwrap(hop, packet) == (0, tag, command, next_packet, payload_key)
        packet = next_packet
    assert _native.open_body(payload_key, packet[-body_bytes:]) == content


@settings(max_examples=40, deadline=None)
@given(st.integers())
def test_x25519_is_that_of_libsodium(seed: int) -> None:
    private, point = shake(f"private {seed}", 32), shake(f"any point {seed}", 32)
    assert _native.x25519(private, point) == crypto_scalarmult(private, point)


@pytest.mark.parametrize("point", LOW_ORDER_POINTS + NOT_CANONICAL[:1])
def test_x25519_refuses_low_order_points(point: bytes) -> None:
    with pytest.raises(ValueError, match="low order"):
        _native.x25519(bytes(range(32)), point)


@pytest.mark.parametrize("point", LOW_ORDER_POINTS + NOT_CANONICAL)
def test_a_bad_alpha_is_a_bad_point(point: bytes) -> None:
    path = Path("bad alpha", 3)
    packet = path.wrap(b"content")
    assert path.unwrap(0, point + packet[32:]) == _native.BAD_POINT


@pytest.mark.parametrize("point", LOW_ORDER_POINTS + NOT_CANONICAL)
def test_senders_refuse_bad_public_keys(point: bytes) -> None:
    path = Path("bad key", 3)
    path.public_keys[1] = point
    with pytest.raises(ValueError, match="public key 1"):
        path.wrap(b"content")
    with pytest.raises(ValueError, match="public key 1"):
        path.create_header()


def test_senders_refuse_exactly_the_keys_on_the_twist() -> None:
    path = Path("twist", 1)
    for u in range(2, 40):
        path.public_keys[0] = u.to_bytes(32, "little")
        if on_curve(u):
            path.create_header()
        else:
            with pytest.raises(ValueError, match="public key 0"):
                path.create_header()


def test_a_twist_alpha_is_just_a_bad_mac() -> None:
    path = Path("twist alpha", 3)
    assert not on_curve(2)
    assert path.unwrap(0, (2).to_bytes(32, "little") + path.wrap(b"")[32:]) == _native.BAD_MAC


def test_keys_are_tried_in_order() -> None:
    path = Path("keys", 2)
    packet = path.wrap(b"content")
    right = path.private_keys[0]
    for wrong_keys in range(4):
        keys = [shake(f"wrong {i}", 32) for i in range(wrong_keys)]
        assert unwrap_many(keys, [packet]) == [_native.BAD_MAC]
        (result,) = unwrap_many([*keys, right, right], [packet])
        assert isinstance(result, tuple)
        assert result[0] == wrong_keys


@pytest.mark.parametrize("threads", [0, 1, 2, 3, 7, 1000])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 9, 16, 61])
def test_results_keep_their_order_on_any_number_of_threads(count: int, threads: int) -> None:
    path = Path("threads", 3)
    other_key = shake("another epoch", 32)
    packets: list[bytes] = []
    expected: list[object] = []
    for i in range(count):
        path.secret = shake(f"secret {i}", 32)
        packet = path.wrap(b"%d" % i)
        if i % 4 == 1:
            packet = packet[:i]
            expected.append(_native.WRONG_LENGTH)
        elif i % 4 == 2:
            packet = flipped(packet, 40 + i)
            expected.append(_native.BAD_MAC)
        else:
            tag, command, next_packet, payload_key = process(path.private_keys[0], packet, BETA_BYTES)
            expected.append((1, tag, command, next_packet, payload_key))
        packets.append(packet)
    assert unwrap_many([other_key, path.private_keys[0]], packets, threads=threads) == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40) | st.binary(min_size=822, max_size=822), max_size=20), st.integers(0, 4))
def test_garbage_is_refused_and_nothing_worse(packets: list[bytes], threads: int) -> None:
    results = unwrap_many([bytes(range(32))], packets, threads=threads)
    assert len(results) == len(packets)
    for packet, result in zip(packets, results, strict=True):
        if len(packet) == HEADER_BYTES + BODY_BYTES:
            assert result in {_native.BAD_MAC, _native.BAD_POINT}
        else:
            assert result == _native.WRONG_LENGTH


def test_every_flipped_header_byte_is_found() -> None:
    path = Path("flips", 4)
    packet = path.wrap(b"content")
    for mask in (0x01, 0x80, 0xFF):
        results = unwrap_many(path.private_keys[:1], [flipped(packet, i, mask) for i in range(HEADER_BYTES)])
        assert set(results) <= {_native.BAD_MAC, _native.BAD_POINT}


def test_several_python_threads_may_unwrap_at_once() -> None:
    path = Path("python threads", 3)
    packets = [path.wrap(b"content")] * 40
    expected = unwrap_many(path.private_keys[:1], packets)
    results: list[object] = []

    def work() -> None:
        results.append(unwrap_many(path.private_keys[:1], packets, threads=2))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


def test_replies_are_those_of_sphinxmix() -> None:
    path = Path("reply", 3)
    ktilde = shake("ktilde", 16)
    header, payload_keys = path.create_header()
    body = _native.use_surb_body(ktilde, b"an answer", BODY_BYTES)
    packet = header + body
    for hop in range(3):
        result = path.unwrap(hop, packet)
        assert isinstance(result, tuple)
        packet = result[3]
    body = packet[HEADER_BYTES:]
    assert _native.open_reply(ktilde, payload_keys, body) == b"an answer"
    assert _native.open_reply(ktilde, payload_keys, flipped(body, 77)) == _native.TAGGED_PAYLOAD
    assert _native.open_reply(ktilde, payload_keys[::-1], body) == _native.TAGGED_PAYLOAD
    assert _native.open_reply(ktilde, payload_keys, b"") == _native.WRONG_LENGTH


def test_the_longest_content_fits_and_no_more() -> None:
    path = Path("longest", 1)
    longest = bytes(BODY_BYTES - 17)
    result = path.unwrap(0, path.wrap(longest))
    assert isinstance(result, tuple)
    assert _native.open_body(result[4], result[3][HEADER_BYTES:]) == longest
    assert _native.open_body(result[4], flipped(result[3], HEADER_BYTES)[HEADER_BYTES:]) == _native.TAGGED_PAYLOAD
    with pytest.raises(ValueError, match="at most 483 bytes"):
        path.wrap(longest + b"x")
    with pytest.raises(ValueError, match="at most 483 bytes"):
        _native.use_surb_body(bytes(16), longest + b"x", BODY_BYTES)


def test_refusals_are_distinct() -> None:
    assert len(REFUSALS) == 6
    assert _native.COMMAND_BYTES == 41


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"public_keys": []}, "hop"),
        ({"public_keys": [b"short"] * 2}, "public key has 32 bytes"),
        ({"commands": [bytes(41)]}, "as many commands"),
        ({"commands": [bytes(41), bytes(40)]}, "command 1"),
        ({"secret": bytes(31)}, "secret has 32 bytes"),
        ({"padding": b""}, "padding must have 174 bytes"),
        ({"beta_bytes": 41}, "beta_bytes"),
        ({"beta_bytes": 2**40}, "beta_bytes"),
        ({"beta_bytes": 99}, "hop"),
        ({"body_bytes": 31}, "body_bytes"),
        ({"body_bytes": 2**60}, "body_bytes"),
    ],
)
def test_misuse_of_wrap_is_a_value_error(change: dict[str, object], message: str) -> None:
    path = Path("misuse", 2)
    arguments: dict[str, Any] = {
        "public_keys": path.public_keys,
        "commands": path.commands,
        "secret": path.secret,
        "padding": path.padding,
        "beta_bytes": BETA_BYTES,
        "content": b"",
        "body_bytes": BODY_BYTES,
    }
    with pytest.raises(ValueError, match=message):
        _native.wrap(**{**arguments, **change})


def test_misuse_of_unwrap_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="private key has 32 bytes, not 31"):
        unwrap_many([bytes(31)], [])
    with pytest.raises(ValueError, match="beta_bytes"):
        unwrap_many([bytes(32)], [], beta_bytes=0)
    with pytest.raises(ValueError, match="body_bytes"):
        unwrap_many([bytes(32)], [], body_bytes=2**62)
    with pytest.raises(TypeError):
        _native.unwrap_many([bytes(32)], ["text"], BETA_BYTES, BODY_BYTES, 1)  # type: ignore[list-item]
    with pytest.raises(ValueError, match="payload key has 16 bytes"):
        _native.open_body(b"", bytes(BODY_BYTES))


def test_info_names_the_implementation() -> None:
    info = _native.info()
    assert info["x25519"] in {"graviola, avx512ifma", "graviola", "curve25519-dalek"}
    assert info["version"]


@given(st.lists(st.integers(0, 30), max_size=60), st.lists(st.integers(0, 30), max_size=60))
def test_a_tag_set_is_a_set(first: list[int], second: list[int]) -> None:
    tags = _native.TagSet()
    model: set[int] = set()
    for batch in (first, second):
        expected = []
        for value in batch:
            expected.append(value not in model)
            model.add(value)
        assert tags.add_many([value.to_bytes(16, "big") for value in batch]) == expected
    assert len(tags) == len(model)
    for value in range(31):
        tag = value.to_bytes(16, "big")
        assert (tag in tags) == (value in model)
        assert tags.add(tag) == (value not in model)


def test_a_tag_set_takes_many_tags_and_only_tags() -> None:
    tags = _native.TagSet()
    many = [i.to_bytes(16, "big") for i in range(50_000)]
    assert all(tags.add_many(many))
    assert not any(tags.add_many(many))
    assert len(tags) == 50_000
    for bad in (b"", bytes(15), bytes(17)):
        with pytest.raises(ValueError, match="replay tag has 16 bytes"):
            tags.add(bad)
        with pytest.raises(ValueError, match="replay tag has 16 bytes"):
            tags.add_many([bytes(16), bad])
        with pytest.raises(ValueError, match="replay tag has 16 bytes"):
            _ = bad in tags
    assert len(tags) == 50_000
