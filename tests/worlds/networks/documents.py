"""A network document for tests, with the private keys behind it."""

from __future__ import annotations

import random
from dataclasses import dataclass

from loopixmix.directory import Document, NodeEntry, Role
from loopixmix.epoch import epoch_start_s
from loopixmix.keys import MixKey
from loopixmix.params import NetworkParams

EPOCH = 40
VALID_EPOCHS = 3


@dataclass(frozen=True)
class TestNet:
    """A document and every node's mix keys: `keys[identity][epoch]`."""

    __test__ = False

    document: Document
    keys: dict[bytes, dict[int, MixKey]]

    def named(self, name: str) -> NodeEntry:
        node = self.document.node_named(name)
        assert node is not None
        return node

    @property
    def start_s(self) -> float:
        return float(self.document.valid_from_s)


def make_network(
    rng: random.Random,
    *,
    params: NetworkParams,
    width: int = 2,
    providers: int = 2,
    epoch: int = EPOCH,
    services: tuple[str, ...] = ("loop",),
) -> TestNet:
    """Mixes are named m<layer><number>, providers p<number>; numbers from 1."""
    names: list[tuple[str, int | None]] = [(f"p{number}", None) for number in range(1, providers + 1)]
    names += [(f"m{layer}{number}", layer) for layer in range(1, params.layers + 1) for number in range(1, width + 1)]
    ids = {name: rng.randbytes(32) for name, _ in names}
    epochs = range(epoch, epoch + VALID_EPOCHS)
    keys = {ids[name]: {e: MixKey.generate(rng) for e in epochs} for name, _ in names}
    entries = [
        NodeEntry(
            id=ids[name],
            name=name,
            role=Role.PROVIDER if layer is None else Role.MIX,
            layer=layer,
            host="127.0.0.1",
            port=30_000 + number,
            mix_keys={e: key.public for e, key in keys[ids[name]].items()},
            services=services if layer is None else (),
        )
        for number, (name, layer) in enumerate(names)
    ]
    document = Document(
        network_id=bytes(16),
        epoch=epoch,
        valid_from_s=epoch_start_s(epoch, params.epoch_length_s),
        valid_until_s=epoch_start_s(epoch + VALID_EPOCHS, params.epoch_length_s),
        params=params,
        nodes=tuple(sorted(entries, key=lambda entry: entry.id)),
    )
    return TestNet(document, keys)
