"""Two clients write to each other for a stated time, while everybody's status is read every second."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

from twisted.internet.defer import Deferred, gatherResults

from client.demo.scenario import Party, both, pause
from loopixmix.observing.status import NodeStatus
from loopixmix.seams import Clock, Rng
from loopixmix.sweeps.work import Progress
from simulations.importing.samples import NetworkSample, TimedMessage

SAMPLE_S = 1.0
# Joining and meeting leave packets on their way, which must not count as traffic of the measurement.
SETTLING_S = 5.0
# A late message is waited for during so many mean delays of a hop, besides `SETTLING_S`.
PATIENCE_MEANS = 40.0

ReadStatuses: TypeAlias = Callable[[], Mapping[str, NodeStatus | None]]


class RandomMessages:
    """Messages both ways, handed over at random moments (Poisson), `rate_per_s` from each of the two."""

    def __init__(
        self,
        one: Party,
        other: Party,
        *,
        clock: Clock,
        rng: Rng,
        rate_per_s: float,
        statuses: ReadStatuses,
        progress: Progress,
    ) -> None:
        """`rate_per_s`: messages of each of the two; `statuses`: reads what all nodes say of themselves now."""
        self._parties = (one, other)
        self._clock = clock
        self._rng = rng
        self._rate_per_s = rate_per_s
        self._statuses = statuses
        self._progress = progress
        self._sent: list[tuple[Party, Party, str]] = []

    async def run(self, *, duration_s: float, delay_mean_s: float) -> tuple[list[NetworkSample], list[TimedMessage]]:
        """Do it and return all samples and deliveries. Raises `LoopixmixError` if a client cannot."""
        one, other = self._parties
        await both(one.join(), other.join())
        await both(one.meet(other), other.meet(one))
        await pause(self._clock, SETTLING_S + 10 * delay_mean_s)
        until_s = self._clock.seconds() + duration_s
        samples: list[NetworkSample] = []
        writing = [self._write(one, other, until_s), self._write(other, one, until_s)]
        tasks = [*writing, self._watch(samples, until_s, duration_s)]
        await gatherResults([Deferred.fromCoroutine(task) for task in tasks], consumeErrors=True)
        await self._wait_for_late(SETTLING_S + PATIENCE_MEANS * delay_mean_s)
        return samples, [await self._delivery(*sent) for sent in self._sent]

    async def _write(self, writer: Party, reader: Party, until_s: float) -> None:
        while True:
            # 1 - random() is never 0, and so has a logarithm.
            await pause(self._clock, -math.log(1 - self._rng.random()) / self._rate_per_s)
            if self._clock.seconds() > until_s:
                return
            body = f"measured {len(self._sent)} {self._rng.getrandbits(64):016x}".encode()
            self._sent.append((writer, reader, await writer.write(reader.address, body)))

    async def _watch(self, samples: list[NetworkSample], until_s: float, duration_s: float) -> None:
        while True:
            clients = [await party.client.status() for party in self._parties]
            nodes = {name: status for name, status in self._statuses().items() if status is not None}
            samples.append(NetworkSample(at_s=self._clock.seconds(), nodes=nodes, clients=clients))
            left_s = until_s - self._clock.seconds()
            self._progress(min(1.0, 1 - left_s / duration_s))
            if left_s <= 0:
                return
            await pause(self._clock, min(SAMPLE_S, max(left_s, 0.01)))

    async def _wait_for_late(self, patience_s: float) -> None:
        deadline_s = self._clock.seconds() + patience_s
        while self._clock.seconds() < deadline_s:
            if all(reader.find(message_id) is not None for _, reader, message_id in self._sent):
                return
            await pause(self._clock, 0.25)

    async def _delivery(self, writer: Party, reader: Party, message_id: str) -> TimedMessage:
        outgoing, arrived = await writer.client.message(message_id), reader.find(message_id)
        return TimedMessage(outgoing.history[0].at_s, None if arrived is None else arrived.received_at_s)
