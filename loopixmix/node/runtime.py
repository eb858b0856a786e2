"""A node in its directory: lock, keys, status file, and the node itself. Mixes and providers share it."""

from __future__ import annotations

import socket

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from loopixmix.errors import ListenError, MisuseError, UnavailableError
from loopixmix.keyring.keyring import MixKeyring
from loopixmix.keyring.keystore import KeyDirectory
from loopixmix.net.address import PeerAddress
from loopixmix.node.active import ActiveNode, NodeFiles, NodeKind, NodeWorld
from loopixmix.node.config import KEYS_DIRECTORY, LOCK_FILE, NodeConfig
from loopixmix.node.status import StatusWriter
from loopixmix.observing.endpoint import MetricsEndpoint
from loopixmix.observing.reporting import StatusReporter
from loopixmix.observing.status import StatusFile
from loopixmix.process.files import DirectoryLock

__all__ = ["NodeFiles", "NodeKind", "NodeRuntime", "NodeWorld"]

log = Logger()


class NodeRuntime(Service):
    """The node whose files are in a directory, for as long as its process runs."""

    def __init__(self, files: NodeFiles, *, kind: NodeKind, world: NodeWorld) -> None:
        """Take what was read from the directory, the role and the world; `startService` touches them first."""
        self._files = files
        self._kind = kind
        self._world = world
        self._drain_s = files.config.limits.drain_s
        self._lock = DirectoryLock(files.directory / LOCK_FILE)
        self._node: ActiveNode | None = None
        self._reporter: StatusReporter | None = None
        self._metrics: MetricsEndpoint | None = None

    def startService(self) -> None:  # noqa: N802 (Twisted's name)
        """Lock the directory, take up keys and document and begin; raises `MisuseError`, with nothing left running."""
        self._lock.acquire()
        try:
            check_port_free(self._files.config.listen_address)
            node = ActiveNode(self._files, kind=self._kind, keyring=self._open_keyring(), world=self._world)
            self._metrics = self._start_metrics(node)
        except MisuseError:
            self._lock.release()
            raise
        super().startService()  # type: ignore[no-untyped-call]
        self._node = node
        writer = StatusWriter(node, self._files, role=self._kind.role, clock=self._world.clock)
        status_file = StatusFile(self._files.directory)
        self._reporter = StatusReporter(
            status_file, status=writer.status, clock=self._world.clock, in_thread=self._world.call_in_thread
        )
        self._announce()
        node.start()
        self._reporter.startService()

    def stopService(self) -> Deferred[None]:  # noqa: N802
        """Let packets that wait leave, for `drain_s` at the longest, then end; nothing is left when it fires."""
        super().stopService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self._stop())

    def reload(self, config: NodeConfig) -> None:
        """Take up what of a changed configuration takes effect at once."""
        self._drain_s = config.limits.drain_s

    def hurry(self) -> None:
        """End at once: wait for no packet any more."""
        self._drain_s = 0.0
        if self._node is not None:
            self._node.hurry()

    def withdraw(self) -> Deferred[None]:
        """Ask to be left out of the next network document, and log how that went."""
        return Deferred.fromCoroutine(self._withdraw())

    async def _stop(self) -> None:
        if self._node is not None:
            await self._node.stop(drain_s=self._drain_s)
        if self._metrics is not None:
            await self._metrics.stopService()
        if self._reporter is not None:
            self._reporter.stopService()
        self._lock.release()

    async def _withdraw(self) -> None:
        if self._node is None:
            return
        try:
            await self._node.withdraw()
        except UnavailableError as error:
            log.error("{problem}", problem=str(error))
        else:
            log.info("withdrawn: the node is not in the next network document, and can be stopped then")

    def _open_keyring(self) -> MixKeyring:
        # Until a document tells, the longest grace: no key is erased too early.
        epoch_length_s = self._files.trust_root.epoch_length_s
        return MixKeyring(
            KeyDirectory(self._files.directory / KEYS_DIRECTORY),
            rng=self._world.rng,
            epoch_length_s=epoch_length_s,
            grace_s=epoch_length_s / 2,
            max_tags=self._files.config.limits.replay_tags,
            now_s=self._world.clock.seconds(),
        )

    def _start_metrics(self, node: ActiveNode) -> MetricsEndpoint | None:
        address = self._files.config.metrics.address
        if address is None:
            return None
        endpoint = MetricsEndpoint(
            address,
            snapshot=node.counters.snapshot,
            healthy=lambda: node.problem is None,
            sockets=self._world.sockets,
            clock=self._world.clock,
            rng=self._world.rng,
        )
        endpoint.startService()
        return endpoint

    def _announce(self) -> None:
        log.info(
            "{role} {name} of {network} begins; it is to listen on {listen}, its id is {id}",
            role=str(self._kind.role),
            name=self._files.config.name,
            network=self._files.trust_root.name,
            listen=self._files.config.listen,
            id=self._files.identity.public.hex(),
        )


def check_port_free(address: PeerAddress) -> None:
    """Raise `ListenError` where an address cannot be listened on.

    The node itself listens when the first network document is there, which may be long after: a port in use is to
    show at once.
    """
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
    except OSError as error:
        raise ListenError(f"cannot listen on {address}: {error.strerror}") from error
