"""Packages that seem to be installed, with entry points."""

from __future__ import annotations

from pathlib import Path

import pytest


def install(
    monkeypatch: pytest.MonkeyPatch, directory: Path, group: str, points: dict[str, str], *, package: str = "example"
) -> None:
    """Put a package with entry points on the path."""
    installed = directory / f"{package}-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {package}\nVersion: 1.0\n")
    lines = [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (installed / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(directory)
