"""Whole networks as values: identities, mix keys, trust root and a consistent document, all from one seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from loopixmix.directory import Descriptor, Document, NodeEntry, Role, TrustedAuthority, TrustRoot, sign_document
from loopixmix.epoch import epoch_at, epoch_start_s
from loopixmix.keys import IdentityKey, MixKey
from loopixmix.params import NetworkParams

NOW_S = 1_800_000_000.0
"""The present of most tests: the first second of an epoch of an hour."""


@dataclass(frozen=True)
class ModelNode:
    """A node of a model network with its secrets."""

    identity_key: IdentityKey
    name: str
    role: Role
    layer: int | None
    port: int
    mix_keys: Mapping[int, MixKey]

    @property
    def id(self) -> bytes:
        return self.identity_key.public

    @property
    def public_mix_keys(self) -> dict[int, bytes]:
        return {epoch: key.public for epoch, key in self.mix_keys.items()}

    @property
    def services(self) -> tuple[str, ...]:
        return ("echo", "keys", "loop") if self.role is Role.PROVIDER else ()

    def entry(self) -> NodeEntry:
        return NodeEntry(
            id=self.id,
            name=self.name,
            role=self.role,
            layer=self.layer,
            host="127.0.0.1",
            port=self.port,
            mix_keys=self.public_mix_keys,
            services=self.services,
        )

    def descriptor(self, network_id: bytes, *, issued_at_ms: int) -> Descriptor:
        return Descriptor(
            network_id=network_id,
            node_id=self.id,
            issued_at_ms=issued_at_ms,
            name=self.name,
            role=self.role,
            host="127.0.0.1",
            port=self.port,
            mix_keys=self.public_mix_keys,
            services=self.services,
            software="loopixmix test",
        )


@dataclass(frozen=True)
class ModelNetwork:
    """A network that nobody runs: `document` is what its one authority would publish at `now_s`."""

    params: NetworkParams
    authority: IdentityKey
    trust_root: TrustRoot
    nodes: tuple[ModelNode, ...]
    epoch: int

    def node(self, name: str) -> ModelNode:
        return next(node for node in self.nodes if node.name == name)

    @property
    def document(self) -> Document:
        return Document(
            network_id=self.trust_root.network_id,
            epoch=self.epoch,
            valid_from_s=epoch_start_s(self.epoch, self.params.epoch_length_s),
            valid_until_s=epoch_start_s(self.epoch + 2, self.params.epoch_length_s),
            params=self.params,
            nodes=tuple(sorted((node.entry() for node in self.nodes), key=lambda entry: entry.id)),
        )

    @property
    def signed_document(self) -> bytes:
        return sign_document(self.document, self.authority)

    def document_with(self, **changes: object) -> Document:
        return msgspec.structs.replace(self.document, **changes)


def trust_root_of(*authorities: IdentityKey, threshold: int = 1, epoch_length_s: int = 3600) -> TrustRoot:
    return TrustRoot(
        name="model",
        authorities=tuple(
            TrustedAuthority(public_key=key.public.hex(), url=f"http://127.0.0.1:{9000 + number}")
            for number, key in enumerate(authorities)
        ),
        threshold=threshold,
        epoch_length_s=epoch_length_s,
    )


def model_network(
    rng: random.Random,
    *,
    params: NetworkParams | None = None,
    mixes_per_layer: int = 2,
    providers: int = 2,
    now_s: float = NOW_S,
) -> ModelNetwork:
    """Make a network whose mixes are called mix1, mix2, ... layer by layer, and its providers provider1, ..."""
    params = params or NetworkParams()
    epoch = epoch_at(now_s, params.epoch_length_s)
    kinds: list[tuple[str, Role, int | None]] = [
        (f"mix{n + 1}", Role.MIX, n // mixes_per_layer + 1) for n in range(params.layers * mixes_per_layer)
    ]
    kinds += [(f"provider{n + 1}", Role.PROVIDER, None) for n in range(providers)]
    nodes = tuple(
        ModelNode(
            identity_key=IdentityKey.generate(rng),
            name=name,
            role=role,
            layer=layer,
            port=20_000 + number,
            mix_keys={epoch + ahead: MixKey.generate(rng) for ahead in range(3)},
        )
        for number, (name, role, layer) in enumerate(kinds)
    )
    authority = IdentityKey.generate(rng)
    trust_root = trust_root_of(authority, epoch_length_s=params.epoch_length_s)
    return ModelNetwork(params=params, authority=authority, trust_root=trust_root, nodes=nodes, epoch=epoch)
