"""The scenarios that come along: all load, and the template holds every key, its range and its default."""

from __future__ import annotations

import re
import tomllib

import pytest
import tomli_w

from simulations.flows.deployed import params_of
from simulations.scenario import Scenario, load_scenario, parse_scenario, shipped
from simulations.scenario.ranges import allowed, keys
from simulations.workbench.engines import engine_named

DEFAULT = shipped()["default"].read_text(encoding="utf-8")
ENGINES = dict.fromkeys(("small-nodes", "thousand-clients", "attacks-on-nodes", "guests-ask"), "nodes")
_TABLE = re.compile(r"^(?:# )?\[([a-z_.]+)\]$")
_KEY = re.compile(r"^(?:# )?([a-z_]+) = (.+)$")


def commented_keys() -> dict[str, tuple[str, str]]:
    """Return the value and the comment above it of each key of the template, those in comments as well."""
    found, table, comment = {}, "", ""
    for line in DEFAULT.splitlines():
        if _TABLE.match(line):
            table, comment = _TABLE.sub(r"\1.", line), ""
        elif _KEY.match(line):
            name, value = _KEY.match(line).groups()
            found[table + name], comment = (value, comment), ""
        elif line.startswith("# "):
            comment += " " + line[2:]
        else:
            comment = ""
    return found


def test_the_template_has_every_key_in_order() -> None:
    assert list(commented_keys()) == [key for key, _ in keys()]


@pytest.mark.parametrize(("key", "default"), [pair for pair in keys() if "." in pair[0]])
def test_the_template_says_range_and_default(key: str, default: object) -> None:
    value, comment = commented_keys()[key]
    assert allowed(key).lower() in comment.lower()
    if default is None:
        assert comment.endswith("default root.")
    else:
        written = tomli_w.dumps({key: default}).strip().partition(" = ")[2]
        assert comment.endswith(f"default {written}.")
        assert value == written


def test_the_template_is_the_default_scenario() -> None:
    table = tomllib.loads(DEFAULT)
    del table["name"], table["description"]
    values = {f"{section}.{key}": value for section, inner in table.items() for key, value in inner.items()}
    assert set(values) < {key for key, _ in keys()}
    loaded = load_scenario(shipped()["default"])
    assert (loaded.mix, loaded.traffic, loaded.run) == (Scenario().mix, Scenario().traffic, Scenario().run)


def test_what_the_template_has_in_comments_can_be_used() -> None:
    lines = [
        line.removeprefix("# ") if _TABLE.match(line) or _KEY.match(line) else line for line in DEFAULT.splitlines()
    ]
    text = "\n".join(lines).replace("\nshare = 0.0", "\nshare = 0.3")  # dropping wants corrupt mixes
    scenario = parse_scenario(text, source="template")
    assert scenario.attacks.fifo is not None
    assert scenario.attacks.dropping is not None
    assert scenario.seeds.measures == 1


@pytest.mark.parametrize("name", shipped())
def test_a_scenario_loads_says_what_it_is_and_can_be_run(name: str) -> None:
    scenario = load_scenario(shipped()[name])
    assert scenario.name == name
    assert 20 < len(scenario.description) < 110
    engine_named(ENGINES.get(name, "vector")).check(scenario)


@pytest.mark.parametrize("name", shipped())
def test_a_scenario_that_comes_along_pulls_as_much_as_an_authority_demands(name: str) -> None:
    assert params_of(load_scenario(shipped()[name])).pulls_fault is None


@pytest.mark.parametrize("name", shipped())
def test_commands_in_the_comments_of_a_scenario_name_it_and_its_keys(name: str) -> None:
    text = shipped()[name].read_text(encoding="utf-8")
    commands = re.findall(r"loopixmix simulate run (\S+)(.*)", text)
    assert commands or name == "default"
    for named, options in commands:
        assert named == name
        assert set(re.findall(r"-p ([a-z_.]+)=", options)) <= {key for key, _ in keys()}
