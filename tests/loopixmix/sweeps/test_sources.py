"""Which code computes."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopixmix.errors import MisuseError
from loopixmix.sweeps.sources import fingerprint

PACKAGE = "package_for_a_fingerprint"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with two modules, of which one computes nothing."""
    folder = tmp_path / PACKAGE
    (folder / "plots").mkdir(parents=True)
    for name in ("__init__.py", "sums.py", "plots/colours.py"):
        (folder / name).write_text(f"# {name}\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_contents_and_names_of_what_computes_count(package: Path) -> None:
    def found() -> str:
        return fingerprint([PACKAGE], without=(f"{PACKAGE}/plots",))

    seen = [found()]
    (package / "sums.py").write_text("# changed\n")
    seen.append(found())
    (package / "sums.py").rename(package / "totals.py")
    seen.append(found())
    assert len(set(seen)) == 3
    (package / "plots" / "colours.py").write_text("# changed\n")
    assert found() == seen[-1]
    assert fingerprint([PACKAGE]) != seen[-1]


def test_a_package_that_is_not_there_is_refused() -> None:
    with pytest.raises(MisuseError, match="no_such_package: there is no package of this name"):
        fingerprint(["no_such_package"])
