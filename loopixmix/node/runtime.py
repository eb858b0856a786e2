"""A node as a program in its directory: its keys, its status, and the node itself. Mixes and providers share it."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Callable, Mapping

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from loopixmix.errors import ConfigError, UnavailableError
from loopixmix.keyring.keyring import MixKeyring
from loopixmix.keyring.keystore import KeyFiles
from loopixmix.net.sockets import check_listening
from loopixmix.node.active_node import ActiveNode
from loopixmix.node.config import KEYS_DIRECTORY, load_node
from loopixmix.node.status import StatusWriter
from loopixmix.node.values import NodeFiles, NodeKind, NodeWorld
from loopixmix.observing.metrics import PublishedMetrics
from loopixmix.observing.metrics_page import MetricsEndpoint
from loopixmix.observing.status import NodeStatus
from loopixmix.process.limits import allow_descriptors
from loopixmix.process.log import LogSettings
from loopixmix.process.program import Program

__all__ = ["NodeFiles", "NodeKind", "NodeRuntime", "NodeWorld"]

OTHER_DESCRIPTORS = 1024
"""Files and sockets besides incoming links: 512 connections that are not links yet, our own links, the store, keys."""

log = Logger()


class NodeRuntime(Program):
    """The node whose files are in a directory, for as long as its process runs."""

    def __init__(self, files: NodeFiles, *, kind: NodeKind, world: NodeWorld) -> None:
        """`files`: read from the directory. `kind`: the role. `world`: given by the process; unused before `start`."""
        self._files = files
        self._kind = kind
        self._world = world
        self._log_settings = files.config.log
        self._drain_s = files.config.limits.drain_s
        self._node: ActiveNode | None = None
        self._writer: StatusWriter | None = None
        self._metrics: MetricsEndpoint | None = None

    @property
    def log_settings(self) -> LogSettings:
        """How the process is to log now."""
        return self._log_settings

    @property
    def signals(self) -> Mapping[signal.Signals, Callable[[], object]]:
        """SIGUSR1 withdraws the node from the next network document."""
        return {signal.SIGUSR1: self.withdraw}

    def start(self) -> None:
        """Take up keys and document and begin; raises `MisuseError`, with nothing left running."""
        # Before the keys and their replay tags are read, which may take seconds.
        # The node itself listens when the first network document is there. That may be long after, and a port in use is
        # to show at once.
        listen = self._files.config.listen_address
        check_listening(listen.host, listen.port, keys=("listen", "listen"))
        self._files = self._within_descriptors()
        node = ActiveNode(self._files, kind=self._kind, keyring=self._open_keyring(), world=self._world)
        self._metrics = self._start_metrics(node)
        self._node = node
        self._writer = StatusWriter(node, self._files, role=self._kind.role, clock=self._world.clock)
        self._announce()
        node.start()

    async def stop(self) -> None:
        """Let packets that wait leave, for `drain_s` at the longest, then end; nothing is left afterwards."""
        if self._node is not None:
            await self._node.stop(drain_s=self._drain_s)
        if self._metrics is not None:
            await self._metrics.stop()

    def hurry(self) -> None:
        """End at once: wait for no packet any more."""
        self._drain_s = 0.0
        if self._node is not None:
            self._node.hurry()

    def reload(self) -> None:
        """Read `node.toml` again and take up what of it takes effect at once; raise `ConfigError` if it is wrong."""
        config, _, _ = load_node(self._files.directory, type(self._files.config))
        self._log_settings = config.log
        self._drain_s = config.limits.drain_s

    def status(self) -> NodeStatus | None:
        """Return how the node is; None before it began."""
        return self._writer.status() if self._writer is not None else None

    def withdraw(self) -> Deferred[None]:
        """Ask to be left out of the next network document, and log how that went."""
        return Deferred.fromCoroutine(self._withdraw())

    async def _withdraw(self) -> None:
        if self._node is None:
            return
        try:
            await self._node.withdraw()
        except UnavailableError as error:
            log.error("{problem}", problem=str(error))
        else:
            log.info("withdrawn: the node is not in the next network document, and can be stopped then")

    def _within_descriptors(self) -> NodeFiles:
        """Return our files with as many incoming links as the system lets us have open."""
        files, config = self._files, self._files.config
        links = fitting_links(config.limits.links, allowed=allow_descriptors(config.limits.links + OTHER_DESCRIPTORS))
        if links < config.limits.links:
            log.warn(
                "limits.links is {wanted}, but the system lets this process have {links} incoming links at most: raise "
                "its limit of open files (LimitNOFILE of systemd, ulimit -Hn) to {needed}",
                wanted=config.limits.links,
                links=links,
                needed=config.limits.links + OTHER_DESCRIPTORS,
            )
        limits = msgspec.structs.replace(config.limits, links=links)
        return dataclasses.replace(files, config=msgspec.structs.replace(config, limits=limits))

    def _open_keyring(self) -> MixKeyring:
        # Until a document tells, the longest grace: no key is erased too early.
        epoch_length_s = self._files.trust_root.epoch_length_s
        return MixKeyring(
            KeyFiles(self._files.directory / KEYS_DIRECTORY),
            rng=self._world.rng,
            epoch_length_s=epoch_length_s,
            grace_s=epoch_length_s / 2,
            max_tags=self._files.config.limits.replay_tags,
        ).open(self._world.clock.seconds())

    def _start_metrics(self, node: ActiveNode) -> MetricsEndpoint | None:
        address = self._files.config.metrics.address
        if address is None:
            return None
        endpoint = MetricsEndpoint(
            address,
            published=PublishedMetrics(rng=self._world.rng),
            look=lambda: (node.counters.snapshot(), node.problem is None),
            sockets=self._world.sockets,
            clock=self._world.clock,
        )
        endpoint.start()
        return endpoint

    def _announce(self) -> None:
        log.info(
            "{role} {name} of {network} begins; it is to listen on {listen}, its id is {id}",
            role=str(self._kind.role),
            name=self._files.config.name,
            network=self._files.trust_root.name,
            listen=self._files.config.listen,
            id=self._files.identity_key.public.hex(),
        )


def fitting_links(links: int, *, allowed: int) -> int:
    """Return how many of `links` incoming links a process may have that may open `allowed` files and sockets.

    Raises `ConfigError` if there is no room for a link.
    """
    fitting = min(links, allowed - OTHER_DESCRIPTORS)
    if fitting < 1:
        raise ConfigError(
            f"the system lets this process open {allowed} files: a node needs {OTHER_DESCRIPTORS + 1} or more"
        )
    return fitting
