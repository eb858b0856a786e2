from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TypeVar

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from loopixmix.errors import UnavailableError
from votes.demo.commands import CommandEnd, PartyCommands

T = TypeVar("T")


class Process:
    """A process that does what the test says."""

    def __init__(self, protocol: ProcessProtocol, words: Sequence[str]) -> None:
        self.words = list(words)
        self.signals: list[str] = []
        self.has_ended = False
        self._protocol = protocol
        protocol.makeConnection(self)  # type: ignore[arg-type]

    def write(self, text: str, *, to: int = 1) -> None:
        self._protocol.childDataReceived(to, text.encode())

    def end(self, code: int = 0) -> None:
        self.has_ended = True
        self._protocol.processEnded(Failure(ProcessTerminated(code) if code else ProcessDone(0)))

    def signalProcess(self, signalID: str) -> None:  # noqa: N803
        if self.has_ended:
            raise ProcessExitedAlready
        self.signals.append(signalID)


class SpawnedInMemory:
    """Starts processes that only the test knows."""

    def __init__(self) -> None:
        self.processes: list[Process] = []

    def spawnProcess(
        self,
        processProtocol: ProcessProtocol,  # noqa: N803
        executable: str,
        args: Sequence[str],
        *,
        env: None,
    ) -> None:
        self.processes.append(Process(processProtocol, args))


def begun(awaitable: Awaitable[T]) -> Deferred[T]:
    async def wait() -> T:
        return await awaitable

    return Deferred.fromCoroutine(wait())


def failure_of(deferred: Deferred[T]) -> BaseException:
    failures: list[Failure] = []
    deferred.addErrback(failures.append)
    [failure] = failures
    assert failure.value is not None
    return failure.value


@pytest.fixture
def world() -> SpawnedInMemory:
    return SpawnedInMemory()


def result(deferred: Deferred[T]) -> T:
    results: list[T] = []
    deferred.addCallback(results.append)
    return results[0]


def test_a_command_returns_what_it_printed(world: SpawnedInMemory) -> None:
    running = begun(PartyCommands(world).run("admin", "init", 7))
    [process] = world.processes
    assert process.words[-4:] == ["vote", "admin", "init", "7"]
    process.write("the iden")
    process.write("tity\n")
    process.write("progress", to=2)
    assert not running.called
    process.end()
    assert result(running) == "the identity\n"


def test_a_command_that_fails_is_told_in_its_own_words(world: SpawnedInMemory) -> None:
    commands = PartyCommands(world)
    running, attempt = begun(commands.run("mixer", "mix", "dir")), begun(commands.attempt("mixer", "mix", "dir"))
    for process in world.processes:
        process.write("loopixmix: it is wrong\n", to=2)
        process.end(2)
    error = failure_of(running)
    assert isinstance(error, UnavailableError)
    assert str(error) == "loopixmix vote mixer mix failed: loopixmix: it is wrong"
    assert result(attempt) == CommandEnd(False, "", "loopixmix: it is wrong\n")


def test_what_still_runs_is_killed(world: SpawnedInMemory) -> None:
    commands = PartyCommands(world)
    ended, still = begun(commands.attempt("verify")), begun(commands.attempt("trustee"))
    first, second = world.processes
    first.end()
    commands.kill()
    second.has_ended = True
    commands.kill()
    assert (first.signals, second.signals) == ([], ["KILL"])
    assert ended.called
    assert not still.called
