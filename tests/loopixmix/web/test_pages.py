"""Pages are found by entry points, and what cannot be found is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopixmix.errors import MisuseError
from loopixmix.web.pages import PAGES_GROUP, find_pages, installed_pages
from tests.worlds.web.gallery import Gallery
from tests.worlds.web.installed import install

GALLERY = "tests.worlds.web.gallery:Gallery"


def test_an_installed_package_offers_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, tmp_path, PAGES_GROUP, {"gallery": GALLERY, "Bad Name": GALLERY})
    assert "gallery" in installed_pages()
    assert "Bad Name" not in installed_pages()
    assert find_pages("gallery") is Gallery


@pytest.mark.parametrize("name", ["nothing", "", "../x", "Bad Name", "x" * 32])
def test_pages_that_are_not_there_are_told_with_those_that_are(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, tmp_path, PAGES_GROUP, {"gallery": GALLERY, "Bad Name": GALLERY})
    with pytest.raises(MisuseError, match=r"no installed package offers.*gallery"):
        find_pages(name)


def test_pages_that_cannot_be_loaded_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, tmp_path, PAGES_GROUP, {"a": "tests.worlds.web.nowhere:X", "b": "tests.worlds.web.gallery:X"})
    for name in ("a", "b"):
        with pytest.raises(MisuseError, match=f"'{name}' cannot be loaded from tests.worlds.web"):
            find_pages(name)


def test_pages_that_two_packages_offer_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, tmp_path / "one", PAGES_GROUP, {"gallery": GALLERY})
    install(monkeypatch, tmp_path / "two", PAGES_GROUP, {"gallery": "tests.worlds.web.gallery:main"}, package="other")
    with pytest.raises(MisuseError, match="more than one installed package"):
        find_pages("gallery")
