"""What a client tells about times, against the times that its messages take."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import pytest

from client.api import Letter
from client.core.health import LoopHealth
from client.sending.forecast import ENOUGH_LOOPS, Forecast
from tests.worlds.clients.parts import BOB as CONTACT
from tests.worlds.clients.parts import Parts
from tests.worlds.clients.world import World

ALICE, BOB = "alice@home", "bob@away"


@pytest.fixture
def parts() -> Iterator[Parts]:
    made = Parts()
    made.go_online()
    made.befriend_bob()
    yield made
    made.close()


def forecast_of(parts: Parts, health: LoopHealth | None = None) -> Forecast:
    return Forecast(session=parts.session, queue=parts.queue, outbox=parts.outbox, health=health or LoopHealth())


@pytest.mark.parametrize(("loss", "size", "tolerance"), [(0.0, 4_000, 0.15), (0.012, 12_000, 0.4)])
def test_messages_take_as_long_as_is_told(loss: float, size: int, tolerance: float) -> None:
    """30 messages of one seed, within three standard errors.

    With losses these are wide: of a hundred loops some six are lost, and one message in three takes three times
    as long.
    """
    world = World(loss=loss, seed=1)
    alice, bob = world.person(ALICE), world.person(BOB)
    world.acquaint(alice, bob)
    world.clock.run_for(120)  # the loops tell of losses first
    told_s, took_s = [], []
    for number in range(30):
        told_s.append(world.run(alice.client.estimate(size, BOB)).mean_s)
        began_s = world.clock.seconds()
        world.run(alice.client.send(BOB, bytes(size), kind="text", idempotency_key=str(number)))
        world.clock.run_for(600, until=lambda: bob.store.write(_received) > number)  # noqa: B023
        took_s.append(world.clock.seconds() - began_s)
    assert statistics.mean(told_s) == pytest.approx(statistics.mean(took_s), rel=tolerance)
    world.stop()


def _received(connection: object) -> int:
    return int(connection.exec_driver_sql("SELECT count(*) FROM inbox").scalar_one())  # type: ignore[attr-defined]


def test_what_waits_makes_it_longer(parts: Parts) -> None:
    forecast = forecast_of(parts)
    alone = forecast.message(1)
    for number in range(20):
        parts.dispatch(b"x", key=str(number))
    among_others = forecast.message(1)
    rate_per_s = parts.document.params.payload_rate_per_s
    assert among_others.queue_s == pytest.approx(alone.queue_s + 20 / rate_per_s)


def test_a_bulk_makes_a_short_message_wait_for_the_few_that_are_sealed(parts: Parts) -> None:
    letters = [Letter(to=CONTACT, kind="text", body=b"x", idempotency_key=f"{n}") for n in range(500)]
    member = parts.session.registered()
    for each in parts.store.write(lambda c: parts.poster.post_many(c, letters, member, now_s=parts.now_s)):
        assert each.new is not None
        parts.outbox.add(each.new)
    parts.outbox.release()
    forecast, rate_per_s = forecast_of(parts), parts.document.params.payload_rate_per_s
    assert forecast.message(1).queue_s < 40 / rate_per_s
    assert forecast.message(100).mean_s > 550 / rate_per_s


def test_loops_tell_of_losses_and_of_what_links_add(parts: Parts) -> None:
    health = LoopHealth()
    assert forecast_of(parts, health).conditions().loss == 0
    for _ in range(ENOUGH_LOOPS):
        health.on_returned(30.0)
    for _ in range(10):
        health.on_lost()
    around = forecast_of(parts, health).conditions()
    # Of 40, the 10 that count from the start included, 30 came back both ways.
    assert (1 - around.loss) ** 2 == pytest.approx(0.75)
    assert around.overhead_s == pytest.approx(14.5, abs=0.5)


def test_a_request_takes_its_parts_at_their_rates_and_a_round_trip(parts: Parts) -> None:
    forecast, params, size = forecast_of(parts), parts.document.params, parts.session.registered().sphinx.geometry
    short, there, back = (forecast.request(*lengths, size) for lengths in ((0, 0), (100_000, 0), (0, 100_000)))
    assert (short.fragments, there.fragments, back.fragments) == (1, 51, 1)
    round_trip_s = 2 * (params.layers + 1) * params.delay_mean_s
    assert short.mean_s > round_trip_s + 1 / params.payload_rate_per_s + 1 / params.free_pulls_per_s
    assert there.mean_s - short.mean_s == pytest.approx(50 / params.payload_rate_per_s, abs=0.5)
    # Of fifty shares six come by the first reply blocks. The others need more, which leave when the first is here.
    asked_s = round_trip_s + 0.5 / params.pull_rate_per_s + 1 / params.payload_rate_per_s
    assert back.mean_s - short.mean_s == pytest.approx(asked_s + 44 / params.free_pulls_per_s, abs=0.5)
    # Beside a share that fills its packet there is no room for any, so that nine of ten wait.
    full, longer = (forecast.request(1900, answer_bytes, size) for answer_bytes in (0, 20_000))
    assert longer.mean_s - full.mean_s == pytest.approx(asked_s + 9 / params.free_pulls_per_s, abs=0.5)
