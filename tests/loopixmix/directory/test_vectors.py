"""The vectors of docs/protocol/document.md, made a second time from the page alone.

Independent here: the `msgpack` package for the encoding, `cryptography` for the signatures and keys.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgpack  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from loopixmix.directory import (
    TrustedAuthority,
    TrustRoot,
    decode_descriptor,
    decode_document,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "document.json").read_text())
EPOCH, LENGTH_S = VECTORS["epoch"], VECTORS["epoch_length_s"]


def pack(value: object) -> bytes:
    packed = msgpack.packb(value, use_bin_type=True)
    assert isinstance(packed, bytes)
    return packed


def public_of(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed: bytes, domain: bytes, message: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).sign(bytes([len(domain)]) + domain + message)


def seed_of(label: str) -> bytes:
    return hashlib.sha256(label.encode()).digest()


def mix_key(name: str, epoch: int) -> bytes:
    return X25519PrivateKey.from_private_bytes(seed_of(f"{name} {epoch}")).public_key().public_bytes_raw()


def network_id() -> bytes:
    name = b"example"
    hashed = b"loopixmix/network/v1" + bytes([len(name)]) + name
    hashed += LENGTH_S.to_bytes(4, "big") + (1).to_bytes(4, "big") + public_of(seed_of("authority"))
    return hashlib.sha256(hashed).digest()[:16]


NODES = [("mix1", "mix", 1, []), ("provider1", "provider", None, ["echo", "keys", "loop"])]
WEEK_S = 7 * 24 * 3600


def token_keys(role: str) -> list[bytes]:
    """A provider issues tokens for guests, for a week, under the key of RFC 9578, appendix A.2."""
    if role != "provider":
        return []
    public = bytes.fromhex(VECTORS["token_public_key"])
    period = (EPOCH * LENGTH_S).to_bytes(8, "big") + (EPOCH * LENGTH_S + WEEK_S).to_bytes(8, "big")
    return [b"\x01\x05guest" + period + len(public).to_bytes(2, "big") + public]


def mail(role: str) -> dict[str, object] | None:
    """A provider has an ordinary mail domain, and one whose every name reaches its gateway."""
    if role != "provider":
        return None
    return {
        "mailbox_items": 20_000,
        "domains": [{"domain": "example.net", "account": None}, {"domain": "example.org", "account": "gate"}],
        "gateways": [
            {
                "account": "gate",
                "identity": public_of(seed_of("gate")),
                "mailbox_items": 1_000_000,
                "payload_rate_per_s": 100.0,
                "loop_rate_per_s": 1.0,
                "drop_rate_per_s": 1.0,
                "pull_rate_per_s": 5.0,
                "pull_batch": 120,
            }
        ],
    }


def descriptor(name: str, role: str, services: list[str]) -> bytes:
    described = pack(
        {
            "version": 3,
            "network_id": network_id(),
            "node_id": public_of(seed_of(name)),
            "issued_at_ms": 1_800_000_000_000,
            "name": name,
            "role": role,
            "host": "192.0.2.2",
            "port": 9001,
            "mix_keys": {epoch: mix_key(name, epoch) for epoch in range(EPOCH, EPOCH + 3)},
            "services": services,
            "token_keys": token_keys(role),
            "mail": mail(role),
            "software": "example 1",
            "withdrawn": False,
        }
    )
    signature = sign(seed_of(name), b"loopixmix/descriptor/v1", described)
    return pack({"descriptor": described, "signature": signature})


def document() -> bytes:
    nodes = [
        {
            "id": public_of(seed_of(name)),
            "name": name,
            "role": role,
            "layer": layer,
            "host": "192.0.2.2",
            "port": 9001,
            "mix_keys": {epoch: mix_key(name, epoch) for epoch in range(EPOCH, EPOCH + 2)},
            "services": services,
            "token_keys": token_keys(role),
            "mail": mail(role),
        }
        for name, role, layer, services in NODES
    ]
    said = pack(
        {
            "version": 3,
            "network_id": network_id(),
            "epoch": EPOCH,
            "valid_from_s": EPOCH * LENGTH_S,
            "valid_until_s": (EPOCH + 2) * LENGTH_S,
            "params": {
                "layers": 1,
                "delay_mean_s": 0.2,
                "payload_rate_per_s": 2.0,
                "loop_rate_per_s": 0.5,
                "drop_rate_per_s": 0.5,
                "node_loop_rate_per_s": 1.0,
                "pull_rate_per_s": 1.0,
                "pull_batch": 6,
                "epoch_length_s": LENGTH_S,
                "grace_s": 60,
                "payload_bytes": 2048,
            },
            "nodes": sorted(nodes, key=lambda node: node["id"]),  # type: ignore[arg-type, return-value]
        }
    )
    seed = seed_of("authority")
    signature = {"authority": public_of(seed), "signature": sign(seed, b"loopixmix/document/v1", said)}
    return pack({"document": said, "signatures": [signature]})


def test_the_network_id_is_that_of_the_page() -> None:
    authority = TrustedAuthority(public_key=public_of(seed_of("authority")).hex(), url="http://192.0.2.1:9000")
    root = TrustRoot(name="example", authorities=(authority,), threshold=1, epoch_length_s=LENGTH_S)
    assert root.network_id == network_id() == bytes.fromhex(VECTORS["network_id"])
    decoded = decode_document(document(), root, now_s=EPOCH * LENGTH_S)
    assert decoded.epoch == EPOCH
    (key,) = decoded.providers()[0].issues()
    assert (key.purpose, key.ends_s - key.begins_s, key.public.hex()) == ("guest", WEEK_S, VECTORS["token_public_key"])


@pytest.mark.parametrize("number", [0, 1])
def test_descriptors_are_those_of_the_page(number: int) -> None:
    name, role, _, services = NODES[number]
    made = descriptor(str(name), str(role), list(services))  # type: ignore[call-overload]
    assert made.hex() == VECTORS["descriptors"][number]["signed"]
    assert VECTORS["descriptors"][number]["identity_seed"] == seed_of(str(name)).hex()
    read = decode_descriptor(made, network_id=network_id(), epoch_length_s=LENGTH_S, now_s=EPOCH * LENGTH_S)
    assert read.name == name


def test_the_gateway_is_that_of_the_page() -> None:
    authority = TrustedAuthority(public_key=public_of(seed_of("authority")).hex(), url="http://192.0.2.1:9000")
    root = TrustRoot(name="example", authorities=(authority,), threshold=1, epoch_length_s=LENGTH_S)
    read = decode_document(bytes.fromhex(VECTORS["signed_document"]), root, now_s=EPOCH * LENGTH_S)
    reach = read.reach("anybody", "example.org")
    assert reach is not None
    assert reach.gateway is not None
    assert (reach.account, reach.provider.name) == ("gate", "provider1")
    assert reach.gateway.identity == public_of(seed_of("gate"))
    assert read.figures_of(reach.provider.id, reach.gateway.identity).pull_batch == 120


def test_the_document_is_that_of_the_page() -> None:
    assert document().hex() == VECTORS["signed_document"]
