"""Services whose answers wait for disks and sockets: each has threads of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

import msgspec
from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from provider.api import Declaration
from provider.hosting.asker import NotAskedError
from provider.hosting.asking.local import Answering, AskedService, answering, close

MOST_GIVEN_UP = 8
"""A service with so many threads that were given up and do not end is switched off, until half of them have ended."""


class ThreadAsker:
    """Asks a service in its threads, each of which has one request at a time.

    A thread whose request is overdue is given up, and another one takes its place. None can be ended from outside: it
    keeps what it holds until it ends by itself.
    """

    def __init__(
        self, service: AskedService, declaration: Declaration, *, call_on_reactor: Callable[..., object]
    ) -> None:
        """`service`: one with a plain function. `declaration`: the service's, with the operator's changes.

        `call_on_reactor`: the reactor's `callFromThread`.
        """
        self.name = service.name
        # Each request has a thread at once: it is not to lose its time in a second queue.
        self.declaration = msgspec.structs.replace(declaration, at_once=min(declaration.at_once, declaration.threads))
        self._service = service
        self._answer = answering(service)
        self._call_on_reactor = call_on_reactor
        self._idle: list[_Worker] = []
        self._given_up = 0
        self._is_off = False
        self._stopped = False

    @property
    def problem(self) -> str | None:
        """Why the service is switched off, in one line; None if it is not."""
        if not self._is_off:
            return None
        return (
            f'the service "{self.name}" is switched off while {MOST_GIVEN_UP // 2} or more of its threads do not end: '
            f"{self._given_up} are overdue"
        )

    def ask(self, repetition_key: bytes, body: bytes) -> Deferred[bytes]:
        """Ask the service in an idle thread, or in a new one."""
        if self._is_off or self._stopped:
            return fail(NotAskedError(self.problem or f"{self.name} is stopped"))
        worker = self._idle.pop() if self._idle else _Worker(self.name, self._answer, self._tell)
        question = _Question(worker, repetition_key, body, self._give_up)
        worker.ask(question)
        return question.answer

    async def stop(self) -> None:
        """Let idle threads end, and wait for no other; close the service, if it wants that."""
        self._stopped = True
        for worker in self._idle:
            worker.ask(None)
        self._idle.clear()
        await close(self._service)

    def _tell(self, question: _Question, result: bytes | Failure) -> None:
        self._call_on_reactor(self._ended, question, result)

    def _ended(self, question: _Question, result: bytes | Failure) -> None:
        if question.is_given_up:
            # Another thread has its place.
            self._given_up -= 1
            # Not at the first one that ends: a service that still hangs would be switched on and off all the time.
            self._is_off = self._is_off and self._given_up >= MOST_GIVEN_UP // 2
            question.worker.ask(None)
            return
        if not self._is_off and not self._stopped:
            self._idle.append(question.worker)
        else:
            question.worker.ask(None)
        if isinstance(result, Failure):
            question.answer.errback(result)
        else:
            question.answer.callback(result)

    def _give_up(self, question: _Question) -> None:
        question.is_given_up = True
        self._given_up += 1
        self._is_off = self._is_off or self._given_up >= MOST_GIVEN_UP


class _Question:
    """A request with the thread that it is asked in."""

    def __init__(
        self, worker: _Worker, repetition_key: bytes, body: bytes, give_up: Callable[[_Question], None]
    ) -> None:
        self.worker = worker
        self.request = repetition_key, body
        self.is_given_up = False
        self.answer: Deferred[bytes] = Deferred(lambda _: give_up(self))


class _Worker:
    """One thread."""

    def __init__(self, name: str, answer: Answering, tell: Callable[[_Question, bytes | Failure], object]) -> None:
        self._answer = answer
        self._tell = tell
        self._questions: SimpleQueue[_Question | None] = SimpleQueue()
        # A daemon: one that never ends must not keep the process alive.
        threading.Thread(target=self._run, name=f"service {name}", daemon=True).start()

    def ask(self, question: _Question | None) -> None:
        """Answer a question next, or end."""
        self._questions.put(question)

    def _run(self) -> None:
        while (question := self._questions.get()) is not None:
            self._tell(question, self._result(question))
            # The thread may wait for hours now.
            del question

    def _result(self, question: _Question) -> bytes | Failure:
        try:
            # What is no bytes is refused by whoever asked.
            return self._answer(*question.request)  # type: ignore[return-value]
        except BaseException as error:
            # Also what ends a program elsewhere: whoever waits for the answer must hear of it.
            return Failure(error)  # type: ignore[no-untyped-call]
