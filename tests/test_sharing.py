"""How the processes of one run share the tests: networks of two files never run at one time."""

from __future__ import annotations

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import pytest_xdist_make_scheduler
from tests.worlds import debian
from tests.worlds.sharing import NETWORKS, ROOT, NetworksInTurn, piece_of

INTEGRATION = "tests/integration"


@pytest.mark.parametrize("name", ["demo", "applications", "mail_mutt", "mail_thunderbird", "survey_codes"])
def test_networks_at_fixed_ports_are_one_piece_of_work(name: str) -> None:
    assert piece_of(f"{INTEGRATION}/test_{name}.py") == NETWORKS


@pytest.mark.parametrize("name", ["links", "daemon", "client_kill", "page_attacks"])
def test_any_other_file_is_a_piece_of_its_own(name: str) -> None:
    file = f"{INTEGRATION}/test_{name}.py"
    assert piece_of(file) == file


def test_every_whole_network_of_a_file_is_among_them() -> None:
    plans = [path for path in (ROOT / INTEGRATION).glob("test_*.py") if "TestnetPlan(" in path.read_text("utf-8")]
    assert len(plans) >= 5
    assert {piece_of(str(path.relative_to(ROOT))) for path in plans} == {NETWORKS}


def test_runs_of_several_processes_share_the_tests_so(pytestconfig: pytest.Config) -> None:
    shared = pytestconfig.__class__.fromdictargs({"dist": "loadfile", "tx": ["2*popen"], "numprocesses": 2}, [])
    scheduler = pytest_xdist_make_scheduler(shared, None)
    assert isinstance(scheduler, NetworksInTurn)
    files = [f"{INTEGRATION}/test_{name}.py" for name in ("demo", "links", "applications")]
    assert [scheduler._split_scope(f"{file}::test_it[a::b]") for file in files] == [NETWORKS, files[1], NETWORKS]
    assert pytest_xdist_make_scheduler(pytestconfig.__class__.fromdictargs({"dist": "load"}, []), None) is None


def test_a_program_that_all_of_them_need_is_installed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As root and with apt-get, which fails while another one runs."""
    installed: list[str] = []
    place = Path("/usr/bin/mutt")

    def install(package: str) -> bool:
        time.sleep(0.1)
        installed.append(package)
        return True

    monkeypatch.setattr(debian, "find_program", lambda name: place if installed else None)
    monkeypatch.setattr(debian, "install", install)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(debian.provide_program.__wrapped__, ["mutt"] * 4))
    assert installed == ["mutt"]
    assert found == [place] * 4
