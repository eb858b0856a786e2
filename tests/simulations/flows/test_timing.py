"""Latency and delivery of a scenario."""

from __future__ import annotations

import pytest

from simulations.flows.rates import flows_of
from simulations.flows.timing import (
    can_deliver,
    delivery_faults,
    mailbox_items_per_s,
    request_faults,
    timing_of,
)
from simulations.scenario import Scenario, change
from simulations.seeds import Seeds


def test_the_network_is_erlang_and_its_links() -> None:
    scenario = change(Scenario(), {"links.latency_s": 0.05})
    times = timing_of(scenario, flows_of(scenario), Seeds(scenario.seeds, replicate=0))
    # Four nodes hold a packet for 0.2 s each, on five links.
    assert times.network.mean_s == pytest.approx(4 * 0.2 + 5 * 0.05, rel=1e-6)
    assert times.network.sd_s == pytest.approx(2 * 0.2, rel=1e-4)
    assert times.delivery is not None
    assert times.delivery.mean_s > times.network.mean_s


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"topology.providers": 0}, "mailboxes"),
        ({"users.messages_per_day": 86_000, "traffic.pull_rate_per_s": 2.0}, "users write more"),
        ({"traffic.pull_rate_per_s": 0.28}, "what comes into mailboxes"),
    ],
)
def test_why_there_is_no_delivery_is_said(changes: dict[str, object], word: str) -> None:
    scenario = change(Scenario(), changes)
    assert word in " ".join(delivery_faults(scenario))
    assert not can_deliver(scenario)


def test_a_mailbox_gets_answers_and_messages() -> None:
    # 40 messages a day of two packets; 2 payloads and half a loop a second are answered.
    assert mailbox_items_per_s(Scenario()) == pytest.approx(2.5 + 80 / 86_400)
    assert mailbox_items_per_s(change(Scenario(), {"traffic.replies": False})) == pytest.approx(80 / 86_400)


def test_requests_have_a_law_unless_mailboxes_overflow() -> None:
    asking = change(Scenario(), {"requests.answer_bytes": 50_000})
    times = timing_of(asking, flows_of(asking), Seeds(asking.seeds, replicate=0))
    assert times.request is not None
    # Two round trips of a turn, two ways and half a pull, the first of which brings reply blocks; 22 shares after them.
    assert times.request.mean_s == pytest.approx(2 * (0.5 + 1.6 + 0.5) + 23 / 3.5, rel=0.05)
    assert timing_of(Scenario(), flows_of(Scenario()), Seeds(asking.seeds, replicate=0)).request is None

    # 3 items pulled, of which answers to own packets take 2.5 and the answer to a request a third.
    tight = change(asking, {"traffic.pull_batch": 3})
    assert "while an answer comes" in request_faults(tight)[0]
    assert timing_of(tight, flows_of(tight), Seeds(asking.seeds, replicate=0)).request is None
    assert request_faults(change(tight, {"requests.answer_bytes": 500})) == []


def test_the_law_of_requests_counts_further_rounds_where_clients_send_no_spares() -> None:
    asking = change(Scenario(), {"requests.answer_bytes": 30_000})

    def mean_s(loss: float) -> float:
        lossy = change(asking, {"links.loss": loss})
        law = timing_of(lossy, flows_of(lossy), Seeds(asking.seeds, replicate=0)).request
        assert law is not None
        # All of it is on the grid, but for pulls that are lost many times in a row.
        assert law.masses.sum() == pytest.approx(1.0, abs=1e-5)
        return law.mean_s

    # On five links 2 % and 4.9 % are lost; from 2.5 % on clients allow for 5 %.
    assert mean_s(0.004) > mean_s(0.0) + 1.0
    assert mean_s(0.01) < mean_s(0.004)
