"""The faces of the attacks: everything that a scenario asks for, by its name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loopixmix.errors import MisuseError
from simulations.attacks.node_attacks import run_attacks_on_nodes
from simulations.attacks.traces import run_attacks
from simulations.measures.attack_figures import ATTACK_FIGURES, names_of
from simulations.measures.catalogue import unit_of
from simulations.scenario.values import (
    Attacks,
    Corruption,
    Disclosure,
    Dropping,
    Fifo,
    FlowMatching,
    Links,
    Mix,
    NMinusOne,
    Run,
    Scenario,
    SeedChoice,
    Topology,
    Traffic,
    Users,
)
from simulations.seeds import Seeds

GUIDE = Path(__file__).parents[3] / "docs" / "simulating-attacks.md"
SCENARIO = Scenario(
    topology=Topology(mixes_per_layer=2),
    users=Users(count=30, contacts=3, online_share=0.5, messages_per_day=40),
    traffic=Traffic(node_loop_rate_per_s=4),
    mix=Mix(delay_mean_s=0.05),
    links=Links(latency_s=0.01),
    corruption=Corruption(share=0.5),
    run=Run(warm_up_s=2, duration_s=4, drain_s=2),
    attacks=Attacks(
        n_minus_one=NMinusOne(),
        fifo=Fifo(trials=1000),
        disclosure=Disclosure(days=2),
        flow_matching=FlowMatching(packets=20, candidates=5, trials=10),
        dropping=Dropping(),
    ),
)


@cache
def all_figures() -> dict[str, float]:
    told: list[float] = []
    figures = run_attacks(SCENARIO, Seeds(SeedChoice(), replicate=0), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    return figures | run_attacks_on_nodes(SCENARIO, Seeds(SeedChoice(), replicate=0), progress=told.append)


@cache
def shown_figures() -> dict[str, float]:
    shown = msgspec.structs.replace(
        SCENARIO, attacks=Attacks(flow_matching=FlowMatching(packets=20, candidates=5, trials=10, spread=False))
    )
    return run_attacks(shown, Seeds(SeedChoice(), replicate=0), progress=lambda _: None)


def test_every_attack_reports_success_against_its_bound() -> None:
    figures = all_figures()
    kinds = {name.split(".")[1] for name in figures}
    assert kinds == {
        "corruption",
        "fifo",
        "disclosure",
        "intersection",
        "flow_matching",
        "n_minus_one",
        "dropping",
    }
    for kind in kinds:
        assert 0 <= figures[f"attack.{kind}.success.low"] <= figures[f"attack.{kind}.success"]
        assert figures[f"attack.{kind}.success"] <= figures[f"attack.{kind}.success.high"] <= 1
        assert {f"attack.{kind}.bound", f"attack.{kind}.baseline"} & figures.keys()
    for name in figures:
        assert unit_of(name) in {"1", "s", "rounds", "users"}
    assert unit_of("attack.disclosure.rounds_needed") == "rounds"
    assert unit_of("attack.intersection.remaining_users.low") == "users"
    assert unit_of("attack.dropping.detected_users") == "1"
    assert unit_of("attack.n_minus_one.deployed.detection_s") == "s"


def test_the_guide_says_what_each_figure_is() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    tables = "".join(line for line in text.splitlines(keepends=True) if line.startswith("|"))
    named = set(re.findall(r"`(attack\.[\w.]+)`", tables))
    figures = {re.sub(r"\.(low|high)$", "", name).replace(".deployed", "") for name in all_figures()}
    figures |= {"attack.n_minus_one.detection_s"}  # where it is detected
    figures |= shown_figures().keys()
    assert {name for name in figures if not name.endswith((".low", ".high"))} == named


def test_the_names_of_all_figures_are_known() -> None:
    """A name that is not known is refused before a run."""
    seen = {
        *all_figures(),
        *shown_figures(),
        "attack.n_minus_one.detection_s",  # where it is detected
        "attack.n_minus_one.deployed.detection_s",
    }
    assert seen == {f"attack.{kind}.{name}" for kind in ATTACK_FIGURES for name in names_of(kind)}


def test_the_attack_of_the_guide_does_what_it_says() -> None:
    """H0: its bound is its share. 100,000 trials; judged at 2.6 half widths of the 95 % interval (below 1e-6)."""
    code = GUIDE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {"__name__": "guide"}
    exec(compile(code, str(GUIDE), "exec", dont_inherit=True), names)
    quiet = Scenario(users=Users(count=1), traffic=Traffic(node_loop_rate_per_s=0.001))
    figures = names["attack_lonely"](quiet, Seeds(SeedChoice(), replicate=0))
    half = (figures["attack.lonely.success.high"] - figures["attack.lonely.success.low"]) / 2
    assert figures["attack.lonely.bound"] > 0.01
    assert abs(figures["attack.lonely.success"] - figures["attack.lonely.bound"]) < 2.6 * half
    busy = names["attack_lonely"](Scenario(), Seeds(SeedChoice(), replicate=0))
    assert busy["attack.lonely.success"] == 0.0


def test_a_scenario_without_attacks_has_no_figures() -> None:
    plain = msgspec.structs.replace(SCENARIO, attacks=Attacks(), corruption=Corruption())
    assert run_attacks(plain, Seeds(SeedChoice(), replicate=0), progress=lambda _: None) == {}
    assert run_attacks_on_nodes(plain, Seeds(SeedChoice(), replicate=0), progress=lambda _: None) == {}


def test_what_the_deployed_code_cannot_do_is_refused_by_its_keys() -> None:
    for wrong, named in (
        (msgspec.structs.replace(SCENARIO, topology=Topology(providers=0)), r"topology\.providers"),
        (msgspec.structs.replace(SCENARIO, traffic=Traffic(replies=False)), r"traffic\.replies"),
    ):
        with pytest.raises(MisuseError, match=named):
            run_attacks_on_nodes(wrong, Seeds(SeedChoice(), replicate=0), progress=lambda _: None)
