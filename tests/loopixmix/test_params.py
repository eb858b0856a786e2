"""The figures of a network: what pulls leave free, and which figures contradict each other."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import MisuseError
from loopixmix.params import NetworkParams
from loopixmix.testnet.plan import FAST_PARAMS

RATES = st.floats(0.01, 1000)


def test_the_default_streams_leave_free_places_in_pull_answers() -> None:
    params = NetworkParams()
    assert (params.streams_per_s, params.own_answers_per_s, params.least_pulled_per_s) == (3.0, 2.5, 8.25)
    assert (params.pulled_per_s, params.free_pulls_per_s, params.pulls_suffice) == (9.0, 3.5, True)


def test_the_test_networks_streams_leave_free_places_in_pull_answers() -> None:
    params = FAST_PARAMS
    assert (params.streams_per_s, params.own_answers_per_s, params.least_pulled_per_s) == (50.0, 45.0, 142.5)
    assert (params.pulled_per_s, params.free_pulls_per_s, params.pulls_suffice) == (145.0, 50.0, True)


@given(payload_per_s=RATES, loop_per_s=RATES, drop_per_s=RATES, pull_per_s=RATES, batch=st.integers(1, 1000))
def test_what_is_free_meets_a_third_where_pulls_just_suffice(
    payload_per_s: float, loop_per_s: float, drop_per_s: float, pull_per_s: float, batch: int
) -> None:
    params = NetworkParams(
        payload_rate_per_s=payload_per_s,
        loop_rate_per_s=loop_per_s,
        drop_rate_per_s=drop_per_s,
        pull_rate_per_s=pull_per_s,
        pull_batch=batch,
    )
    taken_per_s = 2 * payload_per_s + 2 * loop_per_s + drop_per_s
    third_per_s = batch * pull_per_s / 3
    left_per_s = pytest.approx(batch * pull_per_s - taken_per_s)
    assert params.free_pulls_per_s == (left_per_s if params.pulls_suffice else pytest.approx(third_per_s))


def test_pulls_that_suffice_only_before_rounding_suffice() -> None:
    # 1.5 x 0.8 comes out as 1.2000000000000002.
    params = NetworkParams(
        payload_rate_per_s=0.1, loop_rate_per_s=0.2, drop_rate_per_s=0.2, pull_rate_per_s=0.12, pull_batch=10
    )
    assert params.pulled_per_s < params.least_pulled_per_s
    assert params.pulls_suffice
    assert not msgspec.structs.replace(params, pull_rate_per_s=0.1199).pulls_suffice


def test_pulls_that_do_not_suffice_are_told_with_their_figures() -> None:
    assert NetworkParams().pulls_fault is None
    assert NetworkParams(pull_batch=8).pulls_fault == (
        "pulls fetch 8 items a second (pull_rate_per_s x pull_batch), but the streams of others can bring 3 a second "
        "and own packets 2.5 answers: it takes 1.5 times as many, at least 8.25"
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"delay_mean_s": float("inf")}, "delay_mean_s must be a finite number"),
        ({"drop_rate_per_s": float("nan")}, "drop_rate_per_s must be a finite number"),
        ({"grace_s": 1800}, r"grace_s \(1800\) must be less than half of epoch_length_s \(3600\)"),
        ({"delay_mean_s": 131.0}, r"delay_mean_s \(131.0\) is too long for epoch_length_s \(3600\)"),
    ],
)
def test_figures_that_contradict_each_other_are_refused(changes: dict[str, float], text: str) -> None:
    with pytest.raises(MisuseError, match=text):
        NetworkParams(**changes)  # type: ignore[arg-type]


def test_a_host_waits_for_shares_for_two_paths_and_a_second() -> None:
    assert NetworkParams(layers=3, delay_mean_s=0.2).settling_s == pytest.approx(2 * 5 * 0.2 + 1)
