"""Whole networks as values: identities, mix keys, trust root and a consistent document, all from one seed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

from loopixmix.directory import Descriptor, Document, NodeEntry, Role, TrustedAuthority, TrustRoot, sign_document
from loopixmix.epoch import epoch_at, epoch_start_s
from loopixmix.keys import IdentityKey, MixKey
from loopixmix.params import NetworkParams
from loopixmix.seams import Identity

NOW_S = 1_800_000_000.0
"""The present of most tests: the first second of an epoch of an hour."""

EPOCH = 40
"""The epoch of tests that count seconds themselves: with a small number their sums can be read."""

SERVICES = ("echo", "keys", "loop")


@dataclass(frozen=True)
class ModelNode:
    """A node of a model network with its secrets."""

    identity_key: IdentityKey
    name: str
    role: Role
    layer: int | None
    port: int
    mix_keys: Mapping[int, MixKey]
    services: tuple[str, ...]

    @property
    def id(self) -> bytes:
        return self.identity_key.public

    @property
    def public_mix_keys(self) -> dict[int, bytes]:
        return {epoch: key.public for epoch, key in self.mix_keys.items()}

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
    """A network as a value; no part of it runs. `document` is what its one authority would publish in `epoch`."""

    params: NetworkParams
    authority: IdentityKey
    trust_root: TrustRoot
    nodes: tuple[ModelNode, ...]
    epoch: int

    def node(self, name: str) -> ModelNode:
        return next(node for node in self.nodes if node.name == name)

    @property
    def keys(self) -> dict[Identity, Mapping[int, MixKey]]:
        """Every node's mix keys, by identity and epoch."""
        return {node.id: node.mix_keys for node in self.nodes}

    @property
    def start_s(self) -> float:
        """When the epoch of the document begins."""
        return float(self.document.valid_from_s)

    # Kept: tests ask for the document of each packet, and the network never changes.
    @cached_property
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
    providers: int | Sequence[str] = 2,
    services: tuple[str, ...] = SERVICES,
    epoch: int | None = None,
    key_epochs: int = 3,
) -> ModelNetwork:
    """Make a network.

    A mix is called by its layer and its place in it: mix11, mix12, ..., mix32. Providers are called provider1,
    provider2, ..., if `providers` is their number, and otherwise as it says. The epoch is that of `NOW_S` if none is
    given; each node has the mix keys of `key_epochs` epochs, from this one on.
    """
    params = params or NetworkParams()
    if epoch is None:
        epoch = epoch_at(NOW_S, params.epoch_length_s)
    if isinstance(providers, int):
        providers = [f"provider{number}" for number in range(1, providers + 1)]
    places: list[tuple[str, int | None]] = [
        (f"mix{layer}{place}", layer)
        for layer in range(1, params.layers + 1)
        for place in range(1, mixes_per_layer + 1)
    ]
    places += [(name, None) for name in providers]
    nodes = tuple(
        ModelNode(
            identity_key=IdentityKey.generate(rng),
            name=name,
            role=Role.PROVIDER if layer is None else Role.MIX,
            layer=layer,
            port=20_000 + number,
            mix_keys={epoch + ahead: MixKey.generate(rng) for ahead in range(key_epochs)},
            services=services if layer is None else (),
        )
        for number, (name, layer) in enumerate(places)
    )
    authority = IdentityKey.generate(rng)
    trust_root = trust_root_of(authority, epoch_length_s=params.epoch_length_s)
    return ModelNetwork(params=params, authority=authority, trust_root=trust_root, nodes=nodes, epoch=epoch)
