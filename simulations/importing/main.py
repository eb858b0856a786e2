"""Measures a test network: wires two clients to it and runs the reactor."""

from __future__ import annotations

import contextlib
import datetime
import os
import platform
import random
import secrets
import tempfile
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.python.failure import Failure

from client.demo.scenario import Party
from client.remote import remote_client
from loopixmix.errors import MisuseError, UnavailableError
from loopixmix.sweeps.work import Progress
from loopixmix.testnet.making import run_command
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.processes import ProcessTable
from simulations.importing.conversation import RandomMessages
from simulations.importing.measurement import MeasuredNetwork, Measurement
from simulations.importing.samples import HOW, NetworkSample, TimedMessage, link_s, outcome_of

CLIENTS = 2
# So much of a client's payload turns the measurement takes, unless a rate is given: queues stay short.
BUSY_SHARE = 0.1
STOP_GRACE_S = 10.0


def measure_network(
    directory: Path, *, duration_s: float, rate_per_s: float | None, progress: Progress
) -> tuple[Measurement, list[TimedMessage]]:
    """Measure the running test network in `directory` for `duration_s`; return the measurement and all deliveries.

    Two clients of our own join, write to each other at random moments, `rate_per_s` messages each (by default a tenth
    of their payload turns), and go. Raises `MisuseError` if the network does not run or the rate is too high.
    """
    network = TestNetwork(directory)
    params = network.plan.params
    rate_per_s = params.payload_rate_per_s * BUSY_SHARE if rate_per_s is None else rate_per_s
    if rate_per_s >= params.payload_rate_per_s:
        raise MisuseError(
            f"{rate_per_s:g} messages/s from each client are more than its payload stream carries "
            f"(payload_rate_per_s is {params.payload_rate_per_s:g})"
        )
    silent = [name for name, status in network.statuses().items() if status is None or not status.healthy]
    if silent:
        raise UnavailableError(f"{directory}: {silent[0]} does not run well: loopixmix testnet up {directory}")
    others = len(network.processes.running().keys() - {node.name for node in network.nodes})
    begun = datetime.datetime.now(datetime.UTC)
    samples, deliveries = _with_clients(network, duration_s, rate_per_s, progress)
    outcome, batches = outcome_of(samples, deliveries, all_users=not others)
    measurement = Measurement(
        name=_name(directory),
        begun=begun.strftime("%Y-%m-%d %H:%M:%S"),
        machine=f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}",
        duration_s=samples[-1].at_s - samples[0].at_s,
        network=MeasuredNetwork(
            params=params,
            width=network.plan.width,
            providers=network.plan.providers,
            users=CLIENTS + others,
            measuring_users=CLIENTS,
            messages_per_s=len(deliveries) / CLIENTS / duration_s,
            link_s=link_s(samples, params.layers),
        ),
        outcome=outcome,
        batches=batches,
        how={measure: HOW[measure] for measure in (*outcome.figures, *outcome.distributions)},
    )
    return measurement, deliveries


def _with_clients(
    network: TestNetwork, duration_s: float, rate_per_s: float, progress: Progress
) -> tuple[list[NetworkSample], list[TimedMessage]]:
    with tempfile.TemporaryDirectory(prefix="loopixmix-measure-") as temporary:
        folder = Path(temporary)
        names = [f"m{number}-{secrets.token_hex(4)}" for number in range(1, CLIENTS + 1)]
        for name in names:
            run_command("client", ["init", str(folder / name), "--network", str(network.trust_root)])
        processes = ProcessTable(folder)
        try:
            for name in names:
                processes.start(name, ["client", "run", str(folder / name)])
            return _converse(network, folder, names, duration_s, rate_per_s, progress)
        finally:
            processes.stop(grace_s=STOP_GRACE_S)


def _converse(
    network: TestNetwork, folder: Path, names: list[str], duration_s: float, rate_per_s: float, progress: Progress
) -> tuple[list[NetworkSample], list[TimedMessage]]:
    """Run the conversation on the reactor, which ends with it."""
    rng = random.SystemRandom()
    results: list[tuple[list[NetworkSample], list[TimedMessage]] | Failure] = []

    async def converse() -> tuple[list[NetworkSample], list[TimedMessage]]:
        clients = [remote_client(folder / name, reactor=reactor, rng=rng) for name in names]
        parties = [
            Party(client, reactor, name=name, provider=f"provider-{number % network.plan.providers + 1}")
            for number, (name, client) in enumerate(zip(names, clients, strict=True))
        ]
        one, other = parties
        conversation = RandomMessages(
            one, other, clock=reactor, rng=rng, rate_per_s=rate_per_s, statuses=network.statuses, progress=progress
        )
        try:
            return await conversation.run(duration_s=duration_s, delay_mean_s=network.plan.params.delay_mean_s)
        finally:
            for client in clients:
                client.close()

    # `react` ends the process' reactor by SystemExit, whatever the result.
    with contextlib.suppress(SystemExit):
        react(lambda _: Deferred.fromCoroutine(converse()).addBoth(results.append))
    match results:
        case [Failure() as failure]:
            failure.raiseException()
        case [(samples, deliveries)]:
            return samples, deliveries
    # The reactor has ended and the conversation has not: ctrl-C reached it first.
    raise KeyboardInterrupt


def _name(directory: Path) -> str:
    kept = "".join(
        mark for mark in directory.resolve().name.lower() if mark.isascii() and (mark.isalnum() or mark in "_.-")
    )
    return kept.lstrip("_.-")[:40] or "network"
