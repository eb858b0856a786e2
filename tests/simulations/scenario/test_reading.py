"""Scenarios are read strictly: each refusal names file, key and range, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulations.scenario import Scenario, ScenarioError, change, load_scenario, parse_scenario, scenario_named
from simulations.scenario.reading import MOST_BYTES

REFUSALS = [
    ("mix.delay_mean_s = -1", "mix.delay_mean_s is -1: must be above 0 and at most 86400 (seconds)"),
    ("mix.delay_mean_s = nan", "mix.delay_mean_s is nan: must be above 0 and at most 86400 (seconds)"),
    ("run.duration_s = inf", "run.duration_s is inf: must be above 0 and at most 1000000000 (seconds)"),
    ("links.latency_s = -inf", "links.latency_s is -inf: must be from 0 to 1000000000 (seconds)"),
    ('mix.delay_mean_s = "slow"', 'mix.delay_mean_s is "slow": must be above 0 and at most 86400 (seconds)'),
    ("mix.delay_mean_s = true", "mix.delay_mean_s is true: must be above 0 and at most 86400 (seconds)"),
    ("topology.layers = 2.5", "topology.layers is 2.5: must be a whole number from 1 to 64"),
    ("topology.layers = true", "topology.layers is true: must be a whole number from 1 to 64"),
    ("topology.layers = 65", "topology.layers is 65: must be a whole number from 1 to 64"),
    (f"users.count = {'9' * 99}", "users.count is a number of more than 60 digits: must be a whole number from 1"),
    ("traffic.payload_rate_per_s = -2", "must be from 0 to 1000000000 (per second)"),
    ("users.messages_per_day = -2", "must be from 0 to 1000000000 (per day)"),
    ("packets.payload_bytes = 3", "must be a whole number from 1280 to 32768 (bytes)"),
    (
        "attacks.n_minus_one.false_alarm_rate = 1",
        "attacks.n_minus_one.false_alarm_rate is 1: must be above 0 and below 1",
    ),
    ("traffic.replies = 1", "traffic.replies is 1: must be true or false"),
    ('links.model = "slow"', 'links.model is "slow": must be one of constant, geographic, matrix, quantiles, uniform'),
    ("links.quantiles = [[0, 1, 2]]", "links.quantiles is [[0, 1, 2]]: must be a list, each item ["),
    ("description = 3", "description is 3: must be text"),
    ('corruption.placement = "biased"', 'corruption.placement "biased" is "favoured" now, with the same figures.'),
    ('corruption.placement = "bad"', "must be one of balanced, favoured, heaviest, random"),
    ("topology.mix_weights = [6]", "must be a list, each item a list, each item above 0"),
    ("topology.mix_weights = [[0]]", "topology.mix_weights is [[0]]: must be a list"),
    ("topology.mix_weights = [[6], []]", "topology.mix_weights has 2 lists: it may have none, one for all layers, or"),
    ("topology.mix_weights = [[1, 2, 3, 4]]", "a list of 4 weights, more than topology.mixes_per_layer (3)"),
    ('name = "Großer Test"', "must be text of small letters"),
    ('name = "two\\nlines"', 'name is "two lines": must be text of small letters'),
    ("mix = 3", "mix is 3: must be a table, [mix]"),
    ("attacks.fifo = 3", "attacks.fifo is 3: must be a table, [attacks.fifo]"),
    ("seeds.root = -1", "seeds.root is -1: must be a whole number from 0 to 4611686018427387904"),
    ("seeds.links = 1.5", "seeds.links is 1.5: must be a whole number from 0"),
    (
        "mix.dealy_mean_s = 1",
        'unknown key "dealy_mean_s" in [mix] (allowed: delay_mean_s; did you mean "delay_mean_s"?)',
    ),
    ("delay_mean_s = 1", "did you mean mix.delay_mean_s?"),
    ("mixes.delay_mean_s = 1", 'unknown key "mixes" (allowed: name, description, topology'),
    ("attacks.fifo.tirals = 1", 'unknown key "tirals" in [attacks.fifo]'),
    ("links = {model = 'uniform', low_s = 2}", "links.low_s (2.0) is above links.high_s (0.1)"),
    ("links.model = 'matrix'", "links.matrix (a file) and links.model"),
    # Contradictions name both keys.
    ("users.count = 10\nusers.online_share = 0.01", "users.count (10) x users.online_share (0.01) is 0.1"),
    (
        "traffic = {payload_rate_per_s = 0, loop_rate_per_s = 0, drop_rate_per_s = 0}",
        "are all 0: no user sends anything",
    ),
    ("users.count = 5", "users.contacts (10) must be below users.count (5)"),
    ("users.messages_per_day = 1e6", "more than traffic.payload_rate_per_s x users.online_share sends (2)"),
    (
        "topology.providers = 0\n[requests]\npause_mean_s = 1.0",
        "[requests] asks services that providers host, and topology.providers is 0",
    ),
    (
        "traffic.payload_rate_per_s = 0\nusers.messages_per_day = 0\n[requests]\npause_mean_s = 1.0",
        "[requests] leaves with the payload stream, and traffic.payload_rate_per_s is 0",
    ),
    (
        "users.count = 20\nusers.guests_share = 0.5",
        "users.contacts (10) must be below users.count (20) less the 10 guests: contacts are other users with names",
    ),
    ("traffic.pull_rate_per_s = 0.1", "traffic.pull_rate_per_s (0.1) x traffic.pull_batch (9) gets 0.9 packets"),
    ("run.targets = 1000000\nusers.count = 100", "run.targets (1000000) is more than the payload packets"),
    ("attacks.n_minus_one = {}\ntraffic.node_loop_rate_per_s = 0", "traffic.node_loop_rate_per_s must be above 0"),
    ("attacks.n_minus_one = {}\ntopology.providers = 0", "attacks.n_minus_one is judged by the nodes' own loops"),
    ("attacks.dropping = {}", "attacks.dropping is what corrupt mixes do: corruption.share must be above 0"),
    ("attacks.disclosure = {days = 0.001, round_s = 100}", "attacks.disclosure.round_s (100) is longer than"),
    # What is no TOML.
    ("mix.delay_mean_s = ", "is not valid TOML"),
    ("a = " + "[" * 5000, "is not valid TOML"),
    ("a = " + "9" * 5000, "is not valid TOML"),
    ("mix.delay_mean_s = 1\nmix.delay_mean_s = 2", "is not valid TOML"),
]


@pytest.mark.parametrize(("text", "expected"), REFUSALS, ids=[text[:40] for text, _ in REFUSALS])
def test_what_is_refused_names_file_key_and_range(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "my.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value).removeprefix(str(path))
    assert len(str(caught.value)) < 1000


def test_the_boundaries_themselves_are_allowed() -> None:
    scenario = parse_scenario(
        "[mix]\ndelay_mean_s = 86400\n[users]\ncount = 1_000_000_000\n[corruption]\nshare = 1\n[topology]\nlayers = 64",
        source="text",
    )
    assert scenario.mix.delay_mean_s == 86_400.0
    assert scenario.topology.layers == 64


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xff\xfe\x00", "is not UTF-8 text (byte 0)"),
        (b"\x00" * 100, "is not valid TOML"),
        (b"# " + b"x" * MOST_BYTES, "is larger than 1000000 bytes"),
    ],
)
def test_files_that_are_no_scenarios_are_refused_in_a_line(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "my.toml"
    path.write_bytes(content)
    with pytest.raises(ScenarioError, match=expected.replace("(", r"\(").replace(")", r"\)")):
        load_scenario(path)


def test_a_directory_a_device_and_nothing_are_refused_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="is a directory, not a scenario"):
        load_scenario(tmp_path)
    with pytest.raises(ScenarioError, match="there is no such file"):
        load_scenario(tmp_path / "absent.toml")
    with pytest.raises(ScenarioError, match="is larger than"):
        load_scenario(Path("/dev/zero"))
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_scenario(Path("a\0b"))


def test_an_empty_file_is_the_default_scenario(tmp_path: Path) -> None:
    path = tmp_path / "empty.toml"
    path.write_text("")
    assert load_scenario(path) == Scenario()


def test_a_name_is_a_file_first_and_then_a_scenario_that_comes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert scenario_named("default").name == "default"
    (tmp_path / "default").write_text('name = "mine"')
    assert scenario_named("default").name == "mine"
    with pytest.raises(ScenarioError, match=r'no file "defalt" and no scenario of that name \(there are: .*default'):
        scenario_named("defalt")


def test_change_sets_keys_and_checks_them() -> None:
    changed = change(Scenario(), {"mix.delay_mean_s": 0.5, "topology.layers": 2})
    assert (changed.mix.delay_mean_s, changed.topology.layers) == (0.5, 2)
    assert Scenario().mix.delay_mean_s == 0.2
    fifo = change(Scenario(), {"attacks.fifo.trials": 7}).attacks.fifo
    assert fifo is not None
    assert fifo.trials == 7
    assert change(Scenario(), {"attacks.fifo": {}}).attacks.fifo is not None
    assert change(change(Scenario(), {"attacks.fifo": {}}), {"attacks.fifo": None}) == Scenario()


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("mix.delay_mean_s", -1, "-p: mix.delay_mean_s is -1: must be above 0 and at most 86400 (seconds)"),
        ("mix.dealy", 1, '-p: unknown key "dealy" in [mix]'),
        ("mix.delay_mean_s.x", 1, '-p: unknown key "mix.delay_mean_s.x": delay_mean_s is no table'),
        ("", 1, '-p: unknown key ""'),
        ("mix", {"delay_mean_s": 0}, "-p: mix.delay_mean_s is 0: must be above 0"),
        ("mix", None, "-p: mix is None: must be a table"),
    ],
)
def test_change_refuses_as_a_file_does_naming_the_option(key: str, value: object, expected: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        change(Scenario(), {key: value}, source="-p")
    assert str(caught.value).startswith(expected)


def test_keys_that_contradict_each_other_only_one_by_one_are_changed_together() -> None:
    changed = change(Scenario(), {"users.count": 5, "users.contacts": 4})
    assert (changed.users.count, changed.users.contacts) == (5, 4)
