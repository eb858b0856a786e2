"""The network of a world: its parameters, the keys of its nodes, and a network document for each epoch."""

from __future__ import annotations

from dataclasses import dataclass

from loopixmix.directory import Document, NodeEntry, Role
from loopixmix.directory.schedule import draw_fetch_s
from loopixmix.epoch import epoch_at, epoch_start_s
from loopixmix.keyring.keyring import MAX_TAGS, MixKeyring
from loopixmix.keyring.keystore import MemoryKeyStore
from loopixmix.keys import IdentityKey
from loopixmix.seams import Identity, Rng
from simulations.flows.deployed import params_of
from simulations.scenario.values import Scenario
from simulations.world.errands import SERVICE

START_S = 1_800_000_000.0
"""When worlds begin, Unix seconds: an edge of epochs of any length that divides it."""
SERVICES = ("echo", "keys", "loop")
_DOCUMENT_EPOCHS = 2
_FIRST_PORT = 20_000
_PORTS = 40_000


@dataclass(frozen=True)
class NodePlan:
    """One node before it runs. `layer`: 1 and up for a mix, none for a provider. `place`: see `simulations.latency`."""

    identity_key: IdentityKey
    name: str
    layer: int | None
    place: int
    keyring: MixKeyring

    @property
    def identity(self) -> Identity:
        """The node's id."""
        return self.identity_key.public


class NetworkPlan:
    """All nodes, providers first, then layer by layer; and the documents that authorities would publish."""

    def __init__(self, scenario: Scenario, *, rng: Rng, start_s: float, epoch_length_s: int) -> None:
        """`rng`: makes the nodes' keys; `start_s`: when the world begins; `epoch_length_s`: how long mix keys live."""
        topology = scenario.topology
        self.params = params_of(scenario, epoch_length_s=epoch_length_s)
        self._rng = rng
        self._services = SERVICES if scenario.requests is None else tuple(sorted((*SERVICES, SERVICE)))
        self._network_id = rng.randbytes(16)
        # Providers first: the numbering of `simulations.latency.places.Places`, on which all engines agree.
        kinds: list[tuple[str, int | None]] = [(f"provider{n}", None) for n in range(1, topology.providers + 1)]
        kinds += [
            (f"mix{layer}.{n}", layer)
            for layer in range(1, topology.layers + 1)
            for n in range(1, topology.mixes_per_layer + 1)
        ]
        self.nodes = tuple(
            NodePlan(IdentityKey.generate(rng), name, layer, place, self._keyring(start_s))
            for place, (name, layer) in enumerate(kinds)
        )

    def epoch(self, now_s: float) -> int:
        """Return the number of the epoch at a time."""
        return epoch_at(now_s, self.params.epoch_length_s)

    def starts_at_s(self, epoch: int) -> float:
        """Return when an epoch begins."""
        return float(epoch_start_s(epoch, self.params.epoch_length_s))

    def draw_fetch_s(self, epoch: int) -> float:
        """Draw when a node fetches the document of an epoch, as `loopixmix.following.follower` does."""
        return draw_fetch_s(epoch, self.params.epoch_length_s, self._rng)

    def document(self, epoch: int, now_s: float) -> Document:
        """Return the document of `epoch`, the present or the next one, with the keys that the nodes have at `now_s`."""
        until = epoch + _DOCUMENT_EPOCHS
        entries = (self._entry(node, range(epoch, until), now_s) for node in self.nodes)
        return Document(
            network_id=self._network_id,
            epoch=epoch,
            valid_from_s=epoch_start_s(epoch, self.params.epoch_length_s),
            valid_until_s=epoch_start_s(until, self.params.epoch_length_s),
            params=self.params,
            nodes=tuple(sorted(entries, key=lambda entry: entry.id)),
        )

    def _entry(self, node: NodePlan, epochs: range, now_s: float) -> NodeEntry:
        keys = node.keyring.public_keys(now_s)
        return NodeEntry(
            id=node.identity,
            name=node.name,
            role=Role.PROVIDER if node.layer is None else Role.MIX,
            layer=node.layer,
            host="127.0.0.1",
            port=_FIRST_PORT + node.place % _PORTS,
            mix_keys={epoch: keys[epoch] for epoch in epochs},
            services=self._services if node.layer is None else (),
        )

    def _keyring(self, start_s: float) -> MixKeyring:
        return MixKeyring(
            MemoryKeyStore(),
            rng=self._rng,
            epoch_length_s=self.params.epoch_length_s,
            grace_s=self.params.grace_s,
            max_tags=MAX_TAGS,
        ).open(start_s)
