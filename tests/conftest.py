"""What every test may use."""

from __future__ import annotations

import gc
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.worlds.chaos.disks import MOUNTING, can_mount
from tests.worlds.debian import provide_program
from tests.worlds.sharing import NetworksInTurn
from tests.worlds.terminal import Terminal
from tests.worlds.web.chromium import Chromium

# A shell that runs the tests in the background has them ignore SIGINT, and with them the programs that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Two threads that wait for each other by turning round and round cost more than the small sums that they share.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

settings.register_profile(
    "loopixmix",
    deadline=None,
    derandomize=True,
    max_examples=30,
    # It measures seconds, and fails where many tests share a processor: the examples are the same as elsewhere.
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("loopixmix")


@pytest.fixture
def rng() -> random.Random:
    """A seeded generator, so that a failure repeats."""
    return random.Random(20261122)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """Debian's Chromium; tests that use it are marked `long` and `needs(*BROWSER)` of tests.worlds.web.chromium."""
    browser = Chromium()
    yield browser
    browser.stop()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """Somebody at a terminal, with a home of their own."""
    opened = Terminal(tmp_path / "home")
    yield opened
    opened.close()


LEFT_OUT = pytest.StashKey[Counter[str]]()
"""How many tests were left out, by what they lack."""


def lacking(names: tuple[str, ...]) -> list[str]:
    """Return which of the programs and Python packages are not installed, and cannot be."""
    return [name for name in names if not _is_there(name)]


def _is_there(name: str) -> bool:
    if name == MOUNTING:
        return can_mount()
    return find_spec(name) is not None or provide_program(name) is not None


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = Counter()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer | None) -> LoadFileScheduling | None:
    """Share the tests among processes so that networks do not meet."""
    return NetworksInTurn(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_finish() -> None:
    # Every search for garbage would go through all modules and test items anew, which took a tenth of all the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out a test that needs what is not installed."""
    missing = [name for marker in item.iter_markers("needs") for name in lacking(marker.args)]
    if missing:
        item.config.stash[LEFT_OUT].update(missing)
        pytest.skip(f"needs {', '.join(missing)}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail where everything has to be installed: a test that is left out unnoticed shows nothing."""
    if os.environ.get("CI") and session.config.stash[LEFT_OUT] and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name, count in sorted(config.stash[LEFT_OUT].items()):
        terminalreporter.write_line(f"left out: {count} tests that need {name}, which is not installed")
