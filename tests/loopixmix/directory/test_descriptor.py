"""Descriptors: what an authority accepts from a node."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.directory import (
    MAX_DESCRIPTOR_BYTES,
    Descriptor,
    DescriptorError,
    DescriptorExpired,
    DescriptorForged,
    DescriptorFromFuture,
    DescriptorInconsistent,
    DescriptorOfOtherNetwork,
    DescriptorReplayed,
    DescriptorTooLarge,
    Role,
    decode_descriptor,
    sign_descriptor,
)
from loopixmix.directory.mail import MAX_DOMAINS, MAX_GATEWAYS
from loopixmix.errors import FormatError, MisuseError, SignatureError
from loopixmix.keys import IdentityKey
from loopixmix.tokens import encode_token_key
from tests.worlds.networks.models import NOW_S, model_network
from tests.worlds.networks.offers import gateway_entry, mail_offer
from tests.worlds.tokens import token_key

NETWORK = model_network(random.Random(1))
NETWORK_ID = NETWORK.trust_root.network_id
NODE = NETWORK.node("mix11")
NOW_MS = int(NOW_S * 1000)
DESCRIPTOR = NODE.descriptor(NETWORK_ID, issued_at_ms=NOW_MS)
DOMAIN = b"loopixmix/descriptor/v1"


def forge(descriptor: object, identity_key: IdentityKey = NODE.identity_key, domain: bytes = DOMAIN) -> bytes:
    data = msgspec.msgpack.encode(descriptor)
    return msgspec.msgpack.encode({"descriptor": data, "signature": identity_key.sign(domain, data)})


def accept(signed: bytes, now_s: float = NOW_S, newest_seen_ms: int | None = None) -> Descriptor:
    return decode_descriptor(
        signed, network_id=NETWORK_ID, epoch_length_s=3600, now_s=now_s, newest_seen_ms=newest_seen_ms
    )


def changed(**changes: object) -> Descriptor:
    return msgspec.structs.replace(DESCRIPTOR, **changes)


def test_a_signed_descriptor_is_accepted_and_comes_back_the_same() -> None:
    assert accept(sign_descriptor(DESCRIPTOR, NODE.identity_key)) == DESCRIPTOR


@given(seed=st.integers(0, 2**32), withdrawn=st.booleans(), software=st.text(max_size=64))
def test_every_consistent_descriptor_survives_the_way_there_and_back(seed: int, withdrawn: bool, software: str) -> None:
    network = model_network(random.Random(seed), mixes_per_layer=1, providers=1)
    for node in network.nodes:
        descriptor = node.descriptor(NETWORK_ID, issued_at_ms=NOW_MS)
        descriptor = msgspec.structs.replace(descriptor, withdrawn=withdrawn, software=software)
        assert accept(sign_descriptor(descriptor, node.identity_key)) == descriptor


def test_nobody_can_describe_another_node() -> None:
    other = NETWORK.node("mix12").identity_key
    with pytest.raises(DescriptorForged):
        accept(forge(DESCRIPTOR, other))
    with pytest.raises(SignatureError):
        accept(forge(DESCRIPTOR, other))
    with pytest.raises(MisuseError, match="signed by the node that it describes"):
        sign_descriptor(DESCRIPTOR, other)


def test_a_signature_made_for_another_purpose_does_not_count() -> None:
    with pytest.raises(DescriptorForged):
        accept(forge(DESCRIPTOR, domain=b"loopixmix/document/v1"))


def test_each_changed_byte_is_noticed() -> None:
    signed = sign_descriptor(DESCRIPTOR, NODE.identity_key)
    for position in range(len(signed)):
        data = bytearray(signed)
        data[position] ^= 1
        with pytest.raises((DescriptorError, FormatError)):
            accept(bytes(data))


def test_a_descriptor_for_another_network_is_refused() -> None:
    with pytest.raises(DescriptorOfOtherNetwork):
        accept(forge(changed(network_id=bytes(16))))


def test_a_descriptor_is_replaced_by_newer_ones_only() -> None:
    signed = sign_descriptor(DESCRIPTOR, NODE.identity_key)
    assert accept(signed, newest_seen_ms=NOW_MS - 1)
    for newest in (NOW_MS, NOW_MS + 1):
        with pytest.raises(DescriptorReplayed):
            accept(signed, newest_seen_ms=newest)


def test_a_descriptor_from_the_future_is_refused() -> None:
    assert accept(forge(changed(issued_at_ms=NOW_MS + 5000)))
    with pytest.raises(DescriptorFromFuture, match="10 s in the future"):
        accept(forge(changed(issued_at_ms=NOW_MS + 10_000)))


def test_a_descriptor_whose_keys_have_all_expired_is_refused() -> None:
    signed = sign_descriptor(DESCRIPTOR, NODE.identity_key)
    assert accept(signed, now_s=NOW_S + 3 * 3600 - 1)
    with pytest.raises(DescriptorExpired):
        accept(signed, now_s=NOW_S + 3 * 3600)


@pytest.mark.parametrize(
    "host",
    [
        "a b",
        "-a.example",
        "a..b",
        "a_b.example",
        "example.",
        "1.2.3",
        "1.2.3.4.5",
        "::1%eth0",
        "[::1]",
        "a:80",
        "127.1",
    ],
)
def test_a_bad_host_is_refused(host: str) -> None:
    with pytest.raises(DescriptorInconsistent, match="neither an IP address nor a host name"):
        accept(forge(changed(host=host)))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "::ffff:0.0.0.0", "255.255.255.255"])
def test_an_address_that_stands_for_all_or_for_many_is_refused(host: str) -> None:
    with pytest.raises(DescriptorInconsistent, match="at which others could find it"):
        accept(forge(changed(host=host)))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "2001:db8::7", "localhost", "mix-1.example.org", "MIX.example"])
def test_a_good_host_is_accepted(host: str) -> None:
    assert accept(sign_descriptor(changed(host=host), NODE.identity_key)).host == host


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"services": ("echo",)}, "only a provider"),
        ({"token_keys": (encode_token_key(token_key()),)}, "only a provider issues tokens"),
        ({"role": Role.PROVIDER, "token_keys": (b"\1key",)}, "a token key is none"),
        ({"mail": mail_offer()}, "only a provider has mailboxes"),
        ({"role": Role.PROVIDER, "mail": mail_offer({"example": None})}, "'example' is no mail domain"),
        ({"mix_keys": {NETWORK.epoch: bytes(32)}}, "prime order"),
        ({"mix_keys": dict.fromkeys((1, 2), NODE.mix_keys[NETWORK.epoch].public)}, "several epochs"),
        ({"mix_keys": dict(reversed(NODE.public_mix_keys.items()))}, "ascending"),
    ],
)
def test_a_descriptor_that_contradicts_itself_is_neither_accepted_nor_signed(
    change: dict[str, object], text: str
) -> None:
    with pytest.raises(DescriptorInconsistent, match=text):
        accept(forge(changed(**change)))
    with pytest.raises(MisuseError, match=text):
        sign_descriptor(changed(**change), NODE.identity_key)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 0),
        ("version", 2),
        ("network_id", b""),
        ("node_id", bytes(33)),
        ("issued_at_ms", -1),
        ("issued_at_ms", 1 << 60),
        ("issued_at_ms", 1.5),
        ("name", "ümlaut"),
        ("name", ".hidden"),
        ("name", "a" * 64),
        ("role", "authority"),
        ("host", ""),
        ("port", 0),
        ("port", 70_000),
        ("mix_keys", {}),
        ("mix_keys", {"1": bytes(32)}),
        ("mix_keys", {n: bytes([n + 1] * 32) for n in range(9)}),
        ("services", ["a b"]),
        ("token_keys", [b""]),
        ("token_keys", [bytes(651)]),
        ("token_keys", [encode_token_key(token_key())] * 9),
        ("mail", []),
        ("mail", {"mailbox_items": 1}),
        ("software", "x" * 65),
        ("withdrawn", 1),
        ("layer", 1),
    ],
)
def test_each_field_out_of_range_is_refused(field: str, value: object) -> None:
    descriptor = msgspec.to_builtins(DESCRIPTOR, builtin_types=(bytes,), str_keys=False)
    descriptor[field] = value
    with pytest.raises(FormatError, match="descriptor: "):
        accept(forge(descriptor))


def test_an_oversized_descriptor_is_refused() -> None:
    with pytest.raises(DescriptorTooLarge):
        accept(bytes(MAX_DESCRIPTOR_BYTES + 1))
    with pytest.raises(FormatError):
        accept(bytes(MAX_DESCRIPTOR_BYTES))


@given(st.binary(max_size=200))
def test_garbage_is_a_format_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        accept(data)


def test_the_longest_offer_fits_into_a_descriptor() -> None:
    offer = mail_offer(
        {f"{number:02}{'a' * 57}.org": "a" * 64 for number in range(MAX_DOMAINS)},
        *(gateway_entry(f"{number:02}{'a' * 62}", bytes([number] * 32)) for number in range(MAX_GATEWAYS)),
    )
    longest = changed(
        role=Role.PROVIDER,
        host="a" * 60 + ".a" * 90,
        name="n" * 63,
        software="x" * 64,
        services=tuple(f"{number:02}{'s' * 61}" for number in range(16)),
        token_keys=tuple(
            encode_token_key(token_key(number, begins_s=number, ends_s=number + 1)) for number in range(8)
        ),
        mail=offer,
    )
    assert accept(sign_descriptor(longest, NODE.identity_key)).mail == offer
