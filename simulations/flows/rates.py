"""The rates that a scenario implies: of users, nodes and links, the same for every engine.

A path is: sender, its provider (which holds the packet as a mix does), one mix of each layer, the recipient's provider.
Payloads (or the loops in their place) and loops carry a reply block. The provider at their end sends the answer, which
takes as many hops. With `providers = 0` there are only the mixes, as in the papers' models.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from simulations.flows.corruption import alike_of_layers
from simulations.flows.requesting import requesting_of
from simulations.formulas.paths import Alike
from simulations.scenario.values import Scenario


@dataclass(frozen=True)
class MixLoad:
    """What `nodes` nodes have each: packets that wait there and that are unwrapped, `pool_mean` held on average.

    `share`: of the packets that wait in all nodes of the stage, what these have together.
    """

    nodes: int
    share: float
    waiting_per_s: float
    unwrapped_per_s: float
    pool_mean: float


@dataclass(frozen=True)
class FlowStage:
    """Nodes side by side, through one of which each packet goes: `packets_per_s` in all of them that wait there.

    `ending_per_s`: loops of these very nodes that come back and end there, without waiting. `alike`: how packets
    spread over the nodes; evenly if it is empty.
    """

    name: str
    width: int
    packets_per_s: float
    ending_per_s: float
    delay_mean_s: float
    alike: tuple[Alike, ...] = ()

    @property
    def spread(self) -> tuple[Alike, ...]:
        """How packets spread over the nodes."""
        return self.alike or (Alike(self.width, 1 / self.width),)

    @cached_property
    def loads(self) -> tuple[MixLoad, ...]:
        """The loads of the nodes, those together that have the same."""
        # Every node sends as many loops of its own, whatever it weighs.
        ending_per_s = self.ending_per_s / self.width
        return tuple(
            MixLoad(
                nodes=each.nodes,
                share=each.nodes * each.share,
                waiting_per_s=self.packets_per_s * each.share,
                unwrapped_per_s=self.packets_per_s * each.share + ending_per_s,
                pool_mean=self.packets_per_s * each.share * self.delay_mean_s,
            )
            for each in self.spread
        )

    @property
    def busiest(self) -> MixLoad:
        """The load of the nodes that have most to do."""
        return max(self.loads, key=lambda load: load.unwrapped_per_s)

    @property
    def least_pool(self) -> float:
        """Packets held on average by the node that holds the fewest."""
        return min(load.pool_mean for load in self.loads)

    @property
    def pool_mean(self) -> float:
        """Packets held by one node of the stage, on average (M/M/infinity: rate x delay)."""
        return self.packets_per_s * self.delay_mean_s / self.width


@dataclass(frozen=True)
class Flows:
    """All rates. `forward_per_s`: what users send; `replies_per_s`: the answers to it; `links`: of a whole path."""

    users_online: float
    forward_per_s: float
    replies_per_s: float
    node_loops_per_s: float
    stages: tuple[FlowStage, ...]
    links: int

    @property
    def mixes(self) -> tuple[FlowStage, ...]:
        """The layers, without the providers."""
        return tuple(stage for stage in self.stages if stage.name != PROVIDERS)

    @property
    def holding_stages(self) -> int:
        """On how many nodes of its path a packet waits."""
        return len(self.stages)


PROVIDERS = "providers"


def flows_of(scenario: Scenario) -> Flows:
    """Return the rates of a scenario, with all users that are online sending."""
    traffic, topology = scenario.traffic, scenario.topology
    online = scenario.users.count * scenario.users.online_share
    # Drop cover ends where it arrives: it carries no reply block.
    answered = online * (traffic.payload_rate_per_s + traffic.loop_rate_per_s)
    forward = answered + online * traffic.drop_rate_per_s
    requesting = requesting_of(scenario)
    asked = 0.0 if requesting is None else online * requesting.more_answers_per_s
    replies = answered + asked if traffic.replies else 0.0
    has_providers = topology.providers > 0
    # Loops of nodes turn around at a provider, so that without providers there are none.
    mix_loops = traffic.node_loop_rate_per_s * topology.mixes_per_layer if has_providers else 0.0
    provider_loops = traffic.node_loop_rate_per_s * topology.providers
    # A mix's loop goes on through the later layers to a provider, which answers through the earlier ones: it passes
    # every layer but its own once, and ends in its own. A provider's loop passes every layer twice.
    layer = forward + replies + mix_loops * (topology.layers - 1) + 2 * provider_loops
    stages = [
        FlowStage(f"layer {number}", topology.mixes_per_layer, layer, mix_loops, scenario.mix.delay_mean_s, alike)
        for number, alike in enumerate(alike_of_layers(scenario), start=1)
    ]
    if has_providers:
        # At a provider wait packets that begin there: what users send through it, answers, and the second half of each
        # node's loop. Its own loops begin without waiting.
        waiting = forward + replies + mix_loops * topology.layers + provider_loops
        # What providers take and end themselves: everything that reaches the end of its path there.
        ending = forward + replies + mix_loops * topology.layers + 2 * provider_loops
        stages.insert(0, FlowStage(PROVIDERS, topology.providers, waiting, ending, scenario.mix.delay_mean_s))
    return Flows(
        users_online=online,
        forward_per_s=forward,
        replies_per_s=replies,
        node_loops_per_s=mix_loops * topology.layers + provider_loops,
        stages=tuple(stages),
        links=topology.layers + (2 if has_providers else 1),
    )
