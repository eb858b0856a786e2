"""Services are found by name among what is installed, also in packages that are not ours."""

from __future__ import annotations

import random
import stat
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from loopixmix.errors import ConfigError, StoreError
from provider.api import Setting
from provider.hosting.loading.loader import ServiceLoader
from tests.worlds.mailboxes.hosted_services import NoKeys
from tests.worlds.mailboxes.installed import Installed

MODULE = """
import asyncio

from loopixmix.errors import ConfigError
from provider.api import ServiceContext

class WeatherService:
    name = "weather"
    def __init__(self, context: ServiceContext) -> None:
        self.context = context
    async def answer(self, body: bytes) -> bytes:
        return b"rain in " + body

class Misnamed(WeatherService):
    name = "whether"

class Speechless:
    name = "speechless"
    def __init__(self, context: ServiceContext) -> None: ...

class Unset(WeatherService):
    name = "unset"
    def __init__(self, context: ServiceContext) -> None:
        self.units = context.settings["units"]

class Refusing(WeatherService):
    name = "refusing"
    def __init__(self, context: ServiceContext) -> None:
        raise ConfigError("units are metric or imperial")

class Confused(WeatherService):
    name = "confused"
    def __init__(self, context: ServiceContext) -> None:
        {}["units"]

class Leaving(WeatherService):
    name = "leaving"
    def __init__(self, context: ServiceContext) -> None:
        raise SystemExit(3)

class Sleepy(WeatherService):
    name = "sleepy"
    def __init__(self, context: ServiceContext) -> None:
        asyncio.get_running_loop()

class Unclosable(WeatherService):
    name = "unclosable"
    def close(self) -> None: ...

class Blocking:
    name = "blocking"
    def __init__(self, context: ServiceContext) -> None: ...
    def answer(self, body: bytes) -> bytes:
        return body
"""
SERVICES = {
    "weather": "WeatherService",
    "misnamed": "Misnamed",
    "speechless": "Speechless",
    "blocking": "Blocking",
    "unset": "Unset",
    "refusing": "Refusing",
    "confused": "Confused",
    "leaving": "Leaving",
    "sleepy": "Sleepy",
    "unclosable": "Unclosable",
}


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of somebody else, installed."""
    Installed(tmp_path / "site", monkeypatch).add("elsewhere_services", MODULE, SERVICES)


@pytest.fixture
def loader(tmp_path: Path, rng: random.Random) -> ServiceLoader:
    return ServiceLoader(
        provider=bytes(32), directory=tmp_path, clock=Clock(), rng=rng, keys=NoKeys(), call_on_reactor=None
    )


@pytest.mark.usefixtures("elsewhere")
def test_a_service_of_another_package_is_used_by_its_name_alone(loader: ServiceLoader, tmp_path: Path) -> None:
    settings: dict[str, dict[str, Setting]] = {"weather": {"units": "metric"}}
    services = loader.load(["weather"], settings, {})
    assert [service.name for service in services] == ["loop", "weather"]
    context = services[1].service.context  # type: ignore[union-attr]
    assert context.settings == {"units": "metric"}
    assert context.directory == tmp_path / "services" / "weather"
    assert stat.S_IMODE(context.directory.stat().st_mode) == 0o700


def test_the_provider_s_own_services_are_installed(loader: ServiceLoader) -> None:
    services = loader.load(["keys", "echo", "loop", "keys"], {}, {})
    assert [service.name for service in services] == ["loop", "keys", "echo"]


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("votez", r'no installed package offers "votez" \(there are: .*echo.*weather'),
        ("Weather", "no name of a service"),
        ("misnamed", 'calls itself "whether"'),
        ("speechless", 'no method "answer"'),
        ("unset", r'Unset needs the setting "units": put it into \[service\.unset\] of node\.toml \(.*services\.py:\d'),
        ("refusing", r'"refusing": class elsewhere_services\.Refusing: units are metric or imperial'),
        (
            "confused",
            r"Confused cannot be made: __init__ raised KeyError: 'units' \(.*services\.py:\d.*: mend the class",
        ),
        ("leaving", "Leaving cannot be made: __init__ raised SystemExit: 3"),
        (
            "sleepy",
            r"Sleepy cannot be made: __init__ raised RuntimeError: no running event loop .*Pause\(context\.clock",
        ),
        ("unclosable", 'class elsewhere_services.Unclosable has a plain "def close"'),
    ],
)
def test_what_cannot_be_used_is_named(loader: ServiceLoader, name: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        loader.load([name], {}, {})


@pytest.mark.usefixtures("elsewhere")
def test_all_that_cannot_be_used_are_named_at_once(loader: ServiceLoader) -> None:
    with pytest.raises(ConfigError, match=r'"unset".*; the service "refusing".*; the service "misnamed"'):
        loader.load(["unset", "weather", "refusing", "misnamed"], {}, {})


def test_settings_for_a_service_that_is_not_hosted_are_an_error(loader: ServiceLoader) -> None:
    with pytest.raises(ConfigError, match='settings for the service "votes"'):
        loader.load(["echo"], {"votes": {"a": 1}}, {})


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path, rng: random.Random) -> None:
    (tmp_path / "services").write_text("in the way")
    loader = ServiceLoader(
        provider=bytes(32), directory=tmp_path, clock=Clock(), rng=rng, keys=NoKeys(), call_on_reactor=None
    )
    with pytest.raises(StoreError, match="services"):
        loader.load([], {}, {})
