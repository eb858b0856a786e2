"""The network document: parameters, layers, nodes and their keys for one epoch."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from loopixmix.directory.errors import NoEpochKey
from loopixmix.directory.mail import DomainEntry, GatewayEntry, MailOffer
from loopixmix.directory.words import (
    Epoch,
    EpochKeys,
    Host,
    Key,
    Name,
    NetworkId,
    Port,
    Role,
    Seconds,
    Services,
    TokenKeys,
    node_faults,
)
from loopixmix.epoch import epoch_start_s
from loopixmix.params import NetworkParams
from loopixmix.seams import Identity
from loopixmix.tokens.keys import TokenKey, decode_token_key

MAX_NODES = 2000
MAX_VALID_EPOCHS = 3

Layer = Annotated[int, msgspec.Meta(ge=1, le=8)]


class NodeEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One node as everybody sees it; `layer` is 1 to `params.layers` for a mix, none for a provider."""

    id: Key
    name: Name
    role: Role
    layer: Layer | None
    host: Host
    port: Port
    mix_keys: EpochKeys
    services: Services = ()
    token_keys: TokenKeys = ()
    mail: MailOffer | None = None

    def issues(self) -> tuple[TokenKey, ...]:
        """Return the keys under which this provider issues tokens."""
        return tuple(decode_token_key(key) for key in self.token_keys)

    def mix_key(self, epoch: int) -> bytes:
        """Return the X25519 key that unwraps in `epoch`; raise `NoEpochKey` if the document does not reach."""
        try:
            return self.mix_keys[epoch]
        except KeyError:
            raise NoEpochKey(f"the network document has no key of {self.name} for epoch {epoch}") from None


@dataclass(frozen=True)
class Reach:
    """The account that an address reaches.

    `by_domain`: the mail domain of the address, if it has one. `gateway`: the account's entry, if it is a gateway's.
    """

    provider: NodeEntry
    account: str
    by_domain: DomainEntry | None = None
    gateway: GatewayEntry | None = None


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """The facts on which the whole network agrees during one epoch, and for as long after as `valid_until_s`.

    Every node has a mix key for every epoch from `epoch` until `valid_until_s`, so that the network outlives an
    absence of its authorities. The nodes are in ascending order of their ids.
    """

    version: Literal[3] = 3
    network_id: NetworkId
    epoch: Epoch
    valid_from_s: Seconds
    valid_until_s: Seconds
    params: NetworkParams
    nodes: Annotated[tuple[NodeEntry, ...], msgspec.Meta(max_length=MAX_NODES)]

    @functools.cached_property
    def epochs(self) -> range:
        """The epochs for which there are keys: `epoch` and those until `valid_until_s`."""
        return range(self.epoch, max(self.epoch, self.valid_until_s // self.params.epoch_length_s))

    def agrees_with(self, now_s: float) -> bool:
        """Tell whether a clock that says `now_s` may be right: it may be slow by as much as keys count earlier."""
        return self.valid_from_s - self.params.grace_s <= now_s < self.valid_until_s

    def layer(self, number: int) -> tuple[NodeEntry, ...]:
        """Return the mixes of layer `number`, 1 to `params.layers`."""
        return self._layers.get(number, ())

    def mixes(self) -> tuple[NodeEntry, ...]:
        """Return the mixes of all layers."""
        return self._by_role[Role.MIX]

    def providers(self) -> tuple[NodeEntry, ...]:
        """Return the providers."""
        return self._by_role[Role.PROVIDER]

    def providers_of(self, service: str) -> tuple[NodeEntry, ...]:
        """Return the providers that offer `service`."""
        return self._by_service.get(service, ())

    def node(self, identity: Identity) -> NodeEntry | None:
        """Return the node with this id, if it takes part."""
        return self._by_id.get(identity)

    def node_named(self, name: str) -> NodeEntry | None:
        """Return the node of this name, if it takes part."""
        return self._by_name.get(name)

    def provider_named(self, name: str) -> NodeEntry | None:
        """Return the provider of this name, if it takes part."""
        node = self._by_name.get(name)
        return node if node is not None and node.role is Role.PROVIDER else None

    def reach(self, name: str, place: str) -> Reach | None:
        """Return the account that the address `name@place` reaches; None if `place` is no provider and no mail domain.

        Whether there is such an account is not in the document.
        """
        provider = self.provider_named(place)
        if provider is not None:
            return Reach(provider, name)
        found = self._by_domain.get(place)
        if found is None:
            return None
        host, domain = found
        if domain.account is None or host.mail is None:
            return Reach(host, name, domain)
        return Reach(host, domain.account, domain, host.mail.gateway_named(domain.account))

    def figures_of(self, provider: Identity, client: Identity) -> NetworkParams:
        """Return the network's figures as they are for a client of a provider, both named by their keys.

        They are other than `params` for a gateway of that provider only. What another provider says of a client does
        not count: it could make it stand out.
        """
        return self.gateways_of(provider).get(client, self.params)

    def gateways_of(self, provider: Identity) -> dict[Identity, NetworkParams]:
        """Return the network's figures as they are for each gateway of a provider, by the gateways' keys."""
        host = self._by_id.get(provider)
        gateways = host.mail.gateways if host is not None and host.mail is not None else ()
        return {gateway.identity: gateway.within(self.params) for gateway in gateways}

    def mix_key(self, identity: Identity, epoch: int) -> bytes:
        """Return the key of a node for `epoch`; raise `NoEpochKey` if the document does not have it."""
        node = self._by_id.get(identity)
        if node is None:
            raise NoEpochKey(f"the network document does not have the node {identity.hex()}")
        return node.mix_key(epoch)

    @functools.cached_property
    def _by_id(self) -> dict[Identity, NodeEntry]:
        return {node.id: node for node in self.nodes}

    @functools.cached_property
    def _by_name(self) -> dict[str, NodeEntry]:
        return {node.name: node for node in self.nodes}

    @functools.cached_property
    def _by_role(self) -> dict[Role, tuple[NodeEntry, ...]]:
        return {role: tuple(node for node in self.nodes if node.role is role) for role in Role}

    @functools.cached_property
    def _by_service(self) -> dict[str, tuple[NodeEntry, ...]]:
        names = sorted({name for provider in self.providers() for name in provider.services})
        return {name: tuple(each for each in self.providers() if name in each.services) for name in names}

    @functools.cached_property
    def _by_domain(self) -> dict[str, tuple[NodeEntry, DomainEntry]]:
        return {
            entry.domain: (node, entry) for node in self.nodes if node.mail is not None for entry in node.mail.domains
        }

    @functools.cached_property
    def _layers(self) -> dict[int, tuple[NodeEntry, ...]]:
        return {
            number: tuple(node for node in self.nodes if node.layer == number)
            for number in range(1, self.params.layers + 1)
        }


def document_faults(document: Document) -> Iterator[str]:
    """Yield every way in which `document` contradicts itself; nothing for a good one."""
    yield from _span_faults(document)
    yield from _order_faults(document)
    yield from _layer_faults(document)
    yield from _domain_faults(document)
    for node in document.nodes:
        shared = node_faults(
            host=node.host,
            role=node.role,
            services=node.services,
            mix_keys=node.mix_keys,
            token_keys=node.token_keys,
            mail=node.mail,
        )
        yield from (f"{node.name}: {fault}" for fault in shared)
        missing = [epoch for epoch in document.epochs if epoch not in node.mix_keys]
        yield from (f"{node.name} has no mix key for epoch {epoch}" for epoch in missing)


def _span_faults(document: Document) -> Iterator[str]:
    length_s = document.params.epoch_length_s
    starts_s = [epoch_start_s(document.epoch + count, length_s) for count in range(MAX_VALID_EPOCHS + 1)]
    if document.valid_from_s != starts_s[0]:
        yield f"it is valid from {document.valid_from_s}, not from the start of epoch {document.epoch}"
    if document.valid_until_s not in starts_s[1:]:
        yield f"it is valid until {document.valid_until_s}, not until an edge of the next epochs"


def _order_faults(document: Document) -> Iterator[str]:
    for before, after in zip(document.nodes, document.nodes[1:], strict=False):
        if before.id == after.id:
            yield f"the node id {after.id.hex()} occurs twice"
        elif before.id > after.id:
            yield "the nodes are not in ascending order of their ids"
    names: set[str] = set()
    for node in document.nodes:
        if node.name in names:
            yield f"the name {node.name} occurs twice"
        names.add(node.name)


def _domain_faults(document: Document) -> Iterator[str]:
    # An address must reach one account: a domain that is a name, or is there twice, would reach either.
    names = {node.name for node in document.nodes}
    known: set[str] = set()
    for node in document.nodes:
        for entry in node.mail.domains if node.mail is not None else ():
            if entry.domain in known:
                yield f"the mail domain {entry.domain} occurs twice"
            if entry.domain in names:
                yield f"{entry.domain} is a mail domain and the name of a node"
            known.add(entry.domain)


def _layer_faults(document: Document) -> Iterator[str]:
    for node in document.nodes:
        match node.role, node.layer:
            case Role.MIX, None:
                yield f"the mix {node.name} has no layer"
            case Role.PROVIDER, int():
                yield f"the provider {node.name} has a layer"
            case Role.MIX, int(layer) if layer > document.params.layers:
                yield f"{node.name} is in layer {layer} of {document.params.layers}"
            case _:
                pass
    for number in range(1, document.params.layers + 1):
        if not document.layer(number):
            yield f"layer {number} is empty"
    if not document.providers():
        yield "there is no provider"
