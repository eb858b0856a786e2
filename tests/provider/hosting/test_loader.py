"""Services are found by name among what is installed, also in packages that are not ours."""

from __future__ import annotations

import random
import stat
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from loopixmix.errors import ConfigError, StoreError
from provider.api import Setting
from provider.hosting.loader import ServiceLoader
from tests.worlds.mailboxes.hosted_services import NoKeys

MODULE = """
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

class Blocking:
    name = "blocking"
    def __init__(self, context: ServiceContext) -> None: ...
    def answer(self, body: bytes) -> bytes:
        return body
"""
ENTRY_POINTS = """
[loopixmix.services]
weather = elsewhere_services:WeatherService
misnamed = elsewhere_services:Misnamed
speechless = elsewhere_services:Speechless
blocking = elsewhere_services:Blocking
unset = elsewhere_services:Unset
absent = elsewhere_services:Absent
moduleless = elsewhere_not_there:Service
"""


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of somebody else, installed."""
    site = tmp_path / "site"
    information = site / "elsewhere-1.0.dist-info"
    information.mkdir(parents=True)
    (site / "elsewhere_services.py").write_text(MODULE)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(site))


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
        ("unset", "the service \"unset\" cannot be made: KeyError: 'units'"),
        ("absent", "cannot be loaded"),
        ("moduleless", "cannot be loaded"),
    ],
)
def test_what_cannot_be_used_is_named(loader: ServiceLoader, name: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        loader.load([name], {}, {})


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
