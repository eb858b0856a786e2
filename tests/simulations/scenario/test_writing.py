"""A scenario written as TOML reads back as the same scenario."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import MisuseError
from simulations.scenario import Scenario, ScenarioError, change, parse_scenario, to_toml
from simulations.scenario.values import (
    Attacks,
    Corruption,
    Disclosure,
    Fifo,
    Links,
    Mix,
    NMinusOne,
    Prices,
    SeedChoice,
    Topology,
)

_seeds = st.integers(0, 2**62)
_tables = st.builds(
    Scenario,
    name=st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,63}", fullmatch=True),
    description=st.text(),
    topology=st.builds(
        Topology, layers=st.integers(1, 64), mixes_per_layer=st.integers(1, 100_000), providers=st.integers(1, 100_000)
    ),
    mix=st.builds(Mix, delay_mean_s=st.floats(0, 86_400, exclude_min=True)),
    links=st.builds(
        Links,
        latency_s=st.floats(0, 1e9),
        loss=st.floats(0, 1, exclude_max=True),
        quantiles=st.lists(st.floats(0, 1), max_size=5).map(lambda found: tuple((x, x) for x in sorted(found))),
    ),
    corruption=st.builds(
        Corruption, share=st.floats(0, 1), placement=st.sampled_from(["balanced", "random", "favoured"])
    ),
    attacks=st.builds(
        Attacks,
        n_minus_one=st.none() | st.builds(NMinusOne, window_loops=st.integers(1, 100_000)),
        fifo=st.none() | st.builds(Fifo, trials=st.integers(1, 1_000_000_000)),
        disclosure=st.none() | st.builds(Disclosure, cover=st.booleans()),
    ),
    seeds=st.builds(SeedChoice, root=_seeds, mixing=st.none() | _seeds),
    prices=st.builds(Prices, date=st.text(), currency=st.text()),
)


@given(_tables)
def test_what_is_written_reads_back(scenario: Scenario) -> None:
    assert parse_scenario(to_toml(scenario), source="text") == scenario


@given(_tables)
def test_writing_is_a_function_of_the_scenario(scenario: Scenario) -> None:
    again = msgspec.json.decode(msgspec.json.encode(scenario), type=Scenario)
    assert to_toml(again) == to_toml(scenario)


@given(st.floats(0, 1e9))
def test_any_number_in_its_range_is_kept_exactly(number: float) -> None:
    changed = change(Scenario(), {"run.drain_s": number})
    assert parse_scenario(to_toml(changed), source="text").run.drain_s == number


@given(st.floats(max_value=0, exclude_max=True) | st.floats(min_value=1e9, exclude_min=True) | st.just(float("nan")))
def test_any_other_number_is_refused(number: float) -> None:
    with pytest.raises(ScenarioError, match=r"run\.drain_s is .*: must be from 0 to 1000000000"):
        change(Scenario(), {"run.drain_s": number})


def test_every_mark_of_text_survives() -> None:
    text = "".join(map(chr, range(0x250))) + '"""\\\\ \U0001f512'
    scenario = msgspec.structs.replace(Scenario(), description=text)
    assert parse_scenario(to_toml(scenario), source="text").description == text


def test_text_that_no_file_can_hold_is_refused() -> None:
    with pytest.raises(MisuseError, match="no Unicode"):
        to_toml(msgspec.structs.replace(Scenario(), description="\ud800"))
