"""What makes a service is found by its name, or it is told why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopixmix.errors import ConfigError
from provider.hosting.loading.factories import find_factories
from tests.worlds.mailboxes.installed import Installed

MODULE = """
class Weather:
    name = "weather"
    async def answer(self, body): ...

class Chatty(Weather):
    def reply(self, text): ...

class Closing(Weather):
    def close(self): ...

no_class = 7
"""
POINTS = {
    "weather": "Weather",
    "chatty": "Chatty",
    "closing": "Closing",
    "absent": "Absent",
    "moduleless": "somewhere_not_there:Service",
    "broken": "somewhere_broken:Service",
    "number": "no_class",
}


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = Installed(tmp_path / "site", monkeypatch)
    installed.add("somewhere_services", MODULE, POINTS).add("somewhere_broken", "import nothing of this name", {})


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("absent", "cannot be loaded from somewhere_services:Absent: AttributeError"),
        ("moduleless", "cannot be loaded from somewhere_not_there:Service: ModuleNotFoundError"),
        ("broken", "cannot be loaded from somewhere_broken:Service: SyntaxError"),
        ("number", 'is somewhere_services:no_class, which is no class: .* number = "somewhere_services:Service"'),
        ("closing", r'class somewhere_services\.Closing has a plain "def close"'),
    ],
)
def test_what_is_no_service_is_told_before_one_is_made(name: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        find_factories([name], {})


def test_all_classes_are_judged_at_once() -> None:
    assert list(find_factories(["weather", "echo"], ["weather"])) == ["loop", "weather", "echo"]
    with pytest.raises(ConfigError, match=r'Chatty has a method "reply".*; .*Closing has a plain'):
        find_factories(["chatty", "weather", "closing"], {})
