"""What a test network consists of."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from loopixmix.config import load_config
from loopixmix.errors import ConfigError
from loopixmix.testnet.plan import (
    FAST_PARAMS,
    Additions,
    PlannedClient,
    PlannedDomain,
    PlannedProgram,
    PlannedRates,
    PlannedService,
    TestnetPlan,
    plan_toml,
    planned_nodes,
)


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


EVERYTHING = Additions(
    services=(PlannedService("poll", settings={"question": "Why?", "options": ["a", "b"], "days": 3, "open": True}),),
    programs=(PlannedProgram("board", ("{python}", "-P", "-m", "board"), status_file="status.json"),),
    clients=(
        PlannedClient("carol", provider=2),
        PlannedClient("dave", guest=True),
        PlannedClient("gate", gateway=PlannedRates(pull_batch=200)),
    ),
    domains=(PlannedDomain("example.org", 1, "gate"), PlannedDomain("example.net", 2)),
    mailbox_items=60_000,
)


def test_a_plan_with_additions_reads_back_from_its_file(tmp_path: Path) -> None:
    plan = TestnetPlan().with_additions(EVERYTHING)
    path = tmp_path / "testnet.toml"
    path.write_text(plan_toml(plan))
    assert load_config(path, TestnetPlan) == plan
    twice = plan.with_additions(Additions(clients=(PlannedClient("erin"),)))
    assert [client.name for client in twice.clients] == ["carol", "dave", "gate", "erin"]
    assert (twice.domains, twice.mailbox_items) == (plan.domains, 60_000)
    assert twice.services == plan.services


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (Additions(clients=(PlannedClient("carol"), PlannedClient("carol"))), '"carol" stands there twice'),
        (Additions(clients=(PlannedClient("mix-1"),)), '"mix-1" stands there twice'),
        (Additions(programs=(PlannedProgram("carol", ("x",)),), clients=(PlannedClient("carol"),)), '"carol" stands'),
        (Additions(clients=(PlannedClient("carol", provider=3),)), '"carol" is to be at provider-3, of 2'),
        (
            Additions(services=(PlannedService("poll", program="board"),)),
            '"poll" needs a program "board" with a socket',
        ),
        (
            Additions(services=(PlannedService("poll", program="board"),), programs=(PlannedProgram("board", ("x",)),)),
            '"poll" needs a program "board" with a socket',
        ),
        (
            Additions(services=(PlannedService("poll"), PlannedService("poll", settings={"days": 3}))),
            'the service "poll" stands twice, with different settings',
        ),
        (Additions(domains=(PlannedDomain("a.org", 3),)), '"a.org" is to be at provider-3, of 2'),
        (
            Additions(domains=(PlannedDomain("a.org", 1, "gate"),), clients=(PlannedClient("gate", provider=2),)),
            'every name of "a.org" is to reach the account of a client "gate" at provider-1, and there is none',
        ),
        (
            Additions(domains=(PlannedDomain("a.org", 1, "gate"),), clients=(PlannedClient("gate", guest=True),)),
            'the account of a client "gate" at provider-1, and there is none',
        ),
        (Additions(services=(PlannedService("poll", provider=9),)), '"poll" is to be at provider-9, of 2'),
    ],
)
def test_additions_that_do_not_fit_are_refused(more: Additions, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        TestnetPlan().with_additions(more)


def test_an_unknown_key_is_named_with_the_allowed_ones(tmp_path: Path) -> None:
    path = tmp_path / "testnet.toml"
    path.write_text(plan_toml(TestnetPlan()).replace("width", "widht"))
    with pytest.raises(ConfigError, match=r"testnet\.toml: .*widht.*width"):
        load_config(path, TestnetPlan)
