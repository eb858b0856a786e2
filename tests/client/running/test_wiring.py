"""The object graph: whole, without a reactor, and with nothing that is assigned afterwards."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

import client
from client.api import NotRunningError
from client.core.sealing import PlainSealer
from client.link.floors import Acceptance
from client.running.service import ClientService
from client.running.wiring import build_client
from loopixmix.errors import StoreError
from loopixmix.sphinx import load_arithmetic
from tests.worlds.clients.parts import Parts, outcome

ROOT = Path(client.__file__).parent


def built(parts: Parts, *, document_problem: str | None = None) -> ClientService:
    return build_client(
        keys=parts.keys,
        acceptance=Acceptance.ANY,
        settings=parts.settings,
        access=parts.access,
        sealer=PlainSealer(parts.keys.sealing.public, rng=parts.rng),
        network=parts.link,
        link=parts.link,
        clock=parts.clock,
        monotonic=parts.clock.seconds,
        rng=parts.rng,
        arithmetic=load_arithmetic(),
        observer=parts.observer,
        document_problem=lambda: document_problem,
    )


@pytest.fixture
def parts() -> Parts:
    return Parts()


def stop(parts: Parts, service: ClientService) -> None:
    assert outcome(Deferred.fromCoroutine(service.stop())) is None
    parts.close()


def test_a_client_that_was_built_does_nothing_yet(parts: Parts) -> None:
    service = built(parts)
    assert not service.running
    assert parts.clock.getDelayedCalls() == []
    parts.close()


def test_it_starts_from_an_empty_store_and_leaves_no_call_behind(parts: Parts) -> None:
    service = built(parts)
    service.start()
    service.adopt(parts.document)
    status = outcome(Deferred.fromCoroutine(service.status()))
    assert not isinstance(status, Failure)
    assert (service.running, status.registered) == (True, False)
    assert status.problem.startswith("this client has no account yet: register first")
    stop(parts, service)
    assert not service.running
    failure = outcome(Deferred.fromCoroutine(service.inbox()))
    assert isinstance(failure, Failure)
    assert failure.check(NotRunningError)


def test_what_keeps_documents_away_is_told_without_a_link(parts: Parts) -> None:
    service = built(parts, document_problem="no authority answers")
    service.start()
    status = outcome(Deferred.fromCoroutine(service.status()))
    assert not isinstance(status, Failure)
    assert status.problem == "no authority answers"
    stop(parts, service)


def test_a_store_that_cannot_be_read_is_told_to_everybody(parts: Parts) -> None:
    parts.store.failing = True
    service = built(parts)
    service.start()
    failure = outcome(Deferred.fromCoroutine(service.status()))
    assert isinstance(failure, Failure)
    assert failure.check(StoreError)
    stop(parts, service)


def test_nothing_is_assigned_into_a_neighbour() -> None:
    """A part changes itself; what another one knows is changed by asking that one."""
    rooms = ("link", "sending", "asking", "receiving", "streams", "running")
    offenders = []
    for path in [path for room in rooms for path in (ROOT / room).glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            for target in targets:
                # self._neighbour.something = ... or self.neighbour.something = ...
                if (
                    isinstance(target, ast.Attribute)
                    and isinstance(target.value, ast.Attribute)
                    and isinstance(target.value.value, ast.Name)
                    and target.value.value.id == "self"
                ):
                    offenders.append(f"{path.relative_to(ROOT)}:{target.lineno} assigns {ast.unparse(target)}")
    assert offenders == []
