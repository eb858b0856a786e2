"""The plan of a test network: values only, kept in `testnet.toml`."""

from __future__ import annotations

from typing import Annotated

import msgspec
import tomli_w

from loopixmix.params import NetworkParams

HOST = "127.0.0.1"

FAST_PARAMS = NetworkParams(
    delay_mean_s=0.05,
    payload_rate_per_s=40.0,
    loop_rate_per_s=5.0,
    drop_rate_per_s=5.0,
    node_loop_rate_per_s=3.0,
    pull_rate_per_s=5.0,
    pull_batch=29,
    epoch_length_s=1800,
    grace_s=30,
)
"""Rates for trying things out on one machine: a message arrives within a second."""


class TestnetPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many nodes there are, where they listen, and the figures they share.

    The authority listens on `base_port`, the nodes on the ports that follow.
    """

    __test__ = False  # not a test, whatever its name

    width: Annotated[int, msgspec.Meta(ge=1, le=50)] = 2
    providers: Annotated[int, msgspec.Meta(ge=1, le=50)] = 2
    base_port: Annotated[int, msgspec.Meta(ge=1024, le=60_000)] = 30_000
    params: NetworkParams = FAST_PARAMS


class PlannedNode(msgspec.Struct, frozen=True):
    """One node to be: its command (`authority`, `mix` or `provider`), its name and its port."""

    role: str
    name: str
    port: int

    @property
    def listen(self) -> str:
        """The address to listen on, as the command line takes it."""
        return f"{HOST}:{self.port}"


def planned_nodes(plan: TestnetPlan) -> list[PlannedNode]:
    """Return every node of `plan`, the authority first."""
    named = [("authority", "authority")]
    named += [("mix", f"mix-{number}") for number in range(1, plan.params.layers * plan.width + 1)]
    named += [("provider", f"provider-{number}") for number in range(1, plan.providers + 1)]
    return [PlannedNode(role, name, plan.base_port + offset) for offset, (role, name) in enumerate(named)]


def plan_toml(plan: TestnetPlan) -> str:
    """Return `testnet.toml` for `plan`."""
    head = "# The plan of this test network; its nodes have configurations of their own.\n"
    return head + tomli_w.dumps(msgspec.to_builtins(plan))
