"""Where the pages of a collector are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from stats.running.directory import CollectorConfig, CollectorDirectory
from stats.running.pages import origin_of


@pytest.mark.parametrize(
    ("config", "origin"),
    [
        (CollectorConfig(), "http://collector.localhost:8430"),
        (CollectorConfig(host="::1", port=80), "http://collector.localhost"),
        (CollectorConfig(origin="https://stats.example.org"), "https://stats.example.org"),
        (CollectorConfig(host="192.0.2.7", certificate="c", key="k"), "https://192.0.2.7:8430"),
        (CollectorConfig(host="2001:db8::7", certificate="c", key="k"), "https://[2001:db8::7]:8430"),
    ],
)
def test_browsers_find_the_pages_where_the_configuration_says(
    tmp_path: Path, config: CollectorConfig, origin: str
) -> None:
    assert str(origin_of(CollectorDirectory.create(tmp_path / "collector", config))) == origin
