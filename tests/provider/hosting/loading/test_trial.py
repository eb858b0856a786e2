"""A check makes the services as the start does, and changes nothing of theirs."""

from __future__ import annotations

import fcntl
import os
import random
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from loopixmix.errors import ConfigError, UnavailableError
from loopixmix.process.files import try_lock
from provider.hosting.loading.trial import MOST_COPIED_BYTES, NoCards, ServiceTrial, StandingClock, copy_file
from tests.worlds.mailboxes.hosted_services import result_of
from tests.worlds.mailboxes.installed import Installed

MODULE = """
from twisted.internet.defer import Deferred

from provider.api import ServiceContext

class Counter:
    name = "counter"
    def __init__(self, context: ServiceContext) -> None:
        self.file = context.directory / "count"
        count = int(self.file.read_text()) + 1 if self.file.exists() else 0
        if count > 9:
            raise ValueError("too many")
        self.file.write_text(str(count))
        context.clock.callLater(1.0, print)
        (context.directory / "new").touch()
    async def answer(self, body: bytes) -> bytes:
        return body
    async def close(self) -> None:
        self.file.write_text("closed")

class BadEnd(Counter):
    name = "bad-end"
    async def close(self) -> None:
        raise KeyError("hushed")

class LongEnd(Counter):
    name = "long-end"
    async def close(self) -> None:
        await Deferred()
"""
SERVICES = {"counter": "Counter", "bad-end": "BadEnd", "long-end": "LongEnd"}


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    return Installed(tmp_path / "site", monkeypatch).add("tried_services", MODULE, SERVICES)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "provider"
    (made / "services" / "counter").mkdir(parents=True)
    return made


def listing(directory: Path) -> dict[str, tuple[float, bytes]]:
    return {
        str(path.relative_to(directory)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in directory.rglob("*")
        if path.is_file()
    }


def check(directory: Path, *names: str) -> list[str]:
    return ServiceTrial(directory, provider=bytes(32), rng=random.Random(1), now_s=0.0).run(names, {}, {})


def test_a_service_sees_its_files_and_changes_none(directory: Path) -> None:
    (directory / "services" / "counter" / "count").write_text("3")
    before = listing(directory)
    assert check(directory, "counter", "echo", "issuer") == []
    assert listing(directory) == before
    (directory / "services" / "counter" / "count").write_text("9")
    with pytest.raises(
        ConfigError, match=r"tried_services\.Counter cannot be made: __init__ raised ValueError: too many"
    ):
        check(directory, "counter")
    assert sorted(path.name for path in directory.iterdir()) == ["services"]


def test_a_link_is_followed_so_that_nothing_is_written_through_it(directory: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "count"
    elsewhere.write_text("3")
    (directory / "services" / "counter" / "count").symlink_to(elsewhere)
    (directory / "services" / "counter" / "gone").symlink_to(tmp_path / "gone")
    os.mkfifo(directory / "services" / "counter" / "pipe")
    assert check(directory, "counter") == []
    assert elsewhere.read_text() == "3"


def test_a_service_that_cannot_be_closed_is_told_without_its_words(directory: Path) -> None:
    with pytest.raises(
        ConfigError, match=r'the service "bad-end" cannot be closed: KeyError at .*tried_services\.py:\d+ '
    ) as error:
        check(directory, "bad-end")
    assert "hushed" not in str(error.value)


def test_one_that_waits_for_the_reactor_to_close_is_not_waited_for(directory: Path) -> None:
    assert check(directory, "long-end") == []


def test_one_with_much_data_is_not_tried_and_that_is_said(directory: Path) -> None:
    large = directory / "services" / "counter" / "count"
    large.touch()
    os.truncate(large, MOST_COPIED_BYTES + 1)
    assert check(directory, "counter", "echo") == [
        'the service "counter" was not made: a check copies at most 67 MB in 10,000 files, and its directory holds more'
    ]


def test_a_link_leads_where_it_does_in_the_original(directory: Path) -> None:
    # Also one whose end would be another place, or none, if it began in the directory that the check runs in.
    (directory / "services" / "counter" / "real").write_text("9")
    (directory / "services" / "counter" / "count").symlink_to("real")
    with pytest.raises(ConfigError, match="too many"):
        check(directory, "counter")


def test_what_is_behind_links_counts_and_circles_of_them_come_to_an_end(directory: Path, tmp_path: Path) -> None:
    own = directory / "services" / "counter"
    (own / "count").write_text("9")
    (own / "circle").symlink_to(".")
    with pytest.raises(ConfigError, match="too many"):
        check(directory, "counter")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "large").touch()
    os.truncate(elsewhere / "large", MOST_COPIED_BYTES + 1)
    (own / "data").symlink_to(elsewhere)
    [told] = check(directory, "counter")
    assert "its directory holds more" in told
    (own / "data").unlink()
    # Two circles double with each step.
    (own / "other").symlink_to(".")
    assert check(directory, "counter") == [told]


def test_what_a_killed_check_left_goes_with_the_next_one(directory: Path) -> None:
    left, used = directory / ".check-left.unfinished", directory / ".check-used.unfinished"
    for each in (left, used):
        each.mkdir()
        (each / "hushed").touch()
    descriptor = os.open(used, os.O_RDONLY)
    assert try_lock(descriptor, fcntl.LOCK_EX)
    assert check(directory, "counter") == []
    os.close(descriptor)
    assert sorted(path.name for path in directory.iterdir()) == [".check-used.unfinished", "services"]


def test_a_file_that_is_gone_when_its_turn_comes_is_left_out(tmp_path: Path) -> None:
    copy_file(str(tmp_path / "gone"), str(tmp_path / "copy"))
    assert list(tmp_path.glob("copy")) == []


def test_nothing_comes_and_nobody_is_there() -> None:
    clock = StandingClock(5.0)
    call = clock.callLater(1.0, print)
    assert (clock.seconds(), call.active()) == (5.0, True)
    call.cancel()
    assert not call.active()
    with pytest.raises(UnavailableError):
        result_of(NoCards().card("alice"))
    results: list[bool] = []
    Deferred.fromCoroutine(NoCards().publish(None)).addCallback(results.append)  # type: ignore[arg-type]
    assert results == [False]
