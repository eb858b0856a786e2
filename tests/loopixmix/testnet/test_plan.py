"""What a test network consists of."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from loopixmix.config import load_config
from loopixmix.errors import ConfigError
from loopixmix.testnet.plan import FAST_PARAMS, TestnetPlan, plan_toml, planned_nodes


def test_every_layer_gets_its_width_and_every_node_a_port_of_its_own() -> None:
    plan = TestnetPlan(width=3, providers=4, base_port=5000, params=msgspec.structs.replace(FAST_PARAMS, layers=2))
    nodes = planned_nodes(plan)
    assert [node.role for node in nodes] == ["authority"] + ["mix"] * 6 + ["provider"] * 4
    assert [node.port for node in nodes] == list(range(5000, 5011))
    assert len({node.name for node in nodes}) == 11


def test_a_plan_reads_back_from_its_file(tmp_path: Path) -> None:
    plan = TestnetPlan(width=5, providers=1, base_port=2000)
    path = tmp_path / "testnet.toml"
    path.write_text(plan_toml(plan))
    assert load_config(path, TestnetPlan) == plan


def test_an_unknown_key_is_named_with_the_allowed_ones(tmp_path: Path) -> None:
    path = tmp_path / "testnet.toml"
    path.write_text(plan_toml(TestnetPlan()).replace("width", "widht"))
    with pytest.raises(ConfigError, match=r"testnet\.toml: .*widht.*width"):
        load_config(path, TestnetPlan)
