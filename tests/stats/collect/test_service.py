from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from loopixmix.errors import StoreError
from provider.api import ServiceRefusedError, declaration_of
from stats.collect.lane import CollectorLane
from stats.collect.refusals import REFUSAL, ReportRefusal
from stats.collect.requests import ACCEPTED, AskedOfCollector, encode_asked
from stats.collect.service import CollectorService, NoShares, ShareTaking
from stats.questionnaire.questionnaire import encode_canonical
from tests.worlds.stats.collected import CollectorWorld, Respondents, frozen, survey_draft


class Turns:
    """A reactor's `callFromThread` for a test that waits: the calls are made by whoever waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: list[tuple[Callable[..., object], tuple[object, ...]]] = []

    def call(self, work: Callable[..., object], *args: object) -> None:
        with self._changed:
            self._calls.append((work, args))
            self._changed.notify()

    def wait_for(self, *awaited: Deferred[object]) -> list[object]:
        """Make calls until all have fired; return the results, or the errors."""
        results: dict[int, object] = {}
        for number, each in enumerate(awaited):
            each.addBoth(lambda result, number=number: results.__setitem__(number, result))
        while len(results) < len(awaited):
            with self._changed:
                assert self._changed.wait_for(lambda: self._calls, timeout=20)
                calls, self._calls = self._calls, []
            for work, args in calls:
                work(*args)
        return [result.value if isinstance(result, Failure) else result for _, result in sorted(results.items())]


class SomeShares:
    """Takes shares that begin with an s."""

    async def take(self, share: bytes) -> bool:
        return share.startswith(b"s")


class Served:
    """The service with its thread, and one who answers."""

    def __init__(self, directory: Path, shares: ShareTaking) -> None:
        self.turns = Turns()
        self.world = CollectorWorld(directory)
        self.people = Respondents(frozen(survey_draft()))
        self.world.add(self.people.questionnaire)
        self.lane = CollectorLane(self.world.collector, call_on_reactor=self.turns.call)
        self.service = CollectorService(self.world.collector, self.lane, shares)

    def ask(self, *bodies: bytes) -> list[object]:
        asked = [Deferred.fromCoroutine(self.service.answer_again(bytes(16), body)) for body in bodies]
        return self.turns.wait_for(*asked)

    def stop(self) -> None:
        self.turns.wait_for(self.lane.stop())
        self.world.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path, SomeShares())
    yield made
    made.stop()


def report(data: bytes) -> bytes:
    return encode_asked(AskedOfCollector.REPORT, data)


def test_reports_that_come_together_are_all_answered(served: Served) -> None:
    bodies = [report(served.people.encoded()) for _ in range(40)]
    assert served.ask(*bodies, *bodies) == [ACCEPTED] * 80
    assert served.world.waiting() == 40


def test_every_refusal_is_the_same(served: Served) -> None:
    people = served.people
    bad = [b"", b"\0", b"\x09x", report(b""), report(people.encoded((9, 9))), report(people.encoded(token=b""))]
    bad += [encode_asked(AskedOfCollector.QUESTIONNAIRE, body) for body in (b"", bytes(32), people.survey_id + b"x")]
    bad += [encode_asked(AskedOfCollector.SHARE, b"other")]
    answers = served.ask(*bad)
    assert {(type(answer), str(answer)) for answer in answers} == {(ServiceRefusedError, REFUSAL)}
    served.world.collector.look_again()
    counted = served.world.ledger.refusals()
    assert counted[b"", ReportRefusal.MALFORMED] == 4


def test_a_questionnaire_is_given_by_its_id(served: Served) -> None:
    asked = encode_asked(AskedOfCollector.QUESTIONNAIRE, served.people.survey_id)
    assert served.ask(asked) == [encode_canonical(served.people.questionnaire)]


def test_shares_of_counters_go_to_whoever_takes_them(served: Served) -> None:
    assert served.ask(encode_asked(AskedOfCollector.SHARE, b"some")) == [ACCEPTED]


def test_a_collector_without_counters_takes_no_shares(tmp_path: Path) -> None:
    served = Served(tmp_path, NoShares())
    [answer] = served.ask(encode_asked(AskedOfCollector.SHARE, b"some"))
    assert isinstance(answer, ServiceRefusedError)
    served.stop()


def test_what_else_is_done_in_turn_gives_its_result_or_its_error(served: Served) -> None:
    def fail() -> None:
        raise StoreError("full")

    two, failed = served.turns.wait_for(served.lane.do(lambda: 2), served.lane.do(fail))
    assert two == 2
    assert isinstance(failed, StoreError)
    assert served.ask(report(served.people.encoded())) == [ACCEPTED]


def test_a_report_that_cannot_be_stored_fails_and_others_do_not(served: Served) -> None:
    # The place of the waiting files is taken by a file: the first report of a pool cannot be put there.
    folder = served.world.directory / "waiting"
    folder.rmdir()
    folder.write_bytes(b"")
    body = report(served.people.encoded())
    [failed] = served.ask(body)
    assert isinstance(failed, StoreError)
    folder.unlink()
    folder.mkdir()
    assert served.ask(body) == [ACCEPTED]


def test_it_declares_that_it_knows_repetitions(served: Served) -> None:
    declared = declaration_of(served.service)
    assert declared.recognises_repetition
    assert declared.assemblies >= declared.queue >= declared.at_once
