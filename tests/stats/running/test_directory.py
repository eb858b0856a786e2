from __future__ import annotations

from pathlib import Path

import pytest

from loopixmix.errors import ConfigError
from stats.running.directory import CONFIG_FILE, CollectorConfig, CollectorDirectory


def test_a_new_collector_has_a_configuration_with_comments(tmp_path: Path) -> None:
    made = CollectorDirectory.create(tmp_path / "c", CollectorConfig(port=9, columns="memory"))
    assert (made.config.port, made.config.columns, made.config.host) == (9, "memory", "127.0.0.1")
    assert made.store_url == f"sqlite:///{tmp_path}/c/collector.sqlite3"
    text = (tmp_path / "c" / CONFIG_FILE).read_text()
    assert "# Where the provider asks for respondents." in text
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o700
    with pytest.raises(ConfigError, match="exists already"):
        CollectorDirectory.create(tmp_path / "c", CollectorConfig())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"port": -1}, "port is -1"),
        ({"most_open_reports": 0}, "at least 1"),
        ({"host": "0.0.0.0"}, "without a certificate"),
        ({"certificate": "c.pem"}, "go together"),
        ({"key": "k.pem"}, "go together"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        CollectorDirectory.create(tmp_path / "c", CollectorConfig(**changes))  # type: ignore[arg-type]
    assert not (tmp_path / "c").exists()


def test_unknown_keys_are_refused(tmp_path: Path) -> None:
    (tmp_path / CONFIG_FILE).write_text("prot = 1\n")
    with pytest.raises(ConfigError, match="prot"):
        CollectorDirectory(tmp_path)


def test_the_store_may_be_elsewhere(tmp_path: Path) -> None:
    url = "postgresql://user@/collector"
    assert CollectorDirectory.create(tmp_path / "c", CollectorConfig(store=url)).store_url == url


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
    assert str(CollectorDirectory.create(tmp_path / "collector", config).origin) == origin
