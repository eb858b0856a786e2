"""Kinds of journeys and the nodes that they go through."""

from __future__ import annotations

import pytest

from simulations.flows.rates import flows_of
from simulations.scenario import Scenario, change
from simulations.vector.journeys import Where, journeys_of


def test_a_message_goes_out_and_its_answer_back() -> None:
    answered, unanswered, *loops = journeys_of(Scenario())
    assert [len(path) for path in answered.paths] == [4, 4]
    assert [hop.where for hop in answered.hops][:1] == [Where.OWN_PROVIDER]
    assert [len(path) for path in unanswered.paths] == [4]
    assert answered.end == unanswered.end == 4
    assert [loop.origin for loop in loops] == [1, 2, 3, 0]
    assert not any(loop.from_users for loop in loops)


def test_the_rates_are_those_of_the_flows() -> None:
    kinds = journeys_of(Scenario())
    flows = flows_of(Scenario())
    assert sum(kind.rate_per_s for kind in kinds if kind.from_users) == pytest.approx(flows.forward_per_s)
    assert sum(kind.rate_per_s for kind in kinds if not kind.from_users) == pytest.approx(flows.node_loops_per_s)


def test_kinds_that_never_begin_are_left_out() -> None:
    changes: dict[str, object] = {"traffic.drop_rate_per_s": 0.0, "traffic.node_loop_rate_per_s": 0.0}
    assert [kind.name for kind in journeys_of(change(Scenario(), changes))] == ["answered"]
