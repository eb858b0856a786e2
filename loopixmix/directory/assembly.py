"""Making a document out of descriptors: the same document from the same descriptors, wherever it is made."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from loopixmix.directory.descriptor import Descriptor
from loopixmix.directory.document import Document, NodeEntry
from loopixmix.directory.mail import MailOffer
from loopixmix.directory.schedule import oldest_issue_s
from loopixmix.directory.words import Role
from loopixmix.epoch import epoch_start_s
from loopixmix.params import NetworkParams
from loopixmix.seams import Identity

DomainOwners: TypeAlias = Mapping[str, str]
"""The providers that mail domains belong to, by domain: each by its name or by its id in hexadecimal digits."""
NO_OWNERS: DomainOwners = {}


@dataclass(frozen=True)
class Incomplete:
    """There are too few nodes for a document; `reason` says which are missing."""

    reason: str


def owns(descriptor: Descriptor, domain: str, domains: DomainOwners) -> bool:
    """Tell whether a mail domain is that of the node that `descriptor` describes."""
    # No name of a node is as long as an id in hexadecimal digits, so that neither is taken for the other.
    return domains.get(domain) in (descriptor.name, descriptor.node_id.hex())


def is_eligible(descriptor: Descriptor, *, epoch: int, valid_epochs: int, params: NetworkParams) -> bool:
    """Tell whether a node belongs into the document of `epoch`.

    It must have issued its descriptor recently (`schedule.oldest_issue_s`), not have withdrawn, and have a mix key for
    each of the `valid_epochs` epochs of the document.
    """
    return (
        not descriptor.withdrawn
        and descriptor.issued_at_ms >= 1000 * oldest_issue_s(epoch, params.epoch_length_s, params.grace_s)
        and all(number in descriptor.mix_keys for number in range(epoch, epoch + valid_epochs))
    )


def assemble(
    descriptors: Iterable[Descriptor],
    *,
    network_id: bytes,
    epoch: int,
    valid_epochs: int,
    params: NetworkParams,
    previous_layers: Mapping[Identity, int],
    domains: DomainOwners = NO_OWNERS,
) -> Document | Incomplete:
    """Return the document of `epoch` that follows from `descriptors`, at most one a node, or what is missing for it.

    `previous_layers` are those of the document before: mixes stay in them as far as the balance of layers allows.
    `domains`: whose each mail domain is; a provider's others are left out.
    """
    chosen = _unambiguous(
        descriptor
        for descriptor in descriptors
        if is_eligible(descriptor, epoch=epoch, valid_epochs=valid_epochs, params=params)
    )
    mixes = [descriptor.node_id for descriptor in chosen if descriptor.role is Role.MIX]
    if len(mixes) < params.layers:
        return Incomplete(f"{len(mixes)} mixes are enrolled and {params.layers} layers need one each")
    if len(mixes) == len(chosen):
        return Incomplete("no provider is enrolled")
    layers = assign_layers(mixes, params.layers, previous=previous_layers, network_id=network_id)
    return Document(
        network_id=network_id,
        epoch=epoch,
        valid_from_s=epoch_start_s(epoch, params.epoch_length_s),
        valid_until_s=epoch_start_s(epoch + valid_epochs, params.epoch_length_s),
        params=params,
        nodes=tuple(
            _entry(descriptor, layers.get(descriptor.node_id), range(epoch, epoch + valid_epochs), domains)
            for descriptor in chosen
        ),
    )


def assign_layers(
    mixes: Collection[Identity], layer_count: int, *, previous: Mapping[Identity, int], network_id: bytes
) -> dict[Identity, int]:
    """Return the layer, 1 to `layer_count`, of each of `mixes`; no two layers differ by more than one mix.

    Mixes stay in their `previous` layer unless it has too many. Whatever is left to choose goes by the order of
    SHA-256(network id, node id), so that no node's place depends on when it came.
    """
    order = sorted(mixes, key=lambda identity: hashlib.sha256(network_id + identity).digest())
    layers: dict[int, list[Identity]] = {number: [] for number in range(1, layer_count + 1)}
    for identity in order:
        if previous.get(identity, 0) in layers:
            layers[previous[identity]].append(identity)
    for identity in order:
        if previous.get(identity, 0) not in layers:
            layers[_smallest(layers)].append(identity)
    while len(layers[_largest(layers)]) > len(layers[_smallest(layers)]) + 1:
        layers[_smallest(layers)].append(layers[_largest(layers)].pop())
    return {identity: number for number, members in layers.items() for identity in members}


def _smallest(layers: Mapping[int, Collection[Identity]]) -> int:
    return min(layers, key=lambda number: (len(layers[number]), number))


def _largest(layers: Mapping[int, Collection[Identity]]) -> int:
    return max(layers, key=lambda number: (len(layers[number]), -number))


def _unambiguous(descriptors: Iterable[Descriptor]) -> list[Descriptor]:
    """Order by node id; of several nodes with one name only the first stays."""
    chosen: list[Descriptor] = []
    names: set[str] = set()
    for descriptor in sorted(descriptors, key=lambda descriptor: descriptor.node_id):
        if descriptor.name not in names:
            names.add(descriptor.name)
            chosen.append(descriptor)
    return chosen


def _allowed(descriptor: Descriptor, domains: DomainOwners) -> MailOffer | None:
    if descriptor.mail is None:
        return None
    theirs = tuple(entry for entry in descriptor.mail.domains if owns(descriptor, entry.domain, domains))
    return msgspec.structs.replace(descriptor.mail, domains=theirs)


def _entry(descriptor: Descriptor, layer: int | None, epochs: range, domains: DomainOwners) -> NodeEntry:
    return NodeEntry(
        id=descriptor.node_id,
        name=descriptor.name,
        role=descriptor.role,
        layer=layer,
        host=descriptor.host,
        port=descriptor.port,
        mix_keys={epoch: descriptor.mix_keys[epoch] for epoch in epochs},
        services=descriptor.services,
        token_keys=descriptor.token_keys,
        mail=_allowed(descriptor, domains),
    )
