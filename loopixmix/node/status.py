"""The figures and the health of a node, for its status file."""

from __future__ import annotations

import os
from collections.abc import Mapping

from loopixmix.directory import Role
from loopixmix.epoch import epoch_at
from loopixmix.node.active_node import ActiveNode, left_out_line
from loopixmix.node.values import NodeFiles
from loopixmix.observing.overload import OverloadWatch
from loopixmix.observing.status import NodeStatus
from loopixmix.seams import Clock

LEAST_HELD = 2.0
"""Packets that should wait in a node on average for there to be something to hide among (Loopix 4.3)."""
AVERAGED_REPORTS = 60


class StatusWriter:
    """Puts together the status of one node; called once a second."""

    def __init__(self, node: ActiveNode, files: NodeFiles, *, role: Role, clock: Clock) -> None:
        """`node`: asked each time. `files`, `role`: they do not change."""
        self._node = node
        self._files = files
        self._role = role
        self._clock = clock
        self._started_at_s = clock.seconds()
        self._reports = 0
        self._held_mean = 0.0
        self._overload = OverloadWatch()

    def status(self) -> NodeStatus:
        """Return how the node is now."""
        now_s = self._clock.seconds()
        counts = self._node.counters.snapshot()
        problem = self._node.problem
        return NodeStatus(
            name=self._files.config.name,
            id=self._files.identity_key.public.hex(),
            role=str(self._role),
            layer=self._layer(),
            pid=os.getpid(),
            started_at_s=self._started_at_s,
            written_at_s=now_s,
            epoch=epoch_at(now_s, self._files.trust_root.epoch_length_s),
            healthy=problem is None,
            problem=problem,
            engine=self._node.capacity.engine if self._node.capacity else "",
            packets_in=counts.packets_in,
            packets_out=counts.packets_out,
            delivered=counts.delivered,
            dropped=counts.dropped,
            loops=counts.loops,
            entropy_bits=counts.entropy_bits,
            late_p99_s=counts.late_p99_s,
            links=counts.links,
            queue=self._queue(),
            extra=self._extra(counts.dropped),
        )

    def _layer(self) -> int | None:
        document = self._node.follower.document
        entry = document.node(self._files.identity_key.public) if document is not None else None
        return entry.layer if entry is not None else None

    def _queue(self) -> int:
        running = self._node.running
        return running.service.hop.queue if running is not None and running.service is not None else 0

    def _extra(self, dropped: Mapping[str, int]) -> dict[str, str | int | float]:
        extra: dict[str, str | int | float] = {}
        overload = self._overload.report(dropped)
        if overload is not None:
            extra["overloaded"] = overload
        if self._node.capacity is not None:
            running = self._node.running
            rate_per_s = self._node.capacity.unwraps_per_s if running is None else running.unwraps_per_s
            extra["unwraps_per_s"] = round(rate_per_s)
            extra["threads"] = self._node.capacity.threads
        # A running mean over the last minute: packets come by Poisson's law, and each single second is chance.
        self._reports += 1
        self._held_mean += (self._node.counters.entropy.held - self._held_mean) / min(self._reports, AVERAGED_REPORTS)
        extra["held_mean"] = round(self._held_mean, 1)
        if self._reports >= AVERAGED_REPORTS and self._held_mean < LEAST_HELD:
            extra["warning"] = f"low traffic: {self._held_mean:.1f} packets wait here on average, too few to hide among"
        if self._node.domains_left_out:
            extra["mail_domains"] = left_out_line(self._node.domains_left_out)
        running = self._node.running
        if running is not None and running.service is not None:
            extra.update(running.service.status())
        return extra
