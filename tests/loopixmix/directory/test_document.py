"""The network document: what clients believe and what they refuse, rule by rule."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.directory import (
    MAX_DOCUMENT_BYTES,
    Document,
    DocumentError,
    DocumentExpired,
    DocumentFromFuture,
    DocumentInconsistent,
    DocumentOfOtherNetwork,
    DocumentRolledBack,
    DocumentTooLarge,
    DocumentUnderSigned,
    NodeEntry,
    NoEpochKey,
    Role,
    add_signature,
    decode_document,
    document_digest,
    sign_document,
)
from loopixmix.directory import errors as directory_errors
from loopixmix.errors import FormatError, MisuseError
from loopixmix.keys import IdentityKey
from loopixmix.params import NetworkParams
from loopixmix.tokens import encode_token_key
from tests.worlds.networks.models import NOW_S, ModelNetwork, model_network, trust_root_of
from tests.worlds.networks.offers import GATE, gateway_entry, mail_offer, with_offer
from tests.worlds.tokens import token_key

NETWORK = model_network(random.Random(1))
HOUR_S = 3600
GATEWAY_RATES = ("payload_rate_per_s", "loop_rate_per_s", "drop_rate_per_s", "pull_rate_per_s")


def forge(document: Document, network: ModelNetwork = NETWORK) -> bytes:
    """Sign what an honest authority never would: the encoder's own checks are left out."""
    return forge_bytes(msgspec.msgpack.encode(document), network)


def forge_bytes(document: bytes, network: ModelNetwork = NETWORK, domain: bytes = b"loopixmix/document/v1") -> bytes:
    signature = {"authority": network.authority.public, "signature": network.authority.sign(domain, document)}
    return msgspec.msgpack.encode({"document": document, "signatures": [signature]})


def believe(signed: bytes, now_s: float = NOW_S, newest_seen_epoch: int | None = None) -> Document:
    return decode_document(signed, NETWORK.trust_root, now_s=now_s, newest_seen_epoch=newest_seen_epoch)


def test_a_signed_document_is_believed_and_comes_back_the_same() -> None:
    assert believe(NETWORK.signed_document) == NETWORK.document


@given(
    layers=st.integers(1, 5),
    width=st.integers(1, 3),
    providers=st.integers(1, 3),
    seed=st.integers(0, 2**32),
    delay_mean_s=st.floats(0.01, 10) | st.integers(1, 10),
)
def test_every_consistent_document_survives_the_way_there_and_back(
    layers: int, width: int, providers: int, seed: int, delay_mean_s: float
) -> None:
    params = NetworkParams(layers=layers, delay_mean_s=delay_mean_s)
    network = model_network(random.Random(seed), params=params, mixes_per_layer=width, providers=providers)
    document = decode_document(network.signed_document, network.trust_root, now_s=NOW_S)
    assert document == network.document
    assert sign_document(document, network.authority) == network.signed_document


def test_the_helpers_find_nodes_by_what_they_are() -> None:
    document = NETWORK.document
    assert [len(document.layer(number)) for number in range(5)] == [0, 2, 2, 2, 0]
    assert {node.name for node in document.providers()} == {"provider1", "provider2"}
    assert document.providers_of("echo") == document.providers()
    assert document.providers_of("votes") == ()
    assert len(document.mixes()) == 6
    mix = document.node_named("mix21")
    assert mix is not None
    assert mix.layer == 2
    assert document.node(mix.id) == mix
    assert document.node(bytes(32)) is None
    assert document.provider_named("mix21") is None
    assert document.provider_named("provider1") == document.node_named("provider1")
    assert document.epochs == range(NETWORK.epoch, NETWORK.epoch + 2)
    assert document.mix_key(mix.id, NETWORK.epoch) == NETWORK.node("mix21").mix_keys[NETWORK.epoch].public
    with pytest.raises(NoEpochKey, match="of mix21 for epoch"):
        mix.mix_key(NETWORK.epoch - 1)
    with pytest.raises(NoEpochKey, match="does not have the node"):
        document.mix_key(bytes(32), NETWORK.epoch)


# Whose word counts


def threshold_network(threshold: int, count: int = 3) -> tuple[list[IdentityKey], ModelNetwork, Document]:
    rng = random.Random(2)
    authorities = [IdentityKey.generate(rng) for _ in range(count)]
    root = trust_root_of(*authorities, threshold=threshold)
    network = msgspec.structs.replace(NETWORK.document, network_id=root.network_id)
    model = ModelNetwork(NETWORK.params, authorities[0], root, NETWORK.nodes, NETWORK.epoch)
    return authorities, model, network


@pytest.mark.parametrize("threshold", [1, 2, 3])
def test_a_document_counts_with_exactly_the_threshold_of_signatures(threshold: int) -> None:
    authorities, model, document = threshold_network(threshold)
    signed = sign_document(document, authorities[0])
    for count in range(1, 4):
        if count > 1:
            signed = add_signature(signed, authorities[count - 1])
        if count >= threshold:
            assert decode_document(signed, model.trust_root, now_s=NOW_S) == document
        else:
            with pytest.raises(DocumentUnderSigned, match=f"has {count} valid .* needs {threshold}"):
                decode_document(signed, model.trust_root, now_s=NOW_S)


def test_the_order_of_signing_does_not_matter() -> None:
    authorities, _, document = threshold_network(2)
    one_way = add_signature(sign_document(document, authorities[0]), authorities[1])
    assert one_way == add_signature(sign_document(document, authorities[1]), authorities[0])
    assert document_digest(one_way) == document_digest(sign_document(document, authorities[2]))


def test_one_authority_signing_twice_counts_once() -> None:
    authorities, model, document = threshold_network(2)
    data = msgspec.msgpack.encode(document)
    signature = {"authority": authorities[0].public, "signature": authorities[0].sign(b"loopixmix/document/v1", data)}
    doubled = msgspec.msgpack.encode({"document": data, "signatures": [signature, signature]})
    with pytest.raises(DocumentUnderSigned, match="has 1 valid"):
        decode_document(doubled, model.trust_root, now_s=NOW_S)


def test_strangers_signatures_count_for_nothing() -> None:
    stranger = IdentityKey.generate(random.Random(3))
    with pytest.raises(DocumentUnderSigned, match="has 0 valid"):
        believe(sign_document(NETWORK.document, stranger))
    assert believe(add_signature(NETWORK.signed_document, stranger)) == NETWORK.document


def test_a_wrong_signature_of_one_authority_does_not_spoil_the_others() -> None:
    authorities, model, document = threshold_network(1)
    data = msgspec.msgpack.encode(document)
    signatures = [
        {"authority": authorities[0].public, "signature": bytes(64)},
        {"authority": authorities[1].public, "signature": authorities[1].sign(b"loopixmix/document/v1", data)},
    ]
    signed = msgspec.msgpack.encode({"document": data, "signatures": signatures})
    assert decode_document(signed, model.trust_root, now_s=NOW_S) == document


def test_a_signature_made_for_another_purpose_does_not_count() -> None:
    data = msgspec.msgpack.encode(NETWORK.document)
    with pytest.raises(DocumentUnderSigned):
        believe(forge_bytes(data, domain=b"loopixmix/descriptor/v1"))


def test_each_changed_byte_of_the_document_is_noticed() -> None:
    signed = NETWORK.signed_document
    for position in range(0, len(signed), 37):
        changed = bytearray(signed)
        changed[position] ^= 1
        with pytest.raises((DocumentError, FormatError)):
            believe(bytes(changed))


def test_a_document_of_another_network_is_refused() -> None:
    other = model_network(random.Random(4))
    with pytest.raises(DocumentOfOtherNetwork):
        believe(forge(other.document))


def test_a_document_with_another_epoch_length_is_refused() -> None:
    other = model_network(random.Random(4), params=NetworkParams(epoch_length_s=1800))
    document = msgspec.structs.replace(other.document, network_id=NETWORK.trust_root.network_id)
    with pytest.raises(DocumentInconsistent, match="length of an epoch"):
        believe(forge(document))


# When it counts


@pytest.mark.parametrize(
    ("now_s", "error"),
    [
        (NOW_S - 61, DocumentFromFuture),
        (NOW_S - 60, None),
        (NOW_S, None),
        (NOW_S + 2 * HOUR_S - 0.001, None),
        (NOW_S + 2 * HOUR_S, DocumentExpired),
        (NOW_S + 30 * HOUR_S, DocumentExpired),
    ],
)
def test_a_document_counts_from_a_grace_before_its_epoch_until_its_end(
    now_s: float, error: type[DocumentError] | None
) -> None:
    if error is None:
        assert believe(NETWORK.signed_document, now_s) == NETWORK.document
    else:
        with pytest.raises(error):
            believe(NETWORK.signed_document, now_s)


def test_an_older_document_than_one_seen_is_refused() -> None:
    assert believe(NETWORK.signed_document, newest_seen_epoch=NETWORK.epoch)
    with pytest.raises(DocumentRolledBack, match=f"of epoch {NETWORK.epoch}, older than {NETWORK.epoch + 1}"):
        believe(NETWORK.signed_document, newest_seen_epoch=NETWORK.epoch + 1)


# What it may say

CHANGES: dict[str, Callable[[Document], Document]] = {}


def change_node(document: Document, which: str, /, **changes: object) -> Document:
    nodes = tuple(msgspec.structs.replace(node, **changes) if node.name == which else node for node in document.nodes)
    return msgspec.structs.replace(document, nodes=nodes)


def without(document: Document, keep: Callable[[NodeEntry], bool]) -> Document:
    return msgspec.structs.replace(document, nodes=tuple(node for node in document.nodes if keep(node)))


def keys_of(name: str) -> dict[int, bytes]:
    return NETWORK.node(name).public_mix_keys


def tokens(count: int) -> tuple[bytes, ...]:
    """Return the token keys of a good issuer, for one period each."""
    return tuple(
        encode_token_key(token_key(number, begins_s=number * HOUR_S, ends_s=(number + 1) * HOUR_S))
        for number in range(count)
    )


def of_two_purposes() -> tuple[bytes, ...]:
    return tuple(encode_token_key(token_key(purpose=purpose)) for purpose in ("guest", "mail"))


EPOCH = NETWORK.epoch
LOW_ORDER = {
    "zero": bytes(32),
    "one": (1).to_bytes(32, "little"),
    "minus one": (2**255 - 20).to_bytes(32, "little"),
    "order eight": bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    "order eight, the other": bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    "on the twist": (2).to_bytes(32, "little"),
    "not reduced": (2**255 - 19 + 9).to_bytes(32, "little"),
    "high bit": (9 + 2**255).to_bytes(32, "little"),
    # The base point plus the point of order two, u -> 1/u: X25519 takes it like the base point, senders do not.
    "a part of low order": pow(9, -1, 2**255 - 19).to_bytes(32, "little"),
}

CONTRADICTIONS: list[tuple[str, Callable[[Document], Document], str]] = [
    ("mix without layer", lambda d: change_node(d, "mix11", layer=None), "the mix mix11 has no layer"),
    ("provider with layer", lambda d: change_node(d, "provider1", layer=1), "the provider provider1 has a layer"),
    ("layer out of range", lambda d: change_node(d, "mix11", layer=4), "mix11 is in layer 4 of 3"),
    ("empty layer", lambda d: without(d, lambda node: node.layer != 2), "layer 2 is empty"),
    ("no provider", lambda d: without(d, lambda node: node.role is Role.MIX), "there is no provider"),
    ("no nodes", lambda d: without(d, lambda node: False), "layer 1 is empty"),
    ("same name", lambda d: change_node(d, "mix11", name="mix12"), "the name mix12 occurs twice"),
    (
        "same id",
        lambda d: msgspec.structs.replace(d, nodes=(d.nodes[0], *d.nodes)),
        "the node id [0-9a-f]{64} occurs twice",
    ),
    ("unsorted", lambda d: msgspec.structs.replace(d, nodes=d.nodes[::-1]), "ascending order of their ids"),
    (
        "missing key for this epoch",
        lambda d: change_node(d, "mix11", mix_keys={EPOCH + 1: keys_of("mix11")[EPOCH + 1]}),
        f"mix11 has no mix key for epoch {EPOCH}",
    ),
    (
        "missing key for the next epoch",
        lambda d: change_node(d, "mix11", mix_keys={EPOCH: keys_of("mix11")[EPOCH]}),
        f"mix11 has no mix key for epoch {EPOCH + 1}",
    ),
    (
        "one key twice",
        lambda d: change_node(d, "mix11", mix_keys=dict.fromkeys((EPOCH, EPOCH + 1), keys_of("mix11")[EPOCH])),
        "used for several epochs",
    ),
    (
        "keys out of order",
        lambda d: change_node(d, "mix11", mix_keys=dict(reversed(keys_of("mix11").items()))),
        "ascending order of epochs",
    ),
    ("bad host", lambda d: change_node(d, "mix11", host="not a host"), "neither an IP address nor a host name"),
    ("services of a mix", lambda d: change_node(d, "mix11", services=("echo",)), "only a provider offers services"),
    ("services out of order", lambda d: change_node(d, "provider1", services=("b", "a")), "ascending order"),
    ("a mix with tokens", lambda d: change_node(d, "mix11", token_keys=tokens(1)), "only a provider issues tokens"),
    ("a bad token key", lambda d: change_node(d, "provider1", token_keys=(b"\1key",)), "a token key is none"),
    (
        "token keys unsorted",
        lambda d: change_node(d, "provider1", token_keys=tokens(2)[::-1]),
        "ascending order of purpose",
    ),
    ("token key twice", lambda d: change_node(d, "provider1", token_keys=of_two_purposes()), "one token key is used"),
    ("a mix with mailboxes", lambda d: with_offer(d, "mix11", mail_offer()), "only a provider has mailboxes"),
    (
        "no mail domain",
        lambda d: with_offer(d, "provider1", mail_offer({"home.invalid": None})),
        "'home.invalid' is no mail domain",
    ),
    (
        "a mail domain twice",
        lambda d: with_offer(
            with_offer(d, "provider1", mail_offer({"example.org": None})), "provider2", mail_offer({"example.org": "g"})
        ),
        "the mail domain example.org occurs twice",
    ),
    (
        "a mail domain that is a name",
        lambda d: with_offer(
            change_node(d, "mix11", name="example.org"), "provider1", mail_offer({"example.org": None})
        ),
        "example.org is a mail domain and the name of a node",
    ),
    (
        "two gateways with one key",
        lambda d: with_offer(d, "provider1", mail_offer({}, gateway_entry("a"), gateway_entry("b"))),
        "two gateways have the same key",
    ),
    ("service twice", lambda d: change_node(d, "provider1", services=("a", "a")), "each once"),
    (
        "starts elsewhere",
        lambda d: msgspec.structs.replace(d, valid_from_s=d.valid_from_s - 1),
        "not from the start of epoch",
    ),
    (
        "ends elsewhere",
        lambda d: msgspec.structs.replace(d, valid_until_s=d.valid_until_s + 1),
        "not until an edge",
    ),
    (
        "ends before it starts",
        lambda d: msgspec.structs.replace(d, valid_until_s=d.valid_from_s),
        "not until an edge",
    ),
    (
        "never ends",
        lambda d: msgspec.structs.replace(d, valid_until_s=d.valid_from_s + 4 * HOUR_S),
        "not until an edge",
    ),
    *(
        (
            f"mix key: {name}",
            lambda d, key=key: change_node(d, "mix11", mix_keys=keys_of("mix11") | {EPOCH: key}),  # type: ignore[misc]
            "not a point of prime order",
        )
        for name, key in LOW_ORDER.items()
    ),
]


@pytest.mark.parametrize(("change", "text"), [c[1:] for c in CONTRADICTIONS], ids=[c[0] for c in CONTRADICTIONS])
def test_a_document_that_contradicts_itself_is_neither_believed_nor_signed(
    change: Callable[[Document], Document], text: str
) -> None:
    document = change(NETWORK.document)
    with pytest.raises(DocumentInconsistent, match=text):
        believe(forge(document))
    with pytest.raises(MisuseError, match=text):
        sign_document(document, NETWORK.authority)


def offer_with(**changes: object) -> dict[str, object]:
    return {"mailbox_items": 1, "domains": [], "gateways": []} | changes


def gateway_with(**changes: object) -> dict[str, object]:
    entry: dict[str, object] = msgspec.to_builtins(gateway_entry(), builtin_types=(bytes,))
    return entry | changes


GATEWAY_FIELDS: list[tuple[str, object]] = [
    ("account", ""),
    ("account", None),
    ("identity", bytes(31)),
    ("identity", GATE.hex()),
    ("mailbox_items", -1),
    *((rate, value) for rate in GATEWAY_RATES for value in (0.0, -1.0, 1001.0, 1, "1")),
    ("pull_batch", 0),
    ("pull_batch", 257),
    ("pull_batch", 2.0),
    ("delay_mean_s", 0.0),
]

FIELDS: list[tuple[str, str, object]] = [
    ("document", "version", 1),
    ("document", "network_id", bytes(15)),
    ("document", "network_id", bytes(17)),
    ("document", "epoch", -1),
    ("document", "epoch", 1 << 40),
    ("document", "epoch", 1.0),
    ("document", "valid_from_s", -1),
    ("document", "valid_until_s", "soon"),
    ("document", "params", None),
    ("document", "nodes", {}),
    ("document", "beacon", b""),
    ("params", "layers", 0),
    ("params", "delay_mean_s", float("nan")),
    ("params", "payload_rate_per_s", float("inf")),
    ("params", "node_loop_rate_per_s", float("nan")),
    ("params", "grace_s", 1800),
    ("params", "speed", 1),
    ("node", "id", bytes(31)),
    ("node", "name", "Mix1"),
    ("node", "name", "-mix"),
    ("node", "name", ""),
    ("node", "name", "m" * 64),
    ("node", "name", "mix11\n"),
    ("node", "role", "spy"),
    ("node", "layer", 0),
    ("node", "layer", 9),
    ("node", "host", ""),
    ("node", "host", "h" * 254),
    ("node", "port", 0),
    ("node", "port", 65_536),
    ("node", "mix_keys", {}),
    ("node", "mix_keys", {EPOCH: bytes(31)}),
    ("node", "mix_keys", {EPOCH + n: bytes([n] * 32) for n in range(9)}),
    ("node", "services", [f"s{n:02}" for n in range(17)]),
    ("node", "services", ["Echo"]),
    ("node", "services", [1]),
    ("node", "token_keys", [b""]),
    ("node", "token_keys", [bytes(651)]),
    ("node", "token_keys", list(tokens(9))),
    ("node", "email", "a@b"),
    ("node", "mail", []),
    ("node", "mail", {}),
    ("node", "mail", offer_with(mailbox_items=-1)),
    ("node", "mail", offer_with(mailbox_items=10_000_001)),
    ("node", "mail", offer_with(quota=1)),
    ("node", "mail", offer_with(domains=[{"domain": "a.org"}])),
    ("node", "mail", offer_with(domains=[{"domain": "a.org", "account": ""}])),
    ("node", "mail", offer_with(domains=[{"domain": "a.org", "account": "A"}])),
    ("node", "mail", offer_with(domains=[{"domain": "a" * 64, "account": None}])),
    ("node", "mail", offer_with(domains=[{"domain": f"a{n:02}.org", "account": None} for n in range(33)])),
    *(("node", "mail", offer_with(gateways=[gateway_with(**{field: value})])) for field, value in GATEWAY_FIELDS),
]


# Numbered, because some values are drawn anew in each process, and processes that share the tests compare their names.
@pytest.mark.parametrize(("part", "field", "value"), FIELDS, ids=[f"{p} {f} {n}" for n, (p, f, _) in enumerate(FIELDS)])
def test_each_field_out_of_range_is_refused(part: str, field: str, value: object) -> None:
    document = msgspec.to_builtins(NETWORK.document, builtin_types=(bytes,), str_keys=False)
    parts = {"document": document, "params": document["params"], "node": document["nodes"][0]}
    parts[part][field] = value
    with pytest.raises(FormatError):
        believe(forge_bytes(msgspec.msgpack.encode(document)))


@pytest.mark.parametrize("part", ["document", "params", "node"])
def test_each_missing_field_is_refused(part: str) -> None:
    document = msgspec.to_builtins(NETWORK.document, builtin_types=(bytes,), str_keys=False)
    parts = {"document": document, "params": document["params"], "node": document["nodes"][0]}
    for field in list(parts[part]):
        value = parts[part].pop(field)
        with pytest.raises(FormatError):
            believe(forge_bytes(msgspec.msgpack.encode(document)))
        parts[part][field] = value


def test_a_second_encoding_of_the_same_document_is_refused() -> None:
    data = msgspec.msgpack.encode(NETWORK.document)
    with pytest.raises(FormatError, match="not canonical"):
        believe(forge_bytes(data.replace(b"\xa7version\x03", b"\xa7version\xcc\x03")))
    with pytest.raises(FormatError, match="trailing"):
        believe(forge_bytes(data + b"\xc0"))
    swapped = msgspec.to_builtins(NETWORK.document, builtin_types=(bytes,), str_keys=False)
    with pytest.raises(FormatError, match="not canonical"):
        believe(forge_bytes(msgspec.msgpack.encode(dict(reversed(swapped.items())))))
    with pytest.raises(FormatError):
        believe(NETWORK.signed_document + b"\x00")


def test_the_keys_under_which_a_provider_issues_tokens_are_in_the_document() -> None:
    document = change_node(NETWORK.document, "provider1", token_keys=tokens(8))
    believed = believe(sign_document(document, NETWORK.authority)).node_named("provider1")
    assert believed is not None
    assert [key.begins_s for key in believed.issues()] == [number * HOUR_S for number in range(8)]


def test_an_oversized_document_is_refused_before_anything_else() -> None:
    with pytest.raises(DocumentTooLarge):
        believe(bytes(MAX_DOCUMENT_BYTES + 1))
    with pytest.raises(FormatError):
        believe(bytes(MAX_DOCUMENT_BYTES))


def test_an_oversized_document_is_not_signed() -> None:
    rng = random.Random(6)
    services = tuple(f"service-{number:02}" + "x" * 50 for number in range(16))
    provider = NETWORK.document.providers()[0]
    crowd = tuple(
        msgspec.structs.replace(provider, id=rng.randbytes(32), name=f"crowd{number}", services=services)
        for number in range(1950)
    )
    nodes = tuple(sorted(NETWORK.document.nodes + crowd, key=lambda node: node.id))
    with pytest.raises(MisuseError, match=f"bytes; {MAX_DOCUMENT_BYTES} are allowed"):
        sign_document(NETWORK.document_with(nodes=nodes), NETWORK.authority)


@given(st.binary(max_size=200))
def test_garbage_is_a_format_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        believe(data)


def test_an_under_signed_document_is_not_even_parsed() -> None:
    stranger = model_network(random.Random(5))
    with pytest.raises(DocumentUnderSigned):
        believe(forge_bytes(b"garbage", stranger))
    with pytest.raises(FormatError):
        believe(forge_bytes(b"garbage"))


def test_every_error_explains_itself_to_a_user() -> None:
    for name in dir(directory_errors):
        error = getattr(directory_errors, name)
        if isinstance(error, type) and issubclass(error, Exception):
            first = (error.__doc__ or "").splitlines()[0]
            assert first.endswith("."), name
            assert 15 < len(first) < 110, name
