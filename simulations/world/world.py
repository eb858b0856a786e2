"""A world: the deployed mixes, providers and clients of a scenario on one virtual clock, in one process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice

from client.directory.keys import ClientKeys
from loopixmix.directory import Document
from loopixmix.directory.schedule import publication_s
from loopixmix.routing.packets import PacketFormat
from loopixmix.seams import DelayedCall, Identity, Rng
from loopixmix.sphinx import Arithmetic, load_arithmetic
from provider.store import MailStore
from simulations.flows.deployed import epoch_length_for
from simulations.latency import make_latency
from simulations.latency.places import Places
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds
from simulations.world.arithmetic import PlainArithmetic
from simulations.world.behaviour import Behaviour, Letters
from simulations.world.clock import EventClock
from simulations.world.errands import SERVICE, Errand, Errands
from simulations.world.journeys import Numbers, PlainNumbers, TracingArithmetic
from simulations.world.links import Wires
from simulations.world.network import START_S, NetworkPlan, NodePlan
from simulations.world.nodes import Mix, NodeSeams, Provider, make_mix, make_provider, new_mail_store
from simulations.world.parts import ListeningArithmetic, Parts
from simulations.world.stores import MemoryStores
from simulations.world.users import (
    User,
    UserPlan,
    body_bytes_of,
    make_user,
    register_user,
    write_accounts,
    write_client,
)

_STOP_S = 60.0
"""Disks answer within a fraction of a second: what has not ended by then never will."""


class World:
    """Everything of one replicate. `mixes` are in the order of the layers; each node and user has `identity`, `service`
    (the shipped one), `counters` and `ears`, to which observers of its facts may be added.

    `hub` carries all frames: see `simulations.world.links.Wires` for `taps` and `intercept`.
    """

    def __init__(
        self, scenario: Scenario, seeds: Seeds, *, start_s: float = START_S, epoch_length_s: int | None = None
    ) -> None:
        """Build the world; nothing runs before `start`.

        `start_s`: the time at which it begins, Unix seconds. `epoch_length_s`: how long mix keys live; by default an
        hour, or longer if the delays need it. Raises `MisuseError` for what the deployed code cannot do.
        """
        self.scenario = scenario
        self.seeds = seeds
        self.start_s = start_s
        self.clock = EventClock(start_s)
        self.places = Places(scenario.topology)
        length_s = epoch_length_s or epoch_length_for(scenario.mix.delay_mean_s)
        self.plan = NetworkPlan(scenario, rng=seeds.random("topology"), start_s=start_s, epoch_length_s=length_s)
        self.params = self.plan.params
        self.document = self.plan.document(self.plan.epoch(start_s), start_s)
        self.numbers: Numbers
        arithmetic: Arithmetic
        if scenario.packets.cryptography:
            self.numbers = arithmetic = TracingArithmetic(load_arithmetic())
        else:
            self.numbers, arithmetic = PlainNumbers(), PlainArithmetic()
        self.parts = Parts()
        if scenario.requests is not None:
            arithmetic = ListeningArithmetic(arithmetic, self.parts)
        self.packet_format = PacketFormat.for_network(self.params, arithmetic=arithmetic)
        self._place_of: dict[Identity, int] = {node.identity: node.place for node in self.plan.nodes}
        self.hub = Wires(
            clock=self.clock,
            rng=seeds.random("links"),
            latency=make_latency(scenario, seeds),
            loss=scenario.links.loss,
            places=self._place_of,
        )
        self.errands = None if scenario.requests is None else Errands(scenario.requests, self.clock)
        self._seams = NodeSeams(
            clock=self.clock,
            wires=self.hub,
            params=self.params,
            packet_format=self.packet_format,
            processors=scenario.processors,
            errands=self.errands,
        )
        self._mail_stores: list[MailStore] = []
        mixing = seeds.randoms("mixing")
        self.providers: tuple[Provider, ...] = tuple(
            self._make_provider(node, next(mixing)) for node in self.plan.nodes if node.layer is None
        )
        self.mixes: tuple[Mix, ...] = tuple(
            make_mix(node, self._seams, next(mixing)) for node in self.plan.nodes if node.layer is not None
        )
        self.letters = Letters(self.clock, body_bytes_of(self.params.payload_bytes, scenario.users.packets_per_message))
        self._client_stores = MemoryStores()
        self.users, self.behaviours = self._make_users()
        self._asking = self._make_asking()
        self._epoch_calls: list[DelayedCall] = []
        self.running = False

    @property
    def nodes(self) -> tuple[Mix | Provider, ...]:
        """All nodes, by their places."""
        return (*self.providers, *self.mixes)

    def start(self) -> None:
        """Let everybody begin, from an empty network."""
        for node in self.nodes:
            node.adopt(self.document)
            node.start()
        for behaviour in self.behaviours:
            behaviour.begin()
        for user in self.users:
            user.start()
            user.adopt(self.document)
        for behaviour in self.behaviours:
            behaviour.start()
        for errand in self._asking:
            errand.start()
        self._await_next_document()
        self.running = True

    def run_until(self, at_s: float) -> None:
        """Let time pass up to `at_s`, Unix seconds as `clock.seconds()` tells them."""
        self.clock.run_until(at_s)

    def run_for(self, span_s: float) -> None:
        """Let `span_s` seconds pass."""
        self.run_until(self.clock.seconds() + span_s)

    def stop(self) -> None:
        """Stop everybody; packets under way are lost, and no call is left on the clock.

        Time goes on until disks have answered to what they were asked before. Raises what a node or client raises while
        it stops, and `MisuseError` if one does not end.
        """
        if not self.running:
            return
        self.running = False
        for behaviour in self.behaviours:
            behaviour.stop()
        for errand in self._asking:
            errand.stop()
        stopping = [*(user.stop() for user in self.users), *(node.stop() for node in self.nodes)]
        for call in self._epoch_calls:
            if call.active():
                call.cancel()
        self.hub.ground()
        self._client_stores.close()
        # Not at once: a provider that is writing a request down stays until its disk has answered, as deployed ones do.
        self.clock.wait_for([each for each in stopping if each is not None], longest_s=_STOP_S)

    def _make_provider(self, node: NodePlan, rng: Rng) -> Provider:
        store = new_mail_store()
        self._mail_stores.append(store)
        return make_provider(node, self._seams, rng, store)

    def _make_users(self) -> tuple[tuple[User, ...], tuple[Behaviour, ...]]:
        count, now_s = self.scenario.users.count, self.start_s
        people, traffic = self.seeds.randoms("users"), self.seeds.randoms("traffic")
        lives = list(islice(people, count))
        users = tuple(self._make_user(number, life, next(traffic)) for number, life in enumerate(lives))
        # Guests come last, and have no registration yet: their clients open their accounts.
        named = users[: self.scenario.users.named]
        registrations = [register_user(user.plan, now_s=now_s) for user in named]
        for provider, store in zip(self.providers, self._mail_stores, strict=True):
            own = [each for each in registrations if each.account.provider == provider.identity]
            write_accounts(store, own, rng=next(people), now_s=now_s)
        behaviours: list[Behaviour] = []
        for number, (user, life) in enumerate(zip(users, lives, strict=True)):
            known: Sequence[int] = ()
            if not user.plan.is_guest:
                known = _draw_contacts(number, len(named), self.scenario.users.contacts, life)
                write_client(user.store, registrations[number], [registrations[each] for each in known])
            behaviours.append(
                Behaviour(
                    user,
                    [users[each] for each in known],
                    rules=self.scenario.users,
                    letters=self.letters,
                    clock=self.clock,
                    rng=life,
                )
            )
        return users, tuple(behaviours)

    def _make_asking(self) -> tuple[Errand, ...]:
        errands = self.errands
        if errands is None:
            return ()
        timeout_s = errands.rules.timeout_s
        # Users' own randomness is not touched: who asks nothing lives as before.
        people = islice(self.seeds.randoms("requests"), len(self.users))
        return tuple(
            Errand(errands, partial(user.ask, SERVICE, timeout_s=timeout_s), rng)
            for user, rng in zip(self.users, people, strict=True)
        )

    def _make_user(self, number: int, life: Rng, rng: Rng) -> User:
        plan = UserPlan(
            name=f"user{number}" if number < self.scenario.users.named else "",
            place=self.places.user(number),
            provider=self.providers[number % len(self.providers)],
            keys=ClientKeys.generate(life),
        )
        # The wires look a place up when an end of theirs is made, so it has to be known before.
        self._place_of[plan.identity] = plan.place
        return make_user(plan, self._seams, rng, self._client_stores.open())

    def _await_next_document(self) -> None:
        epoch = self.document.epoch + 1
        now_s = self.clock.seconds()
        at_s = max(now_s, publication_s(epoch, self.params.epoch_length_s))
        self._epoch_calls = [self.clock.callLater(at_s - now_s, self._publish, epoch)]

    def _publish(self, epoch: int) -> None:
        """Make the document of the next epoch; nodes fetch it at random times, all take it up when its epoch begins."""
        now_s = self.clock.seconds()
        document = self.plan.document(epoch, now_s)
        self._epoch_calls = [
            self.clock.callLater(max(0.0, self.plan.draw_fetch_s(epoch) - now_s), node.prepare, document)
            for node in self.nodes
        ]
        wait_s = self.plan.starts_at_s(epoch) - now_s
        self._epoch_calls.append(self.clock.callLater(wait_s, self._adopt, document))

    def _adopt(self, document: Document) -> None:
        self.document = document
        for member in (*self.nodes, *self.users):
            member.adopt(document)
        self._await_next_document()


def _draw_contacts(own: int, users: int, wanted: int, rng: Rng) -> Sequence[int]:
    """Return `wanted` other users, or all others if there are fewer, each equally likely."""
    others = users - 1
    drawn: Iterator[int] = iter(rng.sample(range(others), min(wanted, others)))
    return [number + (number >= own) for number in drawn]
