"""An authority: takes descriptors, signs one document an epoch, and never a second one for the same epoch."""

from __future__ import annotations

from math import inf

from loopixmix.authority.config import AuthorityConfig
from loopixmix.authority.store import AuthorityStore
from loopixmix.authority.twins import Twins
from loopixmix.directory import (
    Descriptor,
    DescriptorExpired,
    DescriptorNameTaken,
    DescriptorNotAllowed,
    Document,
    TrustRoot,
    read_descriptor,
    read_document,
    sign_document,
)
from loopixmix.directory.assembly import Incomplete, assemble, is_eligible, owns
from loopixmix.directory.descriptor import check_times, issued
from loopixmix.directory.document import MAX_NODES
from loopixmix.directory.schedule import oldest_issue_s, publication_s, retry_longest_s
from loopixmix.directory.words import CLOCK_TOLERANCE_S
from loopixmix.epoch import epoch_at
from loopixmix.errors import PeerError, StoreError
from loopixmix.keys import IdentityKey
from loopixmix.process.wallclock import DOUBT_S
from loopixmix.seams import Identity

KEPT_DOCUMENTS = 8
"""Documents of past epochs that are still given out."""


class Authority:
    """The decisions and the memory of one authority; time is an argument, files are the only outside."""

    def __init__(
        self,
        config: AuthorityConfig,
        *,
        identity_key: IdentityKey,
        trust_root: TrustRoot,
        store: AuthorityStore,
        started_s: float,
        max_nodes: int = MAX_NODES,
    ) -> None:
        """Go on with the state in `store`; raise `StoreError` if it is damaged or of another network."""
        self._config = config
        self._identity_key = identity_key
        self._trust_root = trust_root
        self._store = store
        self._waits_from_s = started_s
        self._keeps_from_s = -inf
        self._max_nodes = max_nodes
        self._allowed = config.allowed
        self._descriptors = _load_descriptors(store, trust_root)
        self._documents = _load_documents(store, trust_root)
        self._waiting_for: str | None = None
        self._twins = Twins()

    # Questions of nodes and clients

    def accept(self, signed: bytes, *, now_s: float) -> Descriptor:
        """Take a node's descriptor into the next document; it is on the disk when this returns.

        Raises `DescriptorError` or `FormatError` if the node is to blame, `StoreError` if the disk is.
        """
        descriptor = self._checked(signed, now_s=now_s)
        known = self._descriptors.get(descriptor.node_id)
        if known is not None:
            self._twins.note(known, descriptor)
        self._store.keep_descriptor(descriptor.node_id, signed)
        self._descriptors[descriptor.node_id] = descriptor
        return descriptor

    def document(self, epoch: int) -> bytes | None:
        """Return the signed document of `epoch`, if there is one."""
        found = self._documents.get(epoch)
        return found[1] if found else None

    def current(self, *, now_s: float) -> bytes | None:
        """Return the newest signed document that is valid, if there is one."""
        valid = [
            document.epoch
            for document, _ in self._documents.values()
            if document.valid_from_s <= now_s < document.valid_until_s
        ]
        return self.document(max(valid)) if valid else None

    def reconfigure(self, config: AuthorityConfig) -> None:
        """Go on with another configuration: uploads at once, documents with the next one."""
        self._config = config
        self._allowed = config.allowed

    def clock_was_set(self, *, now_s: float) -> None:
        """Forget nothing for a while, and wait for known nodes as after a start.

        The clock may be set right again, and then all is as before. If the computer slept, all nodes did, too: without
        the waiting, the first of them to wake would be a network of their own for an epoch.
        """
        self._keeps_from_s = self._waits_from_s = now_s

    # The work of each turn

    def turn(self, *, now_s: float) -> list[Document]:
        """Make the documents that are due and return them; raise `StoreError` if they cannot be stored."""
        epoch = self._epoch(now_s)
        made = []
        self._waiting_for = None
        for target in (epoch, epoch + 1):
            is_due = target == epoch or now_s >= publication_s(target, self._trust_root.epoch_length_s)
            if is_due and target > self._newest_epoch():
                made += self._make(target, now_s=now_s)
        if not self._keeps_from_s <= now_s < self._keeps_from_s + DOUBT_S:
            self._forget_the_old(epoch)
        return made

    def problem(self, *, now_s: float) -> str | None:
        """Why the network has no document for now, in one line; None if it has one."""
        epoch = self._epoch(now_s)
        newest, length_s = self._newest_epoch(), self._trust_root.epoch_length_s
        if newest > epoch and now_s < publication_s(newest, length_s) - CLOCK_TOLERANCE_S:
            return (
                f"the newest document is of epoch {newest}, now is {epoch}: the clock is wrong, or was then; until "
                "that epoch comes no other document is made"
            )
        ahead = [each for each in self._descriptors.values() if self._is_from_future(each, now_s)]
        if ahead:
            latest_s = max(each.issued_at_ms for each in ahead) / 1000
            return (
                f"{len(ahead)} nodes enrolled up to {latest_s - now_s:.0f} s in the future of the clock here: it was "
                "set back, or was ahead then"
            )
        return self._waiting_for

    def enrolled(self, *, now_s: float) -> list[Descriptor]:
        """Return the descriptors that would make up a document of the present epoch."""
        return [descriptor for descriptor in self._descriptors.values() if self._counts(descriptor, self._epoch(now_s))]

    def refused_domains(self, descriptor: Descriptor) -> list[str]:
        """Return the mail domains that a node wants and that are left out of the document, each with the reason."""
        owners = self._config.domain_owners
        wanted = [entry.domain for entry in descriptor.mail.domains] if descriptor.mail is not None else []
        return [
            f"{domain} is that of {owners[domain]}" if domain in owners else f"{domain} is not under [[domains]]"
            for domain in wanted
            if not owns(descriptor, domain, owners)
        ]

    @property
    def twins(self) -> list[str]:
        """Each identity that more than one process uses, in words."""
        return self._twins.found

    @property
    def newest_document(self) -> Document | None:
        """The document of the highest epoch that was ever signed."""
        return self._documents[self._newest_epoch()][0] if self._documents else None

    # Making a document

    def _make(self, epoch: int, *, now_s: float) -> list[Document]:
        previous = self.newest_document
        document = assemble(
            filter(self._is_wanted, self._descriptors.values()),
            network_id=self._trust_root.network_id,
            epoch=epoch,
            valid_epochs=self._config.valid_epochs,
            params=self._config.params,
            previous_layers={node.id: node.layer for node in previous.mixes() if node.layer} if previous else {},
            domains=self._config.domain_owners,
        )
        if isinstance(document, Incomplete):
            # After an outage, too: the first nodes to come back would be a network of their own for an epoch.
            self._waits_from_s = now_s
            self._waiting_for = f"no document for epoch {epoch} yet: {document.reason}"
            return []
        missing = self._worth_waiting_for(document, previous, now_s=now_s)
        if missing is not None:
            self._waiting_for = f"no document for epoch {epoch} yet: {missing}"
            return []
        signed = sign_document(document, self._identity_key)
        self._store.keep_document(epoch, signed)
        self._documents[epoch] = document, signed
        return [document]

    def _worth_waiting_for(self, document: Document, previous: Document | None, *, now_s: float) -> str | None:
        """Return whom a complete document should wait for: expected nodes at first, known ones after an outage."""
        if previous is None:
            mixes, providers = len(document.mixes()), len(document.providers())
            if mixes < self._config.expected_mixes or providers < self._config.expected_providers:
                return (
                    f"{mixes} of {self._config.expected_mixes} expected mixes and "
                    f"{providers} of {self._config.expected_providers} expected providers are enrolled"
                )
            return None
        if now_s >= self._waits_from_s + 1.25 * retry_longest_s(self._trust_root.epoch_length_s):
            return None
        absent = [node.name for node in previous.nodes if not document.node(node.id) and not self._withdrew(node.id)]
        return f"after an outage, waiting for {', '.join(absent[:5])}" if absent else None

    def _withdrew(self, identity: Identity) -> bool:
        descriptor = self._descriptors.get(identity)
        return descriptor is not None and descriptor.withdrawn

    # Descriptors

    def _checked(self, signed: bytes, *, now_s: float) -> Descriptor:
        descriptor = read_descriptor(signed, network_id=self._trust_root.network_id)
        objection = self._objection(descriptor)
        if objection is not None:
            raise DescriptorNotAllowed(objection)
        known = self._descriptors.get(descriptor.node_id)
        # One of our own future was accepted by a wrong clock: it must not keep the node out until that time comes.
        newest_seen_ms = known.issued_at_ms if known and not self._is_from_future(known, now_s) else None
        length_s = self._trust_root.epoch_length_s
        check_times(descriptor, epoch_length_s=length_s, now_s=now_s, newest_seen_ms=newest_seen_ms)
        epoch = self._epoch(now_s)
        if descriptor.issued_at_ms < 1000 * self._oldest_issue_s(epoch):
            raise DescriptorExpired(
                f"the descriptor was {issued(descriptor, now_s)}: the node's clock is behind, or the authority's ahead"
            )
        for other in self._descriptors.values():
            if other.name == descriptor.name and other.node_id != descriptor.node_id and self._counts(other, epoch):
                raise DescriptorNameTaken(f"the name {descriptor.name} belongs to another node")
        if known is None and len(self._descriptors) >= self._max_nodes:
            raise DescriptorNotAllowed(f"the network has {self._max_nodes} nodes and takes no more")
        return descriptor

    def _objection(self, descriptor: Descriptor) -> str | None:
        """Return why the operator does not want this node, or none."""
        # An address at a domain would reach the node instead, and be another person's.
        if descriptor.name in self._config.domain_owners:
            return f"no node may be called {descriptor.name}: that is a mail domain of the network"
        allowed = self._allowed.get(descriptor.node_id)
        if allowed is None:
            named = f"the node {descriptor.node_id.hex()} is not on the list of allowed nodes"
            return None if self._config.open_enrolment else named
        if allowed.name not in (None, descriptor.name):
            return f"this node may only be called {allowed.name}, not {descriptor.name}"
        if allowed.role not in (None, descriptor.role):
            return f"this node may only be a {allowed.role}, not a {descriptor.role}"
        return None

    @staticmethod
    def _is_from_future(descriptor: Descriptor, now_s: float) -> bool:
        return descriptor.issued_at_ms > 1000 * (now_s + CLOCK_TOLERANCE_S)

    def _is_wanted(self, descriptor: Descriptor) -> bool:
        return self._objection(descriptor) is None

    def _counts(self, descriptor: Descriptor, epoch: int) -> bool:
        return self._is_wanted(descriptor) and is_eligible(
            descriptor, epoch=epoch, valid_epochs=self._config.valid_epochs, params=self._config.params
        )

    def _oldest_issue_s(self, epoch: int) -> int:
        return oldest_issue_s(epoch, self._trust_root.epoch_length_s, self._config.params.grace_s)

    def _epoch(self, now_s: float) -> int:
        return epoch_at(now_s, self._trust_root.epoch_length_s)

    def _newest_epoch(self) -> int:
        return max(self._documents, default=-1)

    # Memory

    def _forget_the_old(self, epoch: int) -> None:
        for identity, descriptor in list(self._descriptors.items()):
            if descriptor.issued_at_ms < 1000 * self._oldest_issue_s(epoch):
                del self._descriptors[identity]
                self._twins.forget(identity)
                self._store.forget_descriptor(identity)
        for old in sorted(self._documents)[:-1]:
            if old < epoch - KEPT_DOCUMENTS:
                del self._documents[old]
                self._store.forget_document(old)


def _load_descriptors(store: AuthorityStore, trust_root: TrustRoot) -> dict[Identity, Descriptor]:
    descriptors = {}
    for path, signed in store.descriptors().items():
        try:
            descriptor = read_descriptor(signed, network_id=trust_root.network_id)
        except PeerError as error:
            raise StoreError(f"{path}: {error}; move it away, and the node will upload a new one") from error
        descriptors[descriptor.node_id] = descriptor
    return descriptors


def _load_documents(store: AuthorityStore, trust_root: TrustRoot) -> dict[int, tuple[Document, bytes]]:
    documents = {}
    for path, signed in store.documents().items():
        try:
            document = read_document(signed, trust_root)
        except PeerError as error:
            raise StoreError(
                f"{path}: {error}; restore it, or move it away once its epoch is over: no epoch may be signed twice"
            ) from error
        documents[document.epoch] = document, signed
    return documents
