"""n-1 on the real nodes: the adversary lets one packet into a mix and keeps others out; loops get lost, and tell.

The victim is the first mix of the first layer, and the adversary rules every wire into it. He blocks each packet with
probability `blocked_share`, cannot tell loops from others (Loopix 4.2.1), and fills up with packets of his own, which
he knows when they leave. At times he lets one packet in for certain, the target, and takes the first packet that leaves
after it has come in, and is not his own, for it.

What success is, and what bounds it: `simulations.attacks.siege_theory`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from loopixmix.cover.poisson import PoissonStream
from loopixmix.cover.timer import PoissonTimer
from loopixmix.errors import MisuseError
from loopixmix.observing.anonymity import LOOP_WINDOW, LoopWatch
from loopixmix.routing.path import choose_mixes, draw_delays_s, hops_for
from loopixmix.seams import DelayedCall, Fact, Identity, LoopSent, PacketDelivered, PacketIn, PacketOut
from loopixmix.sphinx import Discard, Unwrapped, unwrap_many, wrap
from loopixmix.sweeps.work import Progress
from loopixmix.wire import is_packet
from simulations.attacks.detectors import BinomialDetector
from simulations.attacks.estimates import ShareEstimate
from simulations.attacks.siege_theory import detection_mean_s, next_departure_share, success_bound
from simulations.attacks.watches import Phases, false_alarms, forget, noticed, watch
from simulations.flows.rates import flows_of
from simulations.formulas.loops import alarm_probability, attack_loss_share, fewest_lost_for_alarm
from simulations.scenario.values import NMinusOne, Scenario
from simulations.seeds import Seeds
from simulations.world.nodes import Mix
from simulations.world.world import World

FLUSH_DELAYS = 8
"""Mean delays between two targets: what was in the mix before has left."""
# A target that has not come in after this is lost: as long as a node waits for its own loops.
_LATE_S = 10.0


@dataclass
class Guesses:
    """The worth of the adversary's guesses, his own packets, and those of others that left beside the targets."""

    right: int = 0
    wrong: int = 0
    dummies: int = 0
    others: int = 0

    def estimate(self) -> ShareEstimate:
        """Return the share of right guesses; raise `MisuseError` if there was none."""
        if self.right + self.wrong == 0:
            raise MisuseError(
                "attacks.n_minus_one had no target: run.duration_s is too short for mix.delay_mean_s,"
                " or no user sends through the victim"
            )
        return ShareEstimate.of_trials(self.right, self.right + self.wrong)


class Siege:
    """The adversary at the wires into one mix, from `begin` on. `guesses`: see there."""

    def __init__(
        self, world: World, victim: Mix, *, blocked_share: float, fill_per_s: float, rng: random.Random
    ) -> None:
        """`victim`: a mix of the first layer; `blocked_share`: of what goes in; `fill_per_s`: packets of his own."""
        self.guesses = Guesses()
        self._world, self._victim, self._rng = world, victim, rng
        self._blocked_share = blocked_share
        self._format = world.packet_format
        self._fill: PoissonTimer | None = None
        if fill_per_s > 0:
            self._fill = PoissonTimer(PoissonStream(fill_per_s, rng), clock=world.clock, on_due=self._send_own)
        self._keyring = world.plan.nodes[victim.place].keyring
        # The wires are his: his own packets come as if from a provider.
        self._wire = world.hub.network(world.providers[0].identity, observer=victim.ears)
        self._sends_own = False
        self._own_tags: set[bytes] = set()
        self._target: bytes | None = None
        self._is_inside = False
        self._is_over = False
        self._wants_target = False
        self._next: DelayedCall | None = None

    def begin(self) -> None:
        """Lay the siege."""
        self._world.hub.intercept = self._lets_through
        self._victim.ears.add(self)
        if self._fill is not None:
            self._fill.start()
        self._wait(FLUSH_DELAYS * self._world.params.delay_mean_s)

    def end(self) -> None:
        """Let everything through again; no call is left."""
        self._world.hub.intercept = None
        self._is_inside = False
        self._is_over = True
        if self._fill is not None:
            self._fill.stop()
        if self._next is not None and self._next.active():
            self._next.cancel()

    def observe(self, fact: Fact) -> None:
        """See what comes in and leaves, as the adversary does (and, to count, what it was)."""
        if self._is_over:
            return
        match fact:
            case PacketIn(replay_tag=tag) if tag == self._target:
                self._is_inside = True
            case PacketDelivered(replay_tag=tag) if tag == self._target:
                # A loop of the mix itself: it is no message, and never leaves.
                self._try_again(0.0)
            case PacketOut(replay_tag=tag):
                # He made these, so he knows them when they leave, and guesses nothing from them.
                if tag in self._own_tags:
                    self._own_tags.discard(tag)
                    return
                is_target = tag == self._target
                self.guesses.others += not is_target
                if self._is_inside:
                    self._guess(right=is_target)
            case LoopSent() if self._is_inside:
                self._guess(right=False)
            case _:
                pass

    def _guess(self, *, right: bool) -> None:
        self.guesses.right += right
        self.guesses.wrong += not right
        self._try_again(FLUSH_DELAYS * self._world.params.delay_mean_s)

    def _try_again(self, after_s: float) -> None:
        self._target, self._is_inside = None, False
        self._wait(after_s)

    def _wait(self, after_s: float) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = self._world.clock.callLater(after_s, self._want_target)

    def _want_target(self) -> None:
        self._target, self._is_inside, self._wants_target = None, False, True

    def _lets_through(self, _sender: Identity, receiver: Identity, frame: bytes) -> bool:
        if receiver != self._victim.identity or self._sends_own or not is_packet(frame):
            return True
        if self._wants_target:
            self._wants_target = False
            self._target = self._tag_of(frame)
            # It may be lost on its way, or refused.
            self._wait(_LATE_S + FLUSH_DELAYS * self._world.params.delay_mean_s)
            return True
        return self._rng.random() >= self._blocked_share

    def _tag_of(self, frame: bytes) -> bytes | None:
        keys = [private for _, private in self._keyring.unwrap_keys(self._world.clock.seconds())]
        packet = self._format.frames.packet_of(frame)
        result = unwrap_many(keys, [packet], sphinx=self._format.sphinx)[0]
        return result.replay_tag if isinstance(result, Unwrapped) else None

    def _send_own(self) -> None:
        """Send a packet of the adversary's own through the victim to the end of a path, where it is discarded."""
        world = self._world
        document = world.document
        provider = self._rng.choice([each for each in document.nodes if each.layer is None])
        me = document.node(self._victim.identity)
        if me is None:
            return
        path = [me, *choose_mixes(document, range(2, document.params.layers + 1), self._rng), provider]
        delays_s = draw_delays_s(len(path) - 1, document.params, self._rng)
        hops = hops_for(document, path, Discard(), delays_s, start_s=world.clock.seconds())
        frame = self._format.frames.packet_frame(wrap(hops, b"", sphinx=self._format.sphinx, rng=self._rng))
        tag = self._tag_of(frame)
        if tag is not None:
            self._own_tags.add(tag)
            self.guesses.dummies += 1
            # The wires call back at once, within `send`: the flag lets the adversary's own packet pass them.
            self._sends_own = True
            self._wire.send(self._victim.identity, frame)
            self._sends_own = False


def attack_n_minus_one(scenario: Scenario, seeds: Seeds, progress: Progress) -> dict[str, float]:
    """Return `attack.n_minus_one.success`, `.bound` and `.expected`, and how soon the attack is noticed.

    A world runs for `run.warm_up_s`, without attack for `run.duration_s`, and besieged for as long. Of the first comes
    `.false_alarms`: the share of full windows of all nodes in alarm; of the second `.detected`: whether the victim
    raised it, `.detected_expected`: the probability that a window of such loss does, `.detection_s`: after how long
    (left out if it did not; `.detection_expected_s` on average), and `.detected_nodes`: the share of all nodes.
    `.deployed.detected` and so on: the same of the shipped `LoopWatch`. Raises `MisuseError` if there was no target.
    """
    attack = scenario.attacks.n_minus_one
    if attack is None:
        return {}
    rng = next(seeds.randoms("attacks"))
    world = World(scenario, seeds)
    watched = {
        "": watch(world.nodes, lambda: binomial_detector(attack), attack.window_loops),
        ".deployed": watch(world.nodes, LoopWatch, LOOP_WINDOW),
    }
    world.start()
    stage = flows_of(scenario).mixes[0]
    others_per_s, loops_per_s = stage.packets_per_s / stage.width, scenario.traffic.node_loop_rate_per_s
    siege = Siege(
        world,
        world.mixes[0],
        blocked_share=attack.blocked_share,
        fill_per_s=others_per_s * attack.blocked_share,
        rng=rng,
    )
    run = scenario.run
    phases = Phases(world, run.warm_up_s + 2 * run.duration_s, progress)
    phases.run(run.warm_up_s)
    for watchers in watched.values():
        forget(watchers)
    phases.run(run.duration_s)
    figures = {f"attack.n_minus_one{kind}.false_alarms": false_alarms(each) for kind, each in watched.items()}
    for watchers in watched.values():
        forget(watchers)
    began_s = world.clock.seconds()
    siege.begin()
    phases.run(run.duration_s)
    siege.end()
    world.stop()
    victim = len(world.providers)
    for kind, watchers in watched.items():
        figures |= noticed(f"attack.n_minus_one{kind}", watchers, victim, began_s)
    delay_s = world.params.delay_mean_s
    passing_per_s = siege.guesses.others / run.duration_s
    loss = attack_loss_share(scenario.links.loss, attack.blocked_share)
    fewest = fewest_lost_for_alarm(attack.window_loops, attack.lost_share, attack.false_alarm_rate)
    mean_s = detection_mean_s(fewest, loops_per_s, attack.blocked_share, scenario.links.loss)
    # If a window loses fewer on average, the alarm comes by chance and has no such mean.
    if mean_s is not None and loss * attack.window_loops > fewest:
        figures["attack.n_minus_one.detection_expected_s"] = mean_s
    return (
        figures
        | siege.guesses.estimate().figures("attack.n_minus_one.success")
        | {
            "attack.n_minus_one.bound": success_bound(passing_per_s, loops_per_s, delay_s),
            "attack.n_minus_one.expected": next_departure_share(passing_per_s, loops_per_s, delay_s),
            "attack.n_minus_one.detected_expected": alarm_probability(attack.window_loops, fewest, loss),
            "attack.n_minus_one.false_alarm_rate": alarm_probability(attack.window_loops, fewest, attack.lost_share),
        }
    )


def binomial_detector(attack: NMinusOne) -> BinomialDetector:
    """Return the detector that a scenario describes."""
    return BinomialDetector(
        window_loops=attack.window_loops, lost_share=attack.lost_share, false_alarm_rate=attack.false_alarm_rate
    )
