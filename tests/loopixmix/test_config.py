"""Configuration files: what is refused, and in which words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from client.directory.configuration import COMMENTS as CLIENT_COMMENTS
from client.directory.configuration import config_text
from loopixmix.authority.config import AUTHORITY_COMMENTS, AuthorityConfig, authority_toml
from loopixmix.config import commented_toml, load_config, load_editable, load_trust_root, parse_config
from loopixmix.errors import ConfigError
from loopixmix.node.config import NODE_COMMENTS, node_toml
from loopixmix.params import NetworkParams
from provider.accounts import RegistrationMode
from provider.config import PROVIDER_COMMENTS, provider_toml

ROOT = Path(__file__).parents[2]


class Peer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    port: int = 1


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    params: NetworkParams = NetworkParams()
    peers: tuple[Peer, ...] = ()
    backup: Peer | None = None
    by_name: dict[str, Peer] = {}


class Square(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="square"):
    side: int


class Circle(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="circle"):
    radius: int


class Drawing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    shapes: tuple[Square | Circle, ...]


def fault(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, Example, source="node.toml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_good_file_becomes_its_struct(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text('name = "a"\n[params]\nlayers = 2\ndelay_mean_s = 1\n[[peers]]\nname = "b"\n')
    config = load_config(path, Example)
    assert config == Example(name="a", params=NetworkParams(layers=2, delay_mean_s=1.0), peers=(Peer(name="b"),))
    assert isinstance(config.params.delay_mean_s, float)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'nmae = "a"',
            'node.toml: unknown key "nmae" (allowed: name, params, peers, backup, by_name; did you mean "name"?)',
        ),
        ('name = "a"\nzzzzz = 1', 'node.toml: unknown key "zzzzz" (allowed: name, params, peers, backup, by_name)'),
        (
            'name = "a"\n[[peers]]\nname = "b"\nprot = 1',
            'node.toml: unknown key "prot" in [peers[0]] (allowed: name, port; did you mean "port"?)',
        ),
        (
            'name = "a"\n[backup]\nname = "b"\nprot = 1',
            'node.toml: unknown key "prot" in [backup] (allowed: name, port; did you mean "port"?)',
        ),
        (
            'name = "a"\n[by_name.x]\nname = "b"\nhost = 1',
            'node.toml: unknown key "host" in [by_name.x] (allowed: name, port)',
        ),
        ("", 'node.toml: key "name" is missing'),
        ('name = "a"\n[backup]\nport = 1', 'node.toml: key "backup.name" is missing'),
        ("name = 1", 'node.toml: key "name": expected text, got a whole number'),
        ('name = "a"\n[params]\nlayers = 9', 'node.toml: key "params.layers": expected a whole number <= 8'),
        (
            'name = "a"\n[params]\ngrace_s = 1800',
            "node.toml: grace_s (1800) must be less than half of epoch_length_s (3600)",
        ),
    ],
)
def test_a_mistake_is_named_with_file_key_and_what_is_allowed(text: str, expected: str) -> None:
    assert fault(text) == expected


def test_a_key_says_which_of_several_kinds_a_table_is() -> None:
    text = '[[shapes]]\nkind = "square"\nside = 2\n[[shapes]]\nkind = "circle"\nradius = 3\n'
    assert parse_config(text, Drawing, source="x.toml") == Drawing(shapes=(Square(2), Circle(3)))
    for wrong, words in (
        (text.replace("radius", "raduis"), r'unknown key "raduis" in \[shapes\[1\]\] \(allowed: radius; did you mean'),
        (text.replace('"circle"', '"cube"'), "cube"),
        (text.replace('kind = "circle"', ""), "kind"),
    ):
        with pytest.raises(ConfigError, match=words):
            parse_config(wrong, Drawing, source="x.toml")


def test_an_unknown_key_in_the_parameters_lists_those_that_exist() -> None:
    assert "in [params] (allowed: layers, delay_mean_s, " in fault('name = "a"\n[params]\nlayer = 2')
    assert 'did you mean "layers"?' in fault('name = "a"\n[params]\nlayer = 2')


def test_broken_toml_names_the_place() -> None:
    assert fault("name = \n").startswith("node.toml: is not valid TOML: ")
    assert "line 1" in fault("name = \n")


def test_files_that_cannot_be_read_give_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load_config(tmp_path / "none.toml", Example)
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path, Example)
    (tmp_path / "latin.toml").write_bytes('name = "ä"'.encode("latin-1"))
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_config(tmp_path / "latin.toml", Example)


def test_the_trust_root_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "network.toml"
    authority = f'[[authorities]]\npublic_key = "{"ab" * 32}"\nurl = "http://127.0.0.1:9000"\n'
    path.write_text(f'name = "example"\nepoch_length_s = 60\n{authority}')
    root = load_trust_root(path)
    assert root.authority_keys == {b"\xab" * 32}
    assert (root.threshold, root.epoch_length_s) == (1, 60)
    path.write_text(f'name = "example"\nthreshold = 2\n{authority}')
    with pytest.raises(ConfigError, match=r"network.toml: threshold \(2\) is more than the authorities \(1\)"):
        load_trust_root(path)
    path.write_text(f'name = "example"\n{authority * 2}')
    with pytest.raises(ConfigError, match="named twice"):
        load_trust_root(path)
    path.write_text(f'name = "example"\n{authority.replace("ab", "AB")}')
    with pytest.raises(ConfigError, match=r"authorities\[0\]\.public_key"):
        load_trust_root(path)


def test_a_file_for_people_has_a_comment_above_each_key_that_needs_one() -> None:
    values = {"limits": {"links": 3, "drain_s": 5.0}, "name": 'a "b"', "nodes": [], "services": ["echo"]}
    comments = {
        "name": "What it is called.",
        "limits": "Bounds.",
        "limits.drain_s": "How long.\nIn seconds.",
        "nodes": "[[nodes]]",
    }
    assert (
        commented_toml(values, head="A file.", comments=comments)
        == """\
# A file.

# What it is called.
name = "a \\"b\\""
services = ["echo"]

[limits]
# Bounds.
links = 3

# How long.
# In seconds.
drain_s = 5.0

# [[nodes]]
"""
    )


def test_a_list_of_tables_comes_back() -> None:
    values = {"nodes": [{"id": "1"}, {"id": "2", "name": "mix"}], "first": True}
    assert tomllib.loads(commented_toml(values, head="", comments={})) == values


def test_an_empty_list_is_written_as_one_and_above_all_sections() -> None:
    values = {"limits": {"peers": []}, "trusted": [], "nodes": []}
    text = commented_toml(
        values, head="", comments={"trusted": "Whom to trust.", "nodes": "One table each.\n[[nodes]]"}
    )
    assert tomllib.loads(text) == {"limits": {"peers": []}, "trusted": []}


@pytest.mark.parametrize(
    ("text", "comments"),
    [
        (node_toml(name="mix1", listen="127.0.0.1:1", advertise=""), NODE_COMMENTS),
        (
            provider_toml(name="p1", listen="127.0.0.1:1", advertise="", registration=RegistrationMode.OPEN),
            PROVIDER_COMMENTS,
        ),
        (authority_toml(AuthorityConfig(listen="127.0.0.1:1", params=NetworkParams())), AUTHORITY_COMMENTS),
        (config_text(0), CLIENT_COMMENTS),
    ],
)
def test_every_comment_of_a_template_is_in_its_file(text: str, comments: Mapping[str, str]) -> None:
    """A key that was renamed would lose its comment without a word."""
    for comment in comments.values():
        lines = [f"# {line}".rstrip() for line in comment.splitlines()]
        assert "\n".join(lines) in text


def test_a_file_may_begin_with_the_mark_of_utf_8(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text('name = "a"', encoding="utf-8-sig")
    assert load_config(tmp_path / "node.toml", Example).name == "a"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a = " + "1" * 5000, "a number has more than 4300 digits"),
        ("a = " + "[" * 3000, "nested too deeply"),
        ("a = " + "{b = " * 3000, "nested too deeply"),
        ("a", "is not valid TOML: "),
    ],
)
def test_what_tomllib_cannot_take_is_a_mistake_in_the_file(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "file.toml"
    path.write_text(text)
    for read in (lambda: load_config(path, Example), lambda: load_editable(path)):
        with pytest.raises(ConfigError, match=reason) as caught:
            read()
        assert str(caught.value).startswith(f"{path}: is not valid TOML: ")


def test_nobody_else_reads_toml() -> None:
    """Whoever calls a parser of TOML has its undeclared errors, which `loopixmix.config` knows."""
    called = re.compile(r"tomllib|toml\.decode|tomlkit\.(parse|load)")
    packages = ("loopixmix", "provider", "client", "leap_plugin", "votes", "stats", "simulations")
    sources = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    assert [path.name for path in sources if called.search(path.read_text("utf-8"))] == ["config.py"]
