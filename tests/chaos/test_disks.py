"""Disks fill up, logs of changes are deleted, stores are locked and read for long: it is told, and nothing is lost."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import msgspec
import pytest
import pytest_twisted

from leap_plugin.directory.making import make_unasked
from leap_plugin.status import read_report
from leap_plugin.wiring import STORE_FILE
from loopixmix.errors import DISK_FULL, LoopixmixError
from loopixmix.process.background import loopixmix_command
from loopixmix.tokens import begin_token, decode_token_key
from stats.collect.requests import AskedOfCollector
from tests.integration.test_board import RunningBoard
from tests.integration.test_collector import RunningCollector
from tests.integration.test_survey_issuer import RNG, RunningIssuer
from tests.worlds.chaos.disks import MOUNTING, SmallDisk, small_disk
from tests.worlds.chaos.ledger import Ledger
from tests.worlds.chaos.networks import ChaosNetwork, running_network, wait_until
from tests.worlds.chaos.trials import Trial
from tests.worlds.networks.provider_processes import pause
from tests.worlds.stats.collected import Respondents, frozen, survey_draft
from tests.worlds.stats.issuers import survey_draft as survey_draft_of_issuer
from votes.record.entries import EntryKind, sign_record

ON_SMALL_DISKS = ("authority", "provider-2", "alice")
DISK_BYTES = 24 << 20
TOLD_S = 20.0
RECOVERY_S = 60.0
WATCHED_S = 20.0
MOST_LINES = 10
STATUS_S = 1.0
LOCKED_S = 15.0
EMPTY_S = 75.0
WAL_BYTES = 64 << 20


def mix_of(network: ChaosNetwork) -> str:
    return next(name for name, role in network.roles.items() if role == "mix")


def client_status(network: ChaosNetwork, name: str) -> tuple[str, float]:
    """Return a client's problem, and the seconds that its status took."""
    begun_s = time.monotonic()
    problem = network.call(name, "GET", "/v1/status").json()["problem"]
    return problem, time.monotonic() - begun_s


def lines_of(network: ChaosNetwork, name: str) -> int:
    return len(network.log(name).read_text().splitlines())


def node_problem(network: ChaosNetwork, name: str) -> str:
    told = network.status(name)
    return (told.problem or "") if told is not None and not told.healthy else ""


@contextlib.contextmanager
def reading(store: Path) -> Iterator[None]:
    """Read a store as a program does that takes its time."""
    with contextlib.closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM messages").fetchone()
        yield
        connection.execute("ROLLBACK")


@pytest.mark.chaos
@pytest.mark.needs(MOUNTING)
def test_a_full_disk_is_told_by_all_and_a_provider_serves_what_is_there(tmp_path: Path, trial: Trial) -> None:
    disks: dict[str, SmallDisk] = {}
    with contextlib.ExitStack() as mounted:

        def prepare(network: ChaosNetwork) -> None:
            """Move some directories to small disks of their own."""
            for name in (*ON_SMALL_DISKS, mix_of(network)):
                place, aside = network.directory / name, tmp_path / f"{name}.aside"
                place.rename(aside)
                disks[name] = mounted.enter_context(small_disk(place, size_bytes=DISK_BYTES))
                shutil.copytree(aside, place, dirs_exist_ok=True)

        with running_network(tmp_path / "net", base_port=22_000, prepare=prepare) as network:
            ledger = Ledger(network)
            fill_the_nodes(network, ledger, disks, trial)
            fill_the_client(network, disks["alice"], trial)


def fill_the_nodes(network: ChaosNetwork, ledger: Ledger, disks: Mapping[str, SmallDisk], trial: Trial) -> None:
    """Fill the disks of nodes while mail waits at a provider."""
    nodes = [name for name in disks if name != "alice"]
    network.pause("bob")
    ledger.send(3)
    wait_until(
        lambda: network.call("alice", "GET", "/v1/status").json()["queued_messages"] == 0,
        within_s=60,
        what="mail stored",
    )
    for name in nodes:
        disks[name].fill()
    for name in nodes:
        wait_until(lambda name=name: DISK_FULL in node_problem(network, name), within_s=TOLD_S, what=f"{name} tells it")
    before = {name: lines_of(network, name) for name in nodes}
    time.sleep(WATCHED_S)
    # The logs are on the full disks; that they could have grown there is not the point, so the sizes are told as well.
    trial.check("full_disk_log_lines", max(lines_of(network, name) - before[name] for name in nodes), most=MOST_LINES)
    trial.check("full_disk_healthy_nodes", sum(not node_problem(network, name) for name in nodes), most=0)
    network.stop("provider-2")
    network.start("provider-2")
    network.resume("bob")
    fetched_s = ledger.settle(within_s=RECOVERY_S)
    trial.check("full_disk_fetch_s", fetched_s, most=RECOVERY_S - 1)
    for name in nodes:
        disks[name].empty()
    trial.check("full_disk_recovery_s", network.wait_until_well(within_s=RECOVERY_S), most=RECOVERY_S)
    ledger.send()
    ledger.settle(within_s=RECOVERY_S)
    trial.check("full_disk_lost", len(ledger.lost()), most=0)
    trial.check("full_disk_doubled", len(ledger.doubled()), most=0)


def fill_the_client(network: ChaosNetwork, disk: SmallDisk, trial: Trial) -> None:
    """Fill the disk of a client while mail comes to it."""
    disk.fill()
    ledger = Ledger(network, sender="bob", recipient="alice", to="alice@provider-1")
    ledger.send(2)
    wait_until(lambda: DISK_FULL in client_status(network, "alice")[0], within_s=TOLD_S, what="the client tells it")
    before = lines_of(network, "alice")
    taken_s = []
    for _ in range(int(WATCHED_S)):
        taken_s.append(client_status(network, "alice")[1])
        time.sleep(1.0)
    trial.check("full_disk_client_lines", lines_of(network, "alice") - before, most=MOST_LINES)
    trial.check("full_disk_client_status_s", max(taken_s), most=STATUS_S)
    disk.empty()
    network.wait_until_well(within_s=RECOVERY_S)
    ledger.settle(within_s=RECOVERY_S)
    trial.check("full_disk_client_lost", len(ledger.lost()), most=0)
    trial.check("full_disk_client_doubled", len(ledger.doubled()), most=0)


async def fill_the_program(name: str, program: ProgramOnADisk, disk: SmallDisk, trial: Trial) -> None:
    """Fill the disk of a program that is asked all the time."""
    disk.fill()
    before, told, until_s = len(program.log.read_text().splitlines()), 0, time.monotonic() + WATCHED_S
    while time.monotonic() < until_s:
        assert await program.write() == program.has_room_of_its_own
        assert await program.read()
        told += DISK_FULL in str(program.status().get("problem"))
        # What a program gives up to tell its status is not to be room for it.
        disk.fill()
        await pause(0.5)
    trial.check(f"full_disk_{name}_told", told, least=1)
    assert DISK_FULL in str(program.status().get("problem"))
    lines = program.log.read_text().splitlines()[before:]
    trial.check(f"full_disk_{name}_lines", len(lines), most=MOST_LINES)
    disk.empty()
    begun_s, has_written = time.monotonic(), False
    # It is asked on: that a service answers again shows when it does.
    while not has_written or program.status().get("problem") is not None:
        has_written = has_written or await program.write()
        assert time.monotonic() - begun_s < RECOVERY_S, program.status()
        await pause(0.5)
    trial.check(f"full_disk_{name}_recovery_s", time.monotonic() - begun_s, most=RECOVERY_S)


class ProgramOnADisk(Protocol):
    """A program that a trial asks to write and to read."""

    log: Path
    has_room_of_its_own: bool
    """Whether what it is asked to keep goes where there is room already."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def status(self) -> dict[str, object]: ...

    async def prepare(self) -> None:
        """Give it what it needs before it is asked."""

    async def write(self) -> bool:
        """Ask for something that has to be kept; tell whether it was."""

    async def read(self) -> bool:
        """Ask for something that is there; tell whether it came."""


class BoardOnADisk(RunningBoard):
    """A board, to which signatures of a record are handed in."""

    has_room_of_its_own = False
    handed_in = 0

    async def prepare(self) -> None:
        body = sign_record(self.voters.world.record, self.voters.world.keys.administrator)
        status, _ = await self.call("POST", f"/v1/entries/{EntryKind.RECORD.value}", body)
        assert status == 201

    async def write(self) -> bool:
        approvals = list(self.voters.world.approvals())
        # The last of them again and again, once all are there: it is refused as known, and so it was kept.
        body = approvals[min(self.handed_in, len(approvals) - 1)]
        status, _ = await self.call("POST", f"/v1/entries/{EntryKind.APPROVAL.value}", body)
        self.handed_in += status == 201
        return status == 201

    async def read(self) -> bool:
        status, entries = await self.call("GET", "/v1/entries")
        return status == 200 and len(entries) > 0


class CollectorOnADisk(RunningCollector):
    """A collector, to which reports are sent: their slots were made before."""

    has_room_of_its_own = True

    async def prepare(self) -> None:
        self.people = Respondents(frozen(survey_draft(opens_s=int(time.time()) - 10, threshold=5)))
        self.add(self.people.questionnaire)
        await self.until_survey(waiting=0)

    async def write(self) -> bool:
        return (await self.take([self.people.encoded()])) == [True]

    async def read(self) -> bool:
        return bool(await self.ask(AskedOfCollector.QUESTIONNAIRE, self.people.survey_id))


class IssuerOnADisk(RunningIssuer):
    """An issuer, which is asked for tokens."""

    has_room_of_its_own = False

    async def prepare(self) -> None:
        draft = survey_draft_of_issuer()
        far = {"opens": draft.opens.replace(year=2099), "closes": draft.closes.replace(year=2100)}
        [public], self.codes = self.add(msgspec.structs.replace(draft, **far))
        self.key = decode_token_key(public.key)
        self.pending = begin_token(self.key, RNG)
        await self.until(lambda: self.status()["surveys"] == 1)

    async def write(self) -> bool:
        """Ask with one code until that was good, and then with the next."""
        with contextlib.suppress(LoopixmixError):
            if await self.ask(self.codes[0], self.pending) is not None:
                self.pending = begin_token(self.key, RNG)
                return bool(self.codes.pop(0))
        return False

    async def read(self) -> bool:
        return self.status().get("surveys") == 1


@pytest.mark.chaos
@pytest.mark.needs(MOUNTING)
@pytest.mark.parametrize("make", [BoardOnADisk, CollectorOnADisk, IssuerOnADisk], ids=["board", "collector", "issuer"])
@pytest_twisted.ensureDeferred
async def test_a_program_beside_a_provider_tells_a_full_disk_once_and_goes_on_after_it(
    tmp_path: Path, trial: Trial, make: Callable[[Path], ProgramOnADisk], request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id
    with small_disk(tmp_path / name, size_bytes=DISK_BYTES) as disk:
        program = make(disk.path)
        # Elsewhere, where it could grow.
        program.log = tmp_path / f"{name}.log"
        try:
            await program.start()
            await program.prepare()
            assert await program.write()
            await fill_the_program(name, program, disk, trial)
        finally:
            await program.close()


@pytest.mark.chaos
def test_a_store_that_is_locked_read_or_robbed_of_its_log_is_told(tmp_path: Path, trial: Trial) -> None:
    with running_network(tmp_path / "net", base_port=22_100) as network:
        store = network.directory / "alice" / "client.db"
        lock_the_store(network, store, trial)
        read_for_long(network, store, trial)
        delete_the_log(network, store, trial)


def lock_the_store(network: ChaosNetwork, store: Path, trial: Trial) -> None:
    """Lock the store of a client, and ask the client how it is."""
    with contextlib.closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        # What comes is to be written, so that the client's one thread waits for the lock.
        Ledger(network, sender="bob", recipient="alice", to="alice@provider-1").send()
        problems, taken_s, begun_s = [], [], time.monotonic()
        while time.monotonic() - begun_s < LOCKED_S:
            problem, took_s = client_status(network, "alice")
            problems.append(problem)
            taken_s.append(took_s)
            time.sleep(0.5)
        connection.execute("ROLLBACK")
    trial.check("locked_store_status_s", max(taken_s), most=STATUS_S)
    assert any("store" in problem for problem in problems), problems
    network.wait_until_well(within_s=RECOVERY_S)


def read_for_long(network: ChaosNetwork, store: Path, trial: Trial) -> None:
    """Hold a reading of the store while mail comes; the log of changes empties once it has ended."""
    log = store.with_name("client.db-wal")
    ledger = Ledger(network, sender="bob", recipient="alice", to="alice@provider-1")
    with reading(store):
        with ledger.flowing(every_s=0.3):
            time.sleep(WATCHED_S)
        trial.check("held_reading_log_bytes", log.stat().st_size, most=WAL_BYTES, least=1)
    emptied_s = wait_until(lambda: log.stat().st_size < 1 << 16, within_s=EMPTY_S, what="an empty log of changes")
    trial.check("held_reading_emptied_s", emptied_s, most=EMPTY_S)


def delete_the_log(network: ChaosNetwork, store: Path, trial: Trial) -> None:
    """Kill a client, delete its log of changes, start it: it tells what is missing. Left alone it tells nothing."""
    log = store.with_name("client.db-wal")
    told: dict[bool, str] = {}
    for is_deleted in (False, True):
        network.call("alice", "POST", "/v1/contacts", body={"address": "bob@provider-2"})
        wait_until(lambda: log.stat().st_size > 0, within_s=RECOVERY_S, what="something in the log of changes")
        network.kill("alice")
        if is_deleted:
            log.unlink()
        network.start("alice")
        wait_until(lambda: answers(lambda: client_status(network, "alice")), within_s=RECOVERY_S, what="alice again")
        told[is_deleted] = client_status(network, "alice")[0]
    trial.check("deleted_log_told", "changes of client.db are missing" in told[True], least=1)
    trial.check("kept_log_told", "missing" in told[False], most=0)


def answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except Exception:
        return False
    return True


@pytest.mark.chaos
@pytest.mark.parametrize("is_deleted", [False, True], ids=["kept", "deleted"])
def test_a_mail_bridge_tells_that_the_log_of_its_store_is_missing(tmp_path: Path, is_deleted: bool) -> None:
    # Of its account it keeps something at once, though nothing is in the directory of its client.
    account = ("alice@provider-1", tmp_path / "client")
    account[1].mkdir()
    directory = make_unasked(tmp_path / "mail", [account], (0, 0), rng=random.Random(1), now_s=time.time())
    log = directory.path / f"{STORE_FILE}-wal"
    with bridge_of(directory.path) as told:
        assert "missing" not in told
    assert log.stat().st_size
    if is_deleted:
        log.unlink()
    with bridge_of(directory.path) as told:
        assert (f"changes of {STORE_FILE} are missing" in told) == is_deleted


@contextlib.contextmanager
def bridge_of(directory: Path) -> Iterator[str]:
    """Run a mail bridge, yield its problem, and kill it."""
    with subprocess.Popen(loopixmix_command("mail", "run", str(directory))) as process:
        try:
            wait_until(lambda: answers(lambda: read_report(directory)), within_s=RECOVERY_S, what="a bridge")
            yield read_report(directory).problem or ""
        finally:
            process.kill()
