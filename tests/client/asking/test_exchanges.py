"""Requests under way in a world of one client: what happens to the network, the link, the clock and the host."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from client.api import RequestTimeoutError
from client.asking.exchanges import Exchanges
from client.core.asking.spares import coding_for
from client.core.asking.steps import LOSS_STEPS
from loopixmix.params import NetworkParams
from loopixmix.requests.answers import RequestOver
from tests.worlds.clients.parts import Parts
from tests.worlds.clients.world import QUICK, Person, World

SHORT_EPOCHS = msgspec.structs.replace(QUICK, pull_batch=8, epoch_length_s=60, grace_s=5)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.stop()


@pytest.fixture
def alice(world: World) -> Person:
    person = world.person("alice@home")
    world.clock.run_for(20)
    for provider in world.providers.values():
        provider.host.asked.clear()
        provider.host.parts.clear()
    return person


def ask(person: Person, body: bytes, *, service: str = "echo@away", timeout_s: float = 300) -> list[bytes | Failure]:
    results: list[bytes | Failure] = []
    Deferred.fromCoroutine(person.client.request(service, body, timeout_s=timeout_s)).addBoth(results.append)
    return results


def exchanges_of(person: Person) -> Exchanges:
    return person.client._desk.requests._exchanges


def error_of(results: list[bytes | Failure]) -> str:
    [failure] = results
    assert isinstance(failure, Failure)
    assert failure.check(RequestTimeoutError)
    return failure.getErrorMessage()


def wait_for_shares(world: World, person: Person, count: int = 3) -> None:
    """Let time pass until some of an answer is here, and more is to come."""

    def has_some() -> bool:
        return any(exchange.progress.received >= count for exchange in exchanges_of(person)._under_way)

    assert world.wait_for(has_some, 60)


def test_a_link_that_breaks_in_the_middle_of_an_answer_only_delays_it(world: World, alice: Person) -> None:
    results = ask(alice, bytes(50_000))
    wait_for_shares(world, alice)
    alice.link.cut = True
    world.clock.run_for(60)
    assert results == []
    alice.link.cut = False
    world.clock.run_for(60)
    assert results == [bytes(50_000)]
    assert len(world.providers["away"].host.asked) == 1


def test_an_epoch_may_end_in_the_middle_of_an_answer() -> None:
    world = World(params=SHORT_EPOCHS)
    alice = world.person("alice@home")
    end_s = (world.model.epoch + 1) * 60.0
    world.clock.run_until(end_s - 25)
    body = world.rng.randbytes(110_000)
    results = ask(alice, body, timeout_s=90)
    wait_for_shares(world, alice, 20)
    # The host sends nothing more before the blocks that it has are of no use any more.
    away = world.providers["away"].host
    away.params = msgspec.structs.replace(SHORT_EPOCHS, pull_rate_per_s=0.02)
    world.clock.run_until(end_s)
    alice.client.adopt(world.make_document(epochs_later=1))
    assert results == []
    world.clock.run_until(end_s + SHORT_EPOCHS.grace_s)
    away.params = SHORT_EPOCHS
    world.clock.run_for(50)
    assert results == [body]
    assert len({part.blocks_epoch for part in away.parts if part.head.content_bytes > 100_000}) == 2
    assert [asked for _, asked in away.asked if len(asked) > 1000] == [body]
    world.stop()


def test_a_clock_that_is_set_back_in_the_middle_delays_it_little(alice: Person, world: World) -> None:
    results = ask(alice, bytes(50_000))
    wait_for_shares(world, alice)
    session = exchanges_of(alice)._session
    clock = session._clock

    class SetBack:
        def seconds(self) -> float:
            return clock.seconds() - 1800

        def callLater(self, *args: object) -> object:
            return clock.callLater(*args)  # type: ignore[arg-type]

    session._clock = SetBack()  # type: ignore[assignment]
    world.clock.run_for(60)
    assert results == [bytes(50_000)]
    session._clock = clock


def test_a_host_that_leaves_the_network_is_waited_for(world: World, alice: Person) -> None:
    document = world.make_document()
    away = world.providers["away"].model.id
    gone = msgspec.structs.replace(document, nodes=tuple(n for n in document.nodes if n.id != away))
    results = ask(alice, bytes(20_000))
    world.clock.run_for(1)
    alice.client.adopt(gone)
    sent = alice.client._board._traffic.payload_status.sent
    world.clock.run_for(30)
    assert results == []
    # Cover leaves all the while.
    assert alice.client._board._traffic.payload_status.sent - sent > 60
    alice.client.adopt(document)
    world.clock.run_for(60)
    assert results == [bytes(20_000)]


def test_a_network_that_changes_its_packets_ends_what_is_under_way(world: World, alice: Person) -> None:
    results = ask(alice, bytes(20_000))
    world.clock.run_for(1)
    document = world.make_document()
    longer: NetworkParams = msgspec.structs.replace(document.params, payload_bytes=4096)
    alice.client.adopt(msgspec.structs.replace(document, params=longer))
    world.clock.run_for(5)
    assert "takes the request no more" in error_of(results)


def test_all_requests_together_have_no_more_blocks_under_way_than_there_is_room_for(
    world: World, alice: Person
) -> None:
    exchanges, policy = exchanges_of(alice), alice.client._board._session.known.policy
    window = int(QUICK.free_pulls_per_s * policy.first_s)
    world.providers["away"].host.ask = lambda service, body: body * 40_000
    results = [ask(alice, bytes([n])) for n in range(8)]
    most = 0
    for _ in range(600):
        world.clock.run_for(0.25)
        most = max(most, exchanges._total_under_way)
    assert results == [[bytes([n]) * 40_000] for n in range(8)]
    # Beside the one block without which there is no packet, of each of the eight. It was nearly full all the time.
    assert window - 6 <= most <= window + 8
    assert (exchanges._total_under_way, len(exchanges._under_way)) == (0, 0)


def test_what_has_ended_leaves_no_expectation(world: World, alice: Person) -> None:
    results = ask(alice, bytes(20_000))
    world.clock.run_for(60)
    assert results == [bytes(20_000)]
    expectations = exchanges_of(alice)._expectations
    known = [expectations.find(surb_id) for surb_id in expectations._expected]
    assert not any("_Answer" in type(each.purpose).__name__ for each in known if each is not None)
    assert not any("Exchange" in type(each).__name__ for each in expectations._waiting.values())


def test_answers_that_are_spoilt_on_their_way_are_asked_for_again(world: World, alice: Person) -> None:
    home = world.providers["home"]
    home.spoils_replies = True
    results = ask(alice, bytes(6000))
    world.clock.run_for(10)
    home.spoils_replies = False
    world.clock.run_for(60)
    assert results == [bytes(6000)]
    assert len(world.providers["away"].host.asked) == 1


def test_how_far_it_came_is_told_at_the_end_of_its_time(world: World, alice: Person) -> None:
    alice.link.cut = True
    results = ask(alice, bytes(5000), timeout_s=5)
    world.clock.run_for(6)
    assert error_of(results) == "echo@away did not answer within 5 s: it could not be sent"
    alice.link.cut = False
    world.clock.run_for(3)
    results = ask(alice, bytes(200_000), timeout_s=5)
    world.clock.run_for(6)
    assert "of 101 parts of the request were sent" in error_of(results)
    world.providers["away"].host.deaf = True
    results = ask(alice, bytes(5000), timeout_s=20)
    world.clock.run_for(21)
    assert error_of(results) == "echo@away did not answer within 20 s: no answer"
    world.providers["away"].host.deaf = False
    results = ask(alice, bytes(50_000), timeout_s=11)
    world.clock.run_for(12)
    assert "of 25 parts of the answer came" in error_of(results)


def test_a_host_for_whom_it_is_over_ends_the_wait(world: World, alice: Person) -> None:
    host = world.providers["away"].host
    host.take = lambda service, part, blocks: host.send(blocks[0], RequestOver())  # type: ignore[method-assign]
    results = ask(alice, b"x", timeout_s=100)
    world.clock.run_for(10)
    assert "takes the request no more" in error_of(results)


def test_a_host_sees_a_step_of_loss_and_not_what_loops_show(world: World, alice: Person) -> None:
    """Otherwise requests made with one measured loss were likely one client's, and her provider could set it."""
    host, health = world.providers["away"].host, alice.client._board._loops.health

    def seen() -> tuple[int, int]:
        host.parts.clear()
        world.run(alice.client.request("echo@away", b"x", timeout_s=60))
        world.clock.run_for(5)
        [coding] = {part.coding for part in host.parts}
        return len(host.parts), coding

    def lose_each(nth: int) -> None:
        for number in range(600):
            if number % nth:
                health.on_returned(1.0)
            else:
                health.on_lost()
        world.clock.run_for(1)

    assert seen() == (1, 0)
    lose_each(10)
    step = seen()
    assert step == (2, coding_for(LOSS_STEPS[1]))
    # Whatever is dropped now, for the rest of the hour all her requests look the same.
    for nth in (3, 7, 50, 1000):
        lose_each(nth)
        assert seen() == step


def test_a_request_without_a_network_is_refused() -> None:
    parts = Parts()
    assert parts.exchanges._room == 0
    parts.close()
