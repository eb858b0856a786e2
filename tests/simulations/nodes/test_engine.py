"""The engine: what it refuses, that it repeats, and that its figures are those of theory."""

from __future__ import annotations

import functools
import math

import msgspec
import pytest

from simulations.exact import ENGINE as EXACT
from simulations.measures.catalogue import MEASURES
from simulations.nodes import ENGINE
from simulations.outcome import Outcome
from simulations.scenario import Scenario, ScenarioError, change
from tests.worlds.simulations.node_worlds import seeds_of, small

SHORT = {"run.duration_s": 1.0, "run.warm_up_s": 1.0, "run.drain_s": 1.0}


def run(scenario: Scenario, *, replicate: int = 0) -> Outcome:
    return ENGINE.run(scenario, seeds_of(scenario, replicate), progress=lambda share: None)


@functools.cache
def short_run() -> Outcome:
    """Return what comes of the small scenario in three seconds."""
    return run(small(SHORT))


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("users.count", 50_001, "users.count"),
        ("topology.providers", 0, "topology.providers"),
        ("topology.layers", 9, "topology.layers"),
        ("topology.mixes_per_layer", 1000, "topology.mixes_per_layer"),
        ("traffic.replies", False, "traffic.replies"),
        ("traffic.loop_rate_per_s", 0.0, "traffic.loop_rate_per_s"),
        ("traffic.drop_rate_per_s", 20_000.0, "traffic.drop_rate_per_s"),
        ("traffic.node_loop_rate_per_s", 0.0, "traffic.node_loop_rate_per_s"),
        ("mix.delay_mean_s", 4000.0, "mix.delay_mean_s"),
    ],
)
def test_what_deployed_code_cannot_do_is_refused_by_name(key: str, value: object, named: str) -> None:
    scenario = change(Scenario(), {key: value})

    with pytest.raises(ScenarioError, match=named.replace(".", r"\.")):
        ENGINE.check(scenario)


def test_messages_that_are_too_long_for_clients_are_refused() -> None:
    scenario = change(Scenario(), {"users.packets_per_message": 9000, "users.messages_per_day": 1.0})

    with pytest.raises(ScenarioError, match=r"users\.packets_per_message"):
        ENGINE.check(scenario)


def test_messages_that_no_packet_can_hold_are_refused() -> None:
    with pytest.raises(ScenarioError, match=r"packets\.payload_bytes"):
        ENGINE.check(change(Scenario(), {"users.packets_per_message": 1, "packets.payload_bytes": 1280}))


def test_what_deployed_clients_never_favour_is_refused_where_it_matters() -> None:
    favoured = change(Scenario(), {"corruption.placement": "favoured"})
    ENGINE.check(favoured)
    with pytest.raises(ScenarioError, match=r"corruption\.placement"):
        ENGINE.check(change(favoured, {"corruption.share": 0.2}))


def test_deliveries_are_those_of_linked_users_as_in_theory_and_absence_has_a_name_of_its_own() -> None:
    """Three of ten users are away at a time. H0: linked ones get messages as theory says, about 2.5 s on average."""
    scenario = change(
        Scenario(),
        {
            "topology.mixes_per_layer": 1,
            "topology.layers": 1,
            "users.count": 12,
            "users.contacts": 5,
            "users.messages_per_day": 60_000.0,
            "users.packets_per_message": 1,
            "packets.payload_bytes": 4096,
            "users.online_share": 0.7,
            "users.session_mean_s": 100.0,
            "traffic.loop_rate_per_s": 0.1,
            "traffic.drop_rate_per_s": 0.1,
            "traffic.node_loop_rate_per_s": 0.1,
            "run.warm_up_s": 2.0,
            "run.duration_s": 30.0,
            "run.drain_s": 10.0,
            "run.targets": 0,
        },
    )
    seeds = seeds_of(scenario)
    found = ENGINE.run(scenario, seeds, progress=lambda _: None)
    theory = EXACT.run(scenario, seeds, progress=lambda _: None).figures
    linked, everybody = found.distributions["delivery_s"], found.distributions["delivery_with_absence_s"]
    assert 20 <= linked.count < everybody.count
    error_s = linked.sd / linked.count**0.5
    assert abs(found.figures["delivery_mean_s"] - theory["delivery_mean_s"]) < 5 * error_s < 1.5
    # Who hands a message over while absent waits for a session, 43 s on average.
    assert found.figures["delivery_with_absence_mean_s"] > found.figures["delivery_mean_s"] + 5 * error_s
    assert "delivery_* are for senders and recipients who are linked." in found.notes


def test_weights_are_refused_until_the_network_document_has_them() -> None:
    for same in ([], [[]], [[2, 2, 2]], [[1], [], []]):
        ENGINE.check(change(Scenario(), {"topology.mix_weights": same}))
    for other in ([[2]], [[], [], [1, 2, 1]]):
        with pytest.raises(ScenarioError, match=r"topology\.mix_weights differ, .* network document has no weights"):
            ENGINE.check(change(Scenario(), {"topology.mix_weights": other}))


def test_every_reason_is_told_at_once() -> None:
    scenario = change(Scenario(), {"topology.providers": 0, "traffic.replies": False})

    with pytest.raises(ScenarioError, match=r"topology\.providers.*traffic\.replies"):
        ENGINE.check(scenario)


def test_the_same_seeds_give_the_same_outcome_and_another_replicate_another() -> None:
    scenario = small({**SHORT, "links.model": "uniform", "links.loss": 0.01})
    first, again, other = run(scenario), run(scenario), run(scenario, replicate=1)

    assert msgspec.json.encode(first) == msgspec.json.encode(again)
    assert first.figures != other.figures
    assert set(first.figures) <= set(MEASURES)
    assert all(math.isfinite(value) for value in first.figures.values())


def test_progress_rises_to_the_end() -> None:
    scenario, told = small({**SHORT, "run.targets": 0}), list[float]()
    ENGINE.run(scenario, seeds_of(scenario), progress=told.append)

    assert told == sorted(told)
    assert told[-1] == 1.0


def test_few_samples_are_told() -> None:
    few = run(small({**SHORT, "users.messages_per_day": 0.01, "requests.pause_mean_s": 1e6}))
    notes = " ".join(few.notes)
    for what in (
        "latency_* are of fewer",
        "delivery_* are left out: none of the",
        "request_* are left out: none of the",
    ):
        assert what in notes
    assert "delivery_*" not in " ".join(run(small({**SHORT, "users.messages_per_day": 0.0})).notes)


def test_what_is_still_under_way_at_the_end_is_told() -> None:
    asking = {"users.messages_per_day": 20_000.0, "requests.pause_mean_s": 0.5, "run.duration_s": 4.0}
    told = ("Messages take longer than run.drain_s", "Requests take longer than run.drain_s")
    for drain_s, is_told in ((0.5, True), (30.0, False)):
        notes = " ".join(run(small({**asking, "run.drain_s": drain_s})).notes)
        assert [what in notes for what in told] == [is_told] * 2


MATCHING = {
    "users.count": 60,
    "users.contacts": 10,
    "users.messages_per_day": 2000.0,
    "mix.delay_mean_s": 0.4,
    "run.duration_s": 8.0,
    "run.warm_up_s": 5.0,
    "run.drain_s": 6.0,
    "run.targets": 40,
}


def test_the_figures_are_those_of_theory() -> None:
    scenario = small(MATCHING)
    found, theory = run(scenario), EXACT.run(scenario, seeds_of(scenario), progress=lambda share: None)
    figures, expected = found.figures, theory.figures
    packets = found.distributions["latency_s"].count

    # H0: the figures are those of the closed forms (pool 68). 1,400 packets: the mean's sd is sd / sqrt(packets), the
    # shape's relative sd sqrt(3 / packets) or so. Five standard deviations, false alarm below 1e-6 each.
    assert packets > 1000
    assert abs(figures["latency_mean_s"] - expected["latency_mean_s"]) < 5 * expected["latency_sd_s"] / packets**0.5
    assert figures["latency_sd_s"] == pytest.approx(expected["latency_sd_s"], rel=5 / packets**0.5)
    assert figures["latency_fit_shape"] == pytest.approx(expected["latency_fit_shape"], rel=5 * (3 / packets) ** 0.5)
    # 1,200 departures of a mix in the window; pools fluctuate by 12 % and forget in 0.4 s: 20 spans, six mixes that
    # share packets. The mean pool has a relative sd of 2.8 %, the entropies one of 0.04 bit.
    assert figures["pool_mean"] == pytest.approx(expected["pool_mean"], rel=0.14)
    assert figures["provider_pool_mean"] == pytest.approx(expected["provider_pool_mean"], rel=0.14)
    assert figures["mix_rate_per_s"] == pytest.approx(expected["mix_rate_per_s"], rel=0.14)
    assert figures["entropy_bits"] == pytest.approx(expected["entropy_bits"], abs=0.2)
    assert figures["entropy_live_bits"] == pytest.approx(expected["entropy_live_bits"], abs=0.2)
    # Streams are Poisson: 1,400 packets, 480 pulls.
    assert figures["throughput_per_s"] == pytest.approx(expected["throughput_per_s"], rel=0.14)
    assert figures["user_up_bytes_per_s"] == pytest.approx(expected["user_up_bytes_per_s"], rel=0.14)
    assert figures["user_down_bytes_per_s"] == pytest.approx(expected["user_down_bytes_per_s"], rel=0.02)
    assert figures["cover_share"] == pytest.approx(expected["cover_share"], abs=0.02)
    # About 11 messages of a spread of 1.2 s.
    assert figures["delivery_mean_s"] == pytest.approx(expected["delivery_mean_s"], abs=5 * 1.2 / 11**0.5)
    assert figures["dropped_share"] == figures["lost_share"] == figures["utilisation"] == 0.0


@pytest.mark.parametrize("cryptography", [False, True])
def test_the_fitted_shape_has_nothing_of_links_that_vary(cryptography: bool) -> None:
    varying = {
        "links.model": "uniform",
        "links.low_s": 0.0,
        "links.high_s": 2.0,
        "links.loss": 0.02,
        "mix.delay_mean_s": 0.05,
        "packets.cryptography": cryptography,
        "run.warm_up_s": 1.0,
        "run.duration_s": 12.0,
        "run.drain_s": 12.0,
        "run.targets": 0,
    }
    found = run(small(varying))
    packets = found.distributions["latency_s"].count

    # H0: four delays of 50 ms. The shape's relative sd is below sqrt(3 / packets): five of them, false alarm below
    # 1e-6. Links vary by 1.3 s, and would make the shape 60 times as small.
    assert packets > 150
    assert found.figures["latency_fit_shape"] == pytest.approx(4.0, rel=5 * (3 / packets) ** 0.5)
    assert found.figures["latency_fit_scale_s"] == pytest.approx(0.05, rel=5 * (3 / packets) ** 0.5)


def test_corrupt_mixes_take_from_the_entropy_what_they_know() -> None:
    scenario = small({**MATCHING, "corruption.share": 0.5, "run.duration_s": 4.0, "run.drain_s": 4.0})
    found, theory = run(scenario), EXACT.run(scenario, seeds_of(scenario), progress=lambda share: None)

    # One of two mixes of each layer: 9.54 bits, where honest mixes give 10.00. 40 targets, standard error about 0.05.
    assert found.figures["entropy_bits"] == pytest.approx(theory.figures["entropy_bits"], abs=0.25)
    assert found.figures["all_corrupt_share"] == 0.5**3


def test_answers_to_users_who_have_left_are_no_dropped_packets() -> None:
    values = {"users.online_share": 0.5, "users.session_mean_s": 2.0, "traffic.pull_rate_per_s": 4.0, "users.count": 30}
    values |= {"run.duration_s": 4.0, "run.warm_up_s": 1.0, "run.drain_s": 2.0}

    assert run(small({**values, "run.targets": 0})).figures["dropped_share"] == 0.0


def test_queues_for_processors_take_their_time_and_keep_the_delays() -> None:
    # M/D/1 at 60 % or so: delays count from arrival, so that a wait is noticed at the end of the path only.
    scenario = small({"processors.unwrap_s": 0.004, "run.targets": 0, "run.duration_s": 4.0, "run.drain_s": 2.0})
    figures = run(scenario).figures

    assert 0 < figures["utilisation"] < 1
    assert figures["dropped_share"] == 0.0


def test_overloaded_nodes_are_said_to_drop_packets() -> None:
    span = {"run.duration_s": 4.0, "run.drain_s": 1.0}
    at_rest = run(small(span))
    overloaded = run(small({**span, "processors.unwrap_s": 0.05}))

    assert not any("they drop what they cannot unwrap in time" in note for note in at_rest.notes)
    assert any("they drop what they cannot unwrap in time" in note for note in overloaded.notes)
    assert overloaded.figures["provider_pool_mean"] < at_rest.figures["provider_pool_mean"] / 10


ASKING = {
    "users.count": 12,
    "users.messages_per_day": 0.0,
    "requests.pause_mean_s": 0.5,
    "run.duration_s": 40.0,
    "run.drain_s": 15.0,
    "run.targets": 0,
}


def test_requests_take_what_theory_says() -> None:
    scenario = small(ASKING)
    found, theory = run(scenario), EXACT.run(scenario, seeds_of(scenario), progress=lambda share: None)
    figures, spread = found.figures, found.distributions["request_s"]

    assert figures["requests_answered"] == spread.count > 100
    assert figures["requests_unanswered_share"] == figures["requests_executed_twice"] == 0
    # H0: the mean is that of theory. About 140 requests of a spread of 0.9 s; five standard errors, 1e-6.
    assert figures["request_mean_s"] == spread.mean
    assert figures["request_mean_s"] == pytest.approx(theory.figures["request_mean_s"], abs=5 * 0.9 / 140**0.5)
    assert figures["cover_share"] == pytest.approx(theory.figures["cover_share"], abs=0.02)
    assert figures["request_parts"] == pytest.approx(1.0, abs=0.02)
    assert 0.9 < figures["answer_parts"] <= 1.0
    assert figures["requests_second_round_share"] == 0.0


def test_parts_that_are_lost_take_more_parts_and_no_second_execution() -> None:
    parts = {"requests.request_bytes": 6000, "requests.answer_bytes": 10_000, "links.loss": 0.02}
    figures = run(small({**ASKING, **parts})).figures
    # Four shares there and five back. At the beginning no client knows of loss, and of one request in three a share is
    # lost.
    assert figures["requests_answered"] > 20
    assert figures["requests_unanswered_share"] == figures["requests_executed_twice"] == 0
    assert 4.2 < figures["request_parts"] < 9
    assert 5 < figures["answer_parts"] < 10
    assert 0.02 < figures["requests_second_round_share"] < 0.7


def test_a_drain_that_is_shorter_than_requests_is_said() -> None:
    short = run(small({**ASKING, "run.duration_s": 5.0, "run.drain_s": 0.5}))
    assert any("run.drain_s" in note for note in short.notes)
    assert not any("run.drain_s" in note for note in short_run().notes)


def test_guests_open_their_accounts_and_ask() -> None:
    guests = {**ASKING, "users.guests_share": 1.0, "run.duration_s": 20.0}
    found = run(small(guests))
    assert found.figures["guests"] == 12
    assert found.figures["requests_answered"] > 50
    assert found.figures["requests_unanswered_share"] == found.figures["requests_executed_twice"] == 0
    assert any("Guests open" in note for note in found.notes)
    assert "guests" not in short_run().figures


def test_guests_who_come_and_go_have_accounts_in_the_end() -> None:
    coming = {"users.online_share": 0.5, "users.session_mean_s": 4.0, "users.guests_share": 0.5}
    figures = run(small({**SHORT, **coming, "run.duration_s": 30.0, "run.targets": 0})).figures
    # Six guests, of whom each is offline all the 32 s once in three thousand times.
    assert figures["guests"] == 6
