"""How many packets requests take, and how often they are asked."""

from __future__ import annotations

import random

import pytest

from loopixmix.params import NetworkParams
from loopixmix.requests.answers import answer_pieces
from loopixmix.requests.parts import request_content, request_head
from loopixmix.sphinx import Geometry
from simulations.flows.rates import flows_of
from simulations.flows.requesting import pace_of, requesting_of
from simulations.flows.traffic import cover_share
from simulations.formulas.delivery import ANSWER_S
from simulations.formulas.requests import WRITES_S
from simulations.scenario import Scenario, change
from simulations.scenario.values import RequestLoad


@pytest.mark.parametrize(("request_bytes", "answer_bytes"), [(8, 8), (4096, 100_000), (262_144, 262_144)])
def test_a_request_has_the_shares_that_the_client_makes(request_bytes: int, answer_bytes: int) -> None:
    pace = pace_of(Scenario(), RequestLoad(request_bytes=request_bytes, answer_bytes=answer_bytes))
    size = Geometry.for_network(NetworkParams())
    content = request_content(bytes(16), random.Random(1).randbytes(request_bytes))
    assert pace.parts.there == request_head(bytes(16), content, last_epoch=1, size=size).pieces
    assert pace.parts.back == answer_pieces(answer_bytes, size)


def test_the_free_pulls_are_those_of_the_deployed_nodes() -> None:
    assert pace_of(Scenario(), RequestLoad()).free_per_s == NetworkParams().free_pulls_per_s


def test_loss_is_that_of_a_whole_path() -> None:
    scenario = change(Scenario(), {"links.loss": 0.01})
    assert pace_of(scenario, RequestLoad()).loss == pytest.approx(1 - 0.99**5)


def test_requests_take_the_place_of_cover_and_bring_answers() -> None:
    without = change(Scenario(), {"users.messages_per_day": 0.0})
    scenario = change(without, {"requests.answer_bytes": 100_000, "requests.pause_mean_s": 100.0})
    requesting = requesting_of(scenario)
    assert requesting is not None
    # By hand: half a second for the turn and two ways of 0.8 s; the first share leaves 1 / 3.5 s later, and is there
    # after half a pull. Another turn and two ways until reply blocks for 47 more of 50 shares are at the host.
    assert (requesting.pace.parts.back, requesting.pace.parts.first_blocks) == (50, 3)
    once_s = 0.5 + 1.6 + 0.5 + ANSWER_S
    assert 1 / requesting.per_s == pytest.approx(100 + 2 * once_s + WRITES_S + 48 / 3.5)
    # Eight packets of six blocks each.
    assert requesting.packets == 9
    assert cover_share(scenario) == pytest.approx(1 - 9 * requesting.per_s / 3)
    more = flows_of(scenario).replies_per_s - flows_of(without).replies_per_s
    assert more == pytest.approx(1000 * 41 * requesting.per_s)
    assert requesting_of(without) is None


def test_guests_send_cover_in_place_of_messages() -> None:
    some = change(Scenario(), {"users.guests_share": 0.25})
    assert 1 - cover_share(some) == pytest.approx(0.75 * (1 - cover_share(Scenario())))
