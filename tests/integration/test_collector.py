"""A collector in a process of its own, asked by a provider over a Unix socket, and killed now and then."""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import DeferredList, ensureDeferred

from loopixmix.errors import LoopixmixError
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from provider.api import ServiceRefusedError
from stats.collect.requests import ACCEPTED, AskedOfCollector, encode_asked
from stats.collect.store.ledger import CollectorLedger
from stats.collect.store.schema import SCHEMA
from stats.collect.survey import CollectedSurvey
from stats.columns.duckdb_engine import DuckDbColumns
from stats.questionnaire.questionnaire import AtClose, Questionnaire, encode_canonical
from stats.running.directory import COLUMNS_FILE, STORE_FILE
from tests.worlds.hosted_programs import COMMAND, ENVIRONMENT, HostedProgram
from tests.worlds.stats.collected import WIDE, Respondents, frozen, survey_draft
from tests.worlds.stats.traces import files, places, shows_order

LINE = (*COMMAND, "stats", "collector")


def command(*words: object) -> subprocess.CompletedProcess[bytes]:
    line = [*LINE, *map(str, words)]
    return subprocess.run(line, capture_output=True, timeout=60, check=False, env=ENVIRONMENT)


class RunningCollector(HostedProgram):
    """A collector of reports."""

    def __init__(self, directory: Path) -> None:
        own = directory / "collector"
        assert command("init", own, "--port", 0).returncode == 0
        super().__init__("stats", ("stats", "collector"), own, socket="collector.sock", log=directory / "log")

    def add(self, questionnaire: Questionnaire) -> None:
        # As `add` does, which would refuse it: no compiler made the mechanisms of these surveys.
        ledger = CollectorLedger(Store(SCHEMA, sqlite_url(self.directory / STORE_FILE)))
        ledger.add_survey(questionnaire.survey_id, encode_canonical(questionnaire))
        ledger.close()

    async def until_survey(self, **expected: object) -> None:
        """Wait until the first survey of the status is as expected."""

        def is_so() -> bool:
            surveys = self.status().get("surveys")
            return isinstance(surveys, list) and bool(surveys) and expected.items() <= surveys[0].items()

        await self.until(is_so)

    async def ask(self, kind: AskedOfCollector, body: bytes) -> bytes:
        return await self.asker.ask(bytes(16), encode_asked(kind, body))

    async def take(self, reports: Sequence[bytes]) -> list[bool]:
        """Send reports at one time; return which of them were taken for sure."""
        asked = [self.asker.ask(bytes(16), encode_asked(AskedOfCollector.REPORT, each)) for each in reports]
        outcomes = await DeferredList(asked, consumeErrors=True)
        assert all(good or failure.check(LoopixmixError) for good, failure in outcomes)
        return [good and answer == ACCEPTED for good, answer in outcomes]


@pytest_twisted.async_yield_fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningCollector]:
    made = RunningCollector(tmp_path)
    yield made
    await made.close()


def counted(directory: Path, questionnaire: Questionnaire) -> Counter[int]:
    """Return how often each value of the first question was released."""
    table = CollectedSurvey(questionnaire).table(0)
    store = DuckDbColumns(directory / COLUMNS_FILE)
    sql = f"SELECT {table.questions[0]} FROM {table.name}"
    _, rows = store.select(sql, tables=[table.name], most_rows=10**6)
    store.close()
    return Counter(int(str(value)) for (value,) in rows)


@pytest.mark.long
@pytest_twisted.ensureDeferred
async def test_surveys_come_and_go_while_a_collector_runs(running: RunningCollector) -> None:
    await running.start()
    second = command("run", running.directory)
    assert (second.returncode, second.stderr.count(b"\n")) == (2, 1)
    assert b"is in use by process" in second.stderr

    people = Respondents(frozen(survey_draft(opens_s=int(time.time()) - 10, threshold=5)))
    for kind, body in ((AskedOfCollector.QUESTIONNAIRE, people.survey_id), (AskedOfCollector.REPORT, people.encoded())):
        with pytest.raises(ServiceRefusedError):
            await running.ask(kind, body)
    running.add(people.questionnaire)
    await running.until_survey(waiting=0)
    assert await running.ask(AskedOfCollector.QUESTIONNAIRE, people.survey_id) == encode_canonical(people.questionnaire)

    reports = [people.encoded() for _ in range(7)]
    assert await running.take([*reports, reports[0]]) == [True] * 8
    twice = people.encoded(token=people.report().token)
    assert await running.take([twice, people.encoded((9, 9)), b"junk", b"", reports[0][:-1]]) == [True] + [False] * 4
    await running.until_survey(waiting=8, released=0)

    closed = command("close", running.directory, people.survey_id.hex()[:12])
    assert closed.returncode == 0
    await running.until_survey(waiting=0, released=8, is_settled=True)
    assert await running.take([people.encoded()]) == [False]
    await running.until(
        lambda: running.status()["refused"] == {"malformed": 3, "unknown-survey": 1, "closed": 1, "outside-domain": 1}
    )
    assert running.end() == 0
    told = json.loads(command("list", running.directory, "--json").stdout)
    assert [(each["released"], each["is_closed"]) for each in told["surveys"]] == [(8, True)]
    assert counted(running.directory, people.questionnaire) == {1: 8}
    assert b"Traceback" not in running.log.read_bytes()


@pytest.mark.long
@pytest_twisted.ensureDeferred
async def test_no_report_is_lost_or_counted_twice_whenever_it_is_killed(running: RunningCollector) -> None:
    draft = survey_draft(opens_s=int(time.time()) - 10, threshold=40, longest_wait_s=1, questions=1)
    people = Respondents(frozen(draft, WIDE))
    running.add(people.questionnaire)
    rng = random.Random(5)
    sent: list[bytes] = []
    taken: set[int] = set()
    for _ in range(8):
        await running.start()
        kill_at_s = time.monotonic() + rng.uniform(0.0, 1.6)
        while time.monotonic() < kill_at_s:
            first = len(sent)
            sent += [people.encoded((10**9 + first + number,)) for number in range(rng.randrange(1, 60))]
            pending = ensureDeferred(running.take(sent[first:]))
            if time.monotonic() >= kill_at_s or rng.random() < 0.05:
                break
            taken.update(first + number for number, good in enumerate(await pending) if good)
        running.kill()
        await pending
    await running.start()
    # Some were answered and some not: all come again, as they do from clients without an answer.
    for start in range(0, len(sent), 200):
        assert all(await running.take(sent[start : start + 200]))
    assert command("close", running.directory, people.survey_id.hex()).returncode == 0
    await running.until_survey(is_settled=True, released=len(sent))
    assert running.end() == 0
    assert counted(running.directory, people.questionnaire) == {10**9 + number: 1 for number in range(len(sent))}
    assert len(taken) > 200


@pytest.mark.long
@pytest.mark.parametrize("how", ["killed", "stopped"])
@pytest_twisted.ensureDeferred
async def test_no_file_shows_when_a_report_came(running: RunningCollector, how: str) -> None:
    draft = survey_draft(
        opens_s=int(time.time()) - 10, threshold=300, longest_wait_s=1, questions=1, at_close=AtClose.MERGE
    )
    people = Respondents(frozen(draft, WIDE))
    running.add(people.questionnaire)
    await running.start()
    rng = random.Random(9)
    values = [rng.getrandbits(61) for _ in range(1_000)]
    reports = [people.encoded((value,)) for value in values]
    for start in range(0, 500, 5):
        assert all(await running.take(reports[start : start + 5]))
    # While they wait, and the program is stopped half-way; then after most of them were released.
    for end in (500, 1_000):
        for start in range(500, end, 5):
            assert all(await running.take(reports[start : start + 5]))
        if end == 1_000:
            await running.until_survey(waiting=300, released=700)
        running.kill() if how == "killed" else running.end()
        left = [value.to_bytes(8, "little") for value in values[:end]]
        found: Counter[bytes] = Counter()
        for name, data in files(running.directory):
            if not name.startswith(COLUMNS_FILE):
                assert not shows_order(data, left), name
                found.update(pattern for pattern, here in zip(left, places(data, left), strict=True) for _ in here)
        # Each report that waits is there once, and nothing of those that were released.
        assert (len(found), set(found.values())) == (500 if end == 500 else 300, {1})
        await running.start()
