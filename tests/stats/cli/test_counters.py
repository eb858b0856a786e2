"""`loopixmix stats counters` and `relay`, from the plan to the sum."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from stats.counters.directory import LOCK_FILE, CountingDirectory
from stats.counters.ledger import put_share
from stats.counters.outbox import shares_of
from stats.counters.plan import CounterPlan, CountingNode, encode_plan
from stats.counters.shares import decode_share
from stats.counters.tallying import PeriodTally
from stats.running.directory import CollectorConfig, CollectorDirectory
from tests.worlds.running import told_by_running
from tests.worlds.stats.commands import good, refused
from tests.worlds.stats.counting import NoNoise, new_plan, status

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class Measurement:
    """A plan whose periods are over, three nodes and two collectors, each in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "status.json").write_bytes(status(1))
        self.relays, listed = [], []
        for name in ("mix-0", "mix-1", "mix-2"):
            path = directory / name
            said = good("relay", "init", path, "--status", directory / "status.json", "--client", directory / "client")
            listed.append(msgspec.json.decode(said, type=CountingNode))
            self.relays.append(CountingDirectory(path))
        self.plan: CounterPlan = new_plan(nodes=tuple(listed), opens=LONG_AGO)
        self.path = directory / "plan.json"
        self.path.write_bytes(encode_plan(self.plan))
        self.collectors = [directory / name for name in self.plan.collectors]
        for path, name in zip(self.collectors, self.plan.collectors, strict=True):
            CollectorDirectory.create(path, CollectorConfig())
            assert good("counters", "add", path, self.path, "--as", name).strip() == self.plan.plan_id.hex()

    def deliver(self, node: int, counted: tuple[int, int], to: tuple[int, ...] = (0, 1)) -> None:
        """Put the shares of a node's first period into the collectors."""
        from loopixmix.store.transactions import Store
        from stats.counters.store import SCHEMA

        tally = PeriodTally(0, True, counted)
        private = self.relays[node].private()
        made = shares_of(self.plan, node, tally, private, noise=NoNoise(), rng=random.Random(node))
        for place in to:
            store = Store(SCHEMA, CollectorDirectory(self.collectors[place]).counters_url)
            share = decode_share(made[place].body, self.plan)
            assert store.write(lambda connection, s=share, b=made[place].body: put_share(connection, s, b))
            store.close()


@pytest.fixture
def measured(tmp_path: Path) -> Measurement:
    return Measurement(tmp_path)


def test_collectors_tell_totals_and_anybody_adds_them(measured: Measurement, tmp_path: Path) -> None:
    for node in range(3):
        measured.deliver(node, (100 * node, 1))
    outs = [tmp_path / f"total-{place}.json" for place in (0, 1)]
    for collector, out in zip(measured.collectors, outs, strict=True):
        assert json.loads(good("counters", "nodes", collector, measured.path, 0)) == ["mix-0", "mix-1", "mix-2"]
        assert "written" in good("counters", "total", collector, measured.path, 0, out)
    said = good("counters", "sum", measured.path, *outs)
    assert "packets: 300" in said
    assert "missing: none" in said
    told = json.loads(good("counters", "sum", measured.path, *outs, "--json"))
    assert [counter["value"] for counter in told["counters"]] == [300, 3]
    assert "one total of each collector" in refused("counters", "sum", measured.path, outs[0])
    assert "never overwritten" in refused("counters", "total", measured.collectors[0], measured.path, 0, outs[0])


def test_lists_are_compared_before_totals_are_told(tmp_path: Path) -> None:
    measured = Measurement(tmp_path)
    smaller = msgspec.structs.replace(measured.plan, least_nodes=2)
    measured.plan = smaller
    measured.path.write_bytes(encode_plan(smaller))
    for path, name in zip(measured.collectors, smaller.collectors, strict=True):
        good("counters", "add", path, measured.path, "--as", name)
    for node in range(3):
        measured.deliver(node, (10, 0), to=(0, 1) if node else (0,))
    lists, outs = [], []
    for place, collector in enumerate(measured.collectors):
        lists.append(tmp_path / f"nodes-{place}.json")
        outs.append(tmp_path / f"total-{place}.json")
        lists[place].write_text(good("counters", "nodes", collector, measured.path, 0))
    for place, collector in enumerate(measured.collectors):
        good("counters", "total", collector, measured.path, 0, outs[place], "--only", lists[1 - place])
    said = good("counters", "sum", measured.path, *outs)
    assert "packets: 20" in said
    assert "missing: mix-0" in said
    lists[0].write_text("{}")
    assert "no list of nodes" in refused(
        "counters", "total", measured.collectors[0], measured.path, 0, tmp_path / "x.json", "--only", lists[0]
    )


def test_nothing_is_told_while_shares_may_still_come(measured: Measurement, tmp_path: Path) -> None:
    far = msgspec.structs.replace(measured.plan, opens=LONG_AGO.replace(year=2099))
    measured.path.write_bytes(encode_plan(far))
    collector = measured.collectors[0]
    assert "are taken for another" in refused("counters", "total", collector, measured.path, 0, tmp_path / "x.json")
    assert "are taken for another" in refused("counters", "nodes", collector, measured.path, 0)
    assert "periods 0 to 2" in refused("counters", "nodes", collector, measured.path, 3)


def test_a_plan_is_written_checked_and_refused(measured: Measurement, tmp_path: Path) -> None:
    example = tmp_path / "example.json"
    assert "written" in good("counters", "new", example)
    said = good("counters", "check", example)
    assert "packets: each node adds noise of" in said
    told = json.loads(good("counters", "check", measured.path, "--json"))
    assert told["eps"] <= 1
    assert set(told["margins"]) == {"packets", "replays"}
    assert "not gamma" in refused("counters", "add", measured.collectors[0], measured.path, "--as", "gamma")
    assert "held already" in refused("counters", "add", measured.collectors[0], measured.path, "--as", "beta")
    example.write_bytes(b"{}")
    assert refused("counters", "check", example).startswith(f"{example}: no plan of counters")


def test_a_relay_knows_its_place(measured: Measurement, tmp_path: Path) -> None:
    relay = measured.directory / "mix-1"
    assert "plan.json: cannot be read" in refused("relay", "run", relay, "--check-config")
    (relay / "plan.json").write_bytes(encode_plan(measured.plan))
    assert "counts as mix-1" in good("relay", "run", relay, "--check-config")
    (relay / "plan.json").write_bytes(encode_plan(new_plan()))
    assert "no node with the key" in refused("relay", "run", relay, "--check-config")
    assert good("relay", "status", relay) == "not running\n"
    assert (relay / "relay.key").stat().st_mode & 0o777 == 0o600
    told = {"period": 1, "complete": False, "shares_on_their_way": 2, "problem": "x"}
    with told_by_running(relay / LOCK_FILE, told):
        said = good("relay", "status", relay)
    assert good("relay", "status", relay) == "not running\n"  # it was killed, and left its status behind
    assert "in period 1, which it joined too late to count; 2 shares on their way" in said
    assert "problem: x" in said
