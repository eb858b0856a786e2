"""Packages that seem to be installed, with entry points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest


def write_package(directory: Path, group: str, points: Mapping[str, str], *, package: str = "example") -> None:
    """Write what an installer leaves of a package with entry points."""
    installed = directory / f"{package}-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {package}\nVersion: 1.0\n")
    lines = [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (installed / "entry_points.txt").write_text("\n".join(lines) + "\n")


def install(
    monkeypatch: pytest.MonkeyPatch,
    directory: Path,
    group: str,
    points: Mapping[str, str],
    *,
    package: str = "example",
) -> None:
    """Put a package with entry points on the path."""
    write_package(directory, group, points, package=package)
    monkeypatch.syspath_prepend(directory)
