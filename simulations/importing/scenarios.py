"""The scenario that corresponds to a measured network."""

from __future__ import annotations

from simulations.importing.measurement import Measurement
from simulations.scenario.values import Links, Mix, Run, Scenario, Topology, Traffic, Users

DAY_S = 86_400.0


def scenario_of(
    measurement: Measurement, *, duration_s: float = 60.0, replicates: int = 5, targets: int = 20
) -> Scenario:
    """Return the scenario of a measured network: its shape, its parameters, its users and how much they wrote.

    Links take what the mixes' own loops took beyond their delays, which holds the work of nodes as well: processors
    are without limits. Where some users were idle, all write as much as those who wrote did on average.
    """
    network = measurement.network
    params = network.params
    writing_per_s = network.messages_per_s * network.measuring_users / network.users
    return Scenario(
        name=f"measured-{measurement.name}",
        description=f"The network measured on {measurement.begun[:10]}: {network.users} users, {measurement.machine}.",
        topology=Topology(layers=params.layers, mixes_per_layer=network.width, providers=network.providers),
        users=Users(
            count=network.users,
            messages_per_day=writing_per_s * DAY_S,
            packets_per_message=1,
            contacts=max(1, network.users - 1),
        ),
        traffic=Traffic(
            payload_rate_per_s=params.payload_rate_per_s,
            loop_rate_per_s=params.loop_rate_per_s,
            drop_rate_per_s=params.drop_rate_per_s,
            node_loop_rate_per_s=params.node_loop_rate_per_s,
            pull_rate_per_s=params.pull_rate_per_s,
            pull_batch=params.pull_batch,
            replies=True,
        ),
        mix=Mix(delay_mean_s=params.delay_mean_s),
        links=Links(latency_s=network.link_s),
        run=Run(
            duration_s=duration_s,
            warm_up_s=max(10.0, 10 * (params.layers + 2) * params.delay_mean_s),
            drain_s=max(10.0, 10 * (params.layers + 2) * params.delay_mean_s),
            replicates=replicates,
            targets=targets,
        ),
    )
