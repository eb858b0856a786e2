"""Dropping on the real nodes: corrupt mixes lose packets to see which users send again, and loops tell of it.

Corrupt mixes (`simulations.flows.corruption`) lose each packet that they should pass on with probability
`drop_share`, d. With c_l the share of corrupt mixes in layer l a packet that crosses layers l gets through with
`prod (1 - c_l d)`: a user's loop crosses each layer twice, a provider's too, a mix's each layer but its own once. The
links lose their share on top of that. So everybody's loops are a sample of what is lost.

What it gains: if users that must send again sent more, an observer of their links would know which of them write. Half
of the users write all the time, the others do not. Of a pair the adversary takes the one that sent more frames for the
writer. In a stream that never follows what is written he is right half of the time, which is the bound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loopixmix.errors import MisuseError
from loopixmix.observing.anonymity import LOOP_WINDOW, LoopWatch
from loopixmix.seams import Fact, Identity, LoopReturned, LoopSent
from loopixmix.sweeps.work import Progress
from loopixmix.wire import is_packet
from simulations.attacks.estimates import MeanEstimate, ShareEstimate
from simulations.attacks.sessions import FloatArray
from simulations.attacks.watches import Phases, alarmed_share, forget, watch
from simulations.flows.corruption import BoolArray, corrupt_count, corrupt_mixes
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds
from simulations.world.nodes import Mix, Provider
from simulations.world.users import User
from simulations.world.world import World

WRITING_EVERY_S = 2.0
"""Seconds between two messages of a user that writes."""
_TAIL_DELAYS = 3


def passing_share(
    corrupt_shares: FloatArray, drop_share: float, *, crossings: int, without: int | None = None
) -> float:
    """Return the share of packets that get through: prod (1 - c_l d), to the power of `crossings`.

    `corrupt_shares`: c_l of each layer, 0 to 1; `drop_share`: d, 0 to 1; `without`: a layer (from 0) not crossed.
    """
    if not 0 <= drop_share <= 1 or np.any((corrupt_shares < 0) | (corrupt_shares > 1)) or crossings < 0:
        raise MisuseError(f"no such dropping: {drop_share} at {corrupt_shares}, crossed {crossings} times")
    passing = 1 - corrupt_shares * drop_share
    return float(np.prod(np.delete(passing, without) if without is not None else passing)) ** crossings


def more_frames_share(writers: Sequence[int], others: Sequence[int]) -> MeanEstimate:
    """Return how often, of a writer and another, the writer sent more; among equals by chance (Mann and Whitney 1947).

    `writers`, `others`: frames of each user, one or more of either. The interval is that of no difference at all.
    """
    if not writers or not others:
        raise MisuseError("attacks.dropping needs users.count of 2 or more: some who write and some who do not")
    one, other = np.asarray(writers)[:, np.newaxis], np.asarray(others)[np.newaxis, :]
    # Every writer against every other user, which uses the counts better than pairs do.
    share = float(np.mean((one > other) + 0.5 * (one == other)))
    # The normal approximation of the rank sum. Its variance without a difference is known, and the pairs are not
    # independent trials.
    half = 1.96 * math.sqrt((len(writers) + len(others) + 1) / (12 * len(writers) * len(others)))
    return MeanEstimate(share, len(writers) * len(others), max(0.0, share - half), min(1.0, share + half))


@dataclass
class LoopTally:
    """Counts the loops of one node or user that left within a span of time, and those of them that came back."""

    begin_s: float
    end_s: float
    sent: int = 0
    returned: int = 0

    def observe(self, fact: Fact) -> None:
        """Take note of a fact."""
        match fact:
            case LoopSent(at_s=at_s) if self.begin_s <= at_s < self.end_s:
                self.sent += 1
            case LoopReturned(at_s=at_s, round_trip_s=round_trip_s):
                self.returned += self.begin_s <= at_s - round_trip_s < self.end_s
            case _:
                pass


class Thieves:
    """The corrupt mixes, which lose packets from `begin` on. `lost`: how many."""

    def __init__(self, world: World, corrupt: BoolArray, drop_share: float, rng_seed: Seeds) -> None:
        """`corrupt`: which of the mixes (layers x mixes); `drop_share`: how much of what they pass on they lose."""
        self.lost = 0
        self._world, self._drop_share = world, drop_share
        self._rng = next(rng_seed.randoms("attacks"))
        self._thieves = {mix.identity for mix, bad in zip(world.mixes, corrupt.ravel(), strict=True) if bad}

    @property
    def honest(self) -> list[Mix | Provider]:
        """The nodes that the adversary does not run."""
        return [node for node in self._world.nodes if node.identity not in self._thieves]

    def begin(self) -> None:
        """Lose packets from now on."""
        self._world.hub.intercept = self._lets_through

    def end(self) -> None:
        """Lose none any more."""
        self._world.hub.intercept = None

    def _lets_through(self, sender: Identity, _receiver: Identity, frame: bytes) -> bool:
        stolen = sender in self._thieves and is_packet(frame) and self._rng.random() < self._drop_share
        self.lost += stolen
        return not stolen


def attack_dropping(scenario: Scenario, seeds: Seeds, progress: Progress) -> dict[str, float]:
    """Return `attack.dropping.success` and `.bound`, what is lost, and how many nodes and users notice.

    `.loops_lost` of users' loops, `.node_loops_lost` of honest nodes', and both with `_expected`, by theory;
    `.detected_nodes`, `.detected_users`: the share in alarm (the shipped detector) within `run.duration_s` of dropping,
    which follows `run.warm_up_s` without. Raises `MisuseError` if no mix is corrupt.
    """
    attack = scenario.attacks.dropping
    if attack is None:
        return {}
    if corrupt_count(scenario) == 0:
        raise MisuseError("attacks.dropping needs corrupt mixes, but corruption.share leaves none")
    world = World(scenario, seeds)
    corrupt = corrupt_mixes(scenario, seeds)
    thieves = Thieves(world, corrupt, attack.drop_share, seeds)
    honest, users = thieves.honest, world.users
    watchers = watch(honest, LoopWatch, LOOP_WINDOW), watch(users, LoopWatch, LOOP_WINDOW)
    run = scenario.run
    # A loop that left last must have time to come back, or it would count as stolen.
    tail_s = run.drain_s + _TAIL_DELAYS * 2 * (scenario.topology.layers + 1) * scenario.mix.delay_mean_s
    begin_s = world.start_s + run.warm_up_s
    of_nodes, of_users = tally(honest, begin_s, run.duration_s), tally(users, begin_s, run.duration_s)
    world.start()
    phases = Phases(world, run.warm_up_s + run.duration_s + tail_s, progress)
    phases.run(run.warm_up_s)
    for each in watchers:
        forget(each)
    frames = [user.network.sent_frames for user in users]
    thieves.begin()
    _write_all_the_time(world, run.duration_s)
    phases.run(run.duration_s)
    sent = [user.network.sent_frames - before for user, before in zip(users, frames, strict=True)]
    detected = {"detected_nodes": alarmed_share(watchers[0]), "detected_users": alarmed_share(watchers[1])}
    phases.run(tail_s)
    thieves.end()
    world.stop()
    expected = _expected(scenario, corrupt, attack.drop_share, honest)
    return (
        more_frames_share(sent[::2], sent[1::2]).figures("attack.dropping.success")
        | {"attack.dropping.bound": 0.5}
        | lost_of(of_users).figures("attack.dropping.loops_lost")
        | lost_of(of_nodes).figures("attack.dropping.node_loops_lost")
        | {"attack.dropping.loops_lost_expected": expected[0], "attack.dropping.node_loops_lost_expected": expected[1]}
        | {f"attack.dropping.{name}": value for name, value in detected.items()}
    )


def tally(members: Sequence[Mix | Provider | User], begin_s: float, span_s: float) -> list[LoopTally]:
    """Count the loops of each of these nodes or users that leave in `span_s` seconds from `begin_s` (Unix) on."""
    tallies = [LoopTally(begin_s, begin_s + span_s) for _ in members]
    for member, each in zip(members, tallies, strict=True):
        member.ears.add(each)
    return tallies


def lost_of(tallies: Sequence[LoopTally]) -> ShareEstimate:
    """Return the share of loops that did not come back; raise `MisuseError` if none was sent."""
    sent = sum(each.sent for each in tallies)
    if sent == 0:
        raise MisuseError("attacks.dropping counts loops: traffic.loop_rate_per_s or run.duration_s is too small")
    return ShareEstimate.of_trials(sent - sum(each.returned for each in tallies), sent)


def _write_all_the_time(world: World, span_s: float) -> None:
    """Let every second user write, from the first on, every `WRITING_EVERY_S` seconds."""
    for behaviour in world.behaviours[::2]:
        for turn in range(math.ceil(span_s / WRITING_EVERY_S)):
            world.clock.callLater(turn * WRITING_EVERY_S, behaviour.write)


def _expected(
    scenario: Scenario, corrupt: BoolArray, drop_share: float, honest: Sequence[Mix | Provider]
) -> tuple[float, float]:
    """Return the shares of users' loops and of honest nodes' loops that are lost, by theory."""
    shares = corrupt.mean(axis=1)
    layers, kept = scenario.topology.layers, 1 - scenario.links.loss
    twice = passing_share(shares, drop_share, crossings=2)
    nodes = [
        twice * kept ** (2 * layers + 2)
        if node.layer is None
        else passing_share(shares, drop_share, crossings=1, without=node.layer - 1) * kept ** (layers + 1)
        for node in honest
    ]
    # A user's loop has the link to the provider, all layers and the loop's end, and back as far as the mailbox.
    return 1 - twice * kept ** (2 * layers + 3), 1 - float(np.mean(nodes))
