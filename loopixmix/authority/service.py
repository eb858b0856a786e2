"""The authority as a service: looks at the clock every second, and tells how it is."""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.logger import Logger

from loopixmix.authority.authority import Authority
from loopixmix.authority.config import AuthorityConfig
from loopixmix.authority.refused import RefusedNodes
from loopixmix.bounds import BoundedMap
from loopixmix.directory import Descriptor, Role, TrustRoot
from loopixmix.directory.document import MAX_NODES
from loopixmix.epoch import epoch_at
from loopixmix.errors import MisuseError, PeerError
from loopixmix.observing.status import NodeStatus
from loopixmix.process.task import Recurring
from loopixmix.seams import Clock, Identity

_log = Logger()

TICK_S = 1.0
NAME = "authority"


class AuthorityService:
    """Runs an `Authority` on a clock; also the `DocumentSource` of its routes."""

    def __init__(
        self,
        authority: Authority,
        *,
        identity: Identity,
        trust_root: TrustRoot,
        clock: Clock,
        was_just_set: Callable[[], bool] = lambda: False,
    ) -> None:
        """`identity`: the authority's own. `trust_root`: of its network.

        `was_just_set`: whether the clock was set and `clock_was_set` is still to come.
        """
        self._authority = authority
        self._identity = identity
        self._epoch_length_s = trust_root.epoch_length_s
        self._clock = clock
        self._was_just_set = was_just_set
        # Looked at each second instead of planned: a clock that is set forward or back is noticed, too.
        self._ticks = Recurring("making documents", self._tick, clock=clock, again_s=TICK_S)
        self._started_s = 0.0
        self._accepted = 0
        self._refused = RefusedNodes(trust_root.network_id)
        self._disk_problem: str | None = None
        self._twins_told: set[str] = set()
        self._domains_told: BoundedMap[Identity, list[str]] = BoundedMap(MAX_NODES)

    def start(self) -> None:
        """Begin."""
        self._started_s = self._clock.seconds()
        self._ticks.start()

    def stop(self) -> None:
        """Stop; nothing is left scheduled."""
        self._ticks.stop()

    def accept(self, signed: bytes) -> None:
        """Take a descriptor and make the documents that waited for it."""
        try:
            descriptor = self._authority.accept(signed, now_s=self._clock.seconds())
        except PeerError as error:
            self._refused.note(signed, error)
            raise
        self._accepted += 1
        self._refused.forget(descriptor.node_id)
        for twins in set(self._authority.twins) - self._twins_told:
            _log.warn("{twins}", twins=twins)
        self._twins_told = set(self._authority.twins)
        self._tell_domains(descriptor)
        _log.debug("{role} {name} enrolled", role=descriptor.role, name=descriptor.name)
        self._turn()

    def clock_was_set(self) -> None:
        """Plan anew by the time that it is now."""
        self._authority.clock_was_set(now_s=self._clock.seconds())
        self._turn()

    def reconfigure(self, config: AuthorityConfig) -> None:
        """Go on with another configuration."""
        self._authority.reconfigure(config)
        self._turn()

    def document(self, epoch: int) -> bytes | None:
        """Return the signed document of an epoch."""
        return self._authority.document(epoch)

    def current(self) -> bytes | None:
        """Return the newest signed document that is valid."""
        return self._authority.current(now_s=self._clock.seconds())

    @property
    def known_hosts(self) -> list[str]:
        """The hosts, names or addresses, of the nodes in the newest document."""
        newest = self._authority.newest_document
        return [node.host for node in newest.nodes] if newest else []

    @property
    def status(self) -> NodeStatus:
        """How the authority is."""
        now_s = self._clock.seconds()
        problem = self._ticks.problem or self._disk_problem or self._authority.problem(now_s=now_s)
        enrolled = self._authority.enrolled(now_s=now_s)
        newest = self._authority.newest_document
        twins = self._authority.twins
        return NodeStatus(
            name=NAME,
            id=self._identity.hex(),
            role=NAME,
            layer=None,
            pid=os.getpid(),
            started_at_s=self._started_s,
            written_at_s=now_s,
            epoch=epoch_at(now_s, self._epoch_length_s),
            healthy=problem is None,
            problem=problem,
            engine="none",
            extra={
                **({"warning": "; ".join(twins)} if twins else {}),
                "newest_document": newest.epoch if newest else "none",
                "nodes_in_document": len(newest.nodes) if newest else 0,
                "mixes_enrolled": sum(descriptor.role is Role.MIX for descriptor in enrolled),
                "providers_enrolled": sum(descriptor.role is Role.PROVIDER for descriptor in enrolled),
                "descriptors_accepted": self._accepted,
                **({"refused": self._refused.told} if self._refused.told else {}),
            },
        )

    def _tell_domains(self, descriptor: Descriptor) -> None:
        """Log which mail domains of a node are left out: once, until that changes."""
        refused = self._authority.refused_domains(descriptor)
        if refused and refused != self._domains_told.get(descriptor.node_id):
            _log.warn(
                "mail domains that {name} ({id}) wants are left out of the network document: {refused}",
                name=descriptor.name,
                id=descriptor.node_id.hex(),
                refused="; ".join(refused),
            )
        self._domains_told[descriptor.node_id] = refused

    def _tick(self) -> float:
        self._turn()
        return TICK_S

    def _turn(self) -> None:
        now_s = self._clock.seconds()
        # Both look once a second, and the turn mostly comes first: it would forget all nodes by a clock that is wrong.
        if self._was_just_set():
            self._authority.clock_was_set(now_s=now_s)
        try:
            made = self._authority.turn(now_s=now_s)
        except MisuseError as error:
            if self._disk_problem is None:  # once: a full disk would fill up with its own complaints
                _log.error("no document can be made: {error}", error=str(error))
            self._disk_problem = str(error)
            return
        self._disk_problem = None
        for document in made:
            _log.info(
                "signed the document of epoch {epoch}: {mixes} mixes, {providers} providers",
                epoch=document.epoch,
                mixes=len(document.mixes()),
                providers=len(document.providers()),
            )
