"""Packages of somebody else, installed for a test: modules with services, and the entry points that name them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest


class Installed:
    """A folder in which Python finds packages."""

    def __init__(self, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._site = site
        site.mkdir(parents=True)
        monkeypatch.syspath_prepend(str(site))

    def add(self, module: str, text: str, services: Mapping[str, str]) -> Installed:
        """Install a package with one module; `services`: the class in it that each is."""
        points = [f"{name} = {place if ':' in place else f'{module}:{place}'}" for name, place in services.items()]
        information = self._site / f"{module}-1.0.dist-info"
        information.mkdir()
        (self._site / f"{module}.py").write_text(text)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text("\n".join(["[loopixmix.services]", *points, ""]))
        return self
