"""Tests stand where their code stands: `tests/loopixmix/wire/test_codec.py` tests `loopixmix/wire/codec.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
OF_NO_MODULE = ("integration", "attacks", "chaos", "worlds", "native", "mutants")
"""Folders of tests that concern many modules, or none in Python."""
OF_A_FOLDER = (
    # One question asked of all modules of a folder: do they agree with others, whatever is refused, whatever happens.
    *("tests/loopixmix/directory/test_vectors.py", "tests/loopixmix/sphinx/test_vectors.py"),
    *("tests/loopixmix/requests/test_vectors.py", "tests/leap_plugin/mail/test_by_the_page.py"),
    "tests/votes/shuffle/test_vectors.py",
    *("tests/loopixmix/sphinx/test_agreement.py", "tests/loopixmix/sphinx/test_refusals.py"),
    *("tests/provider/store/test_opening.py", "tests/provider/store/test_state_machine.py"),
    *("tests/client/test_by_the_page.py", "tests/client/test_first_service.py", "tests/client/test_trust.py"),
    *("tests/client/test_delivery.py", "tests/client/test_problems.py", "tests/client/store/test_opening.py"),
    *("tests/client/http/serving/test_browser.py", "tests/client/running/test_clock.py"),
    *("tests/simulations/test_agreement.py", "tests/simulations/verify/test_misprints.py"),
    *("tests/simulations/workbench/test_commands.py", "tests/simulations/workbench/test_page.py"),
    *("tests/simulations/workbench/test_processes.py", "tests/simulations/planner/test_command.py"),
    *("tests/simulations/unlinkability/test_epsilon.py", "tests/simulations/unlinkability/test_of_scenarios.py"),
    *("tests/simulations/attacks/test_running.py", "tests/simulations/importing/test_measurements.py"),
    *("tests/simulations/plots/test_results_figures.py", "tests/simulations/vector/test_notes.py"),
    *("tests/votes/ballot/test_vectors.py", "tests/stats/collect/test_crashes.py"),
    *("tests/simulations/latency/test_quantiles.py", "tests/loopixmix/node/test_moving.py"),
)


def misplaced(root: Path) -> Iterator[str]:
    """Yield each test file that has neither a module nor a folder of its name at the mirrored place."""
    for path in sorted((root / "tests").rglob("test_*.py")):
        place = path.relative_to(root / "tests")
        if len(place.parts) == 1 or place.parts[0] in OF_NO_MODULE or str(path.relative_to(root)) in OF_A_FOLDER:
            continue
        folder, name = root / place.parent, place.stem.removeprefix("test_")
        candidates = (folder / f"{name}.py", folder / f"_{name}.py", folder / name)
        if not any(candidate.exists() for candidate in candidates):
            yield str(path.relative_to(root))


def test_each_test_file_stands_where_its_module_or_folder_is() -> None:
    assert list(misplaced(ROOT)) == []


def test_a_misplaced_file_is_found(tmp_path: Path) -> None:
    tests = ("tests/wire/test_codec.py", "tests/wire/test_gone.py", "tests/attacks/test_replay.py")
    for name in ("wire/codec.py", *tests):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(misplaced(tmp_path)) == ["tests/wire/test_gone.py"]
