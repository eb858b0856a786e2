"""Topics of benchmarks: found by name, and one module that fails hides nothing of the others."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks.report import Figure
from benchmarks.topics import failed, measure_topic, modules_of

MEASURING = "tests.worlds.measuring"


def test_a_topic_is_a_module_that_measures_or_one_that_names_several() -> None:
    assert {"benchmarks.stores", "benchmarks.asking.inside"} < set(modules_of("services") or ())
    assert modules_of("asking.inside") == ["benchmarks.asking.inside"]
    assert modules_of("stores") == ["benchmarks.stores"]
    modules = ["benchmarks.sphinx_speed", "benchmarks.relay", "benchmarks.overload", "benchmarks.strangers"]
    assert modules_of("network") == modules


@pytest.mark.parametrize("topic", ["", "nothing", "report", "topics", "../benchmarks", "stores.nothing", "__main__"])
def test_what_does_not_measure_is_no_topic(topic: str) -> None:
    assert modules_of(topic) is None


def test_the_modules_of_every_topic_are_there() -> None:
    for topic in ("network", "simulations", "services", "votes"):
        for module in modules_of(topic) or ():
            assert modules_of(module.removeprefix("benchmarks.")) == [module]


def test_a_module_that_fails_hides_nothing_of_the_others(capfd: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    modules = [f"{MEASURING}.{name}" for name in ("failing", "unnamed", "good")]
    measured = measure_topic(modules, tell=told.append)
    assert measured.figures == [
        Figure(name="plums", value=7.0, unit="plums"),
        *(failed("cherries"), failed("grapes"), failed("unnamed")),
        Figure(name="apples", value=3.0, unit="apples"),
        Figure(name="pears", value=2.0, unit="pears", reference=4.0, ratio=0.5, bar=1.0, met=True),
    ]
    assert measured.problems == [
        f"{MEASURING}.{name}: failed with exit code 1; the reason is above" for name in ("failing", "unnamed")
    ]
    assert told[::2] == [f"{module} ..." for module in modules]
    assert [line.partition(" took ")[0] for line in told[1::2]] == modules
    shown = capfd.readouterr().err
    assert "there are no cherries" in shown
    assert "nosuchlibrary" in shown


def test_what_takes_too_long_is_stopped_with_all_that_it_started() -> None:
    begin_s = time.monotonic()
    modules = [f"{MEASURING}.hanging", f"{MEASURING}.good"]
    measured = measure_topic(modules, tell=lambda line: None, longest_s=8.0)
    assert time.monotonic() - begin_s < 20
    sleep, *others = measured.figures
    assert [figure.value for figure in others] == [None] * 3
    assert measured.problems == [f"{module}: took too long and was stopped" for module in modules]
    assert sleep.value is not None
    until_s = time.monotonic() + 10
    while _runs(int(sleep.value)) and time.monotonic() < until_s:
        time.sleep(0.05)
    assert not _runs(int(sleep.value))


def _runs(pid: int) -> bool:
    """Tell whether a process is there and not merely waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
