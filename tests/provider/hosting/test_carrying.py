"""Complete requests: carried out once, with everything on the disk in time, also over a restart."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import update
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent

from loopixmix.drops import DropReason
from loopixmix.requests.answers import AnswerShare, RequestFailed, RequestOver
from loopixmix.requests.parts import NO_SHARE
from loopixmix.requests.single import encode_request
from loopixmix.routing.path import service_id
from provider.api import Declaration
from provider.hosting.asking.local import LocalAsker
from provider.hosting.carrying import WRITE_AGAIN_S
from provider.store import MailStore, sqlite_url
from provider.store.schema import requests as requests_table
from tests.worlds.mailboxes.hosts import PARAMS, SIZE, AwayAsker, HandRequest, HostWorld, Oracle
from tests.worlds.mailboxes.mailstores import WRITE_S
from tests.worlds.networks.models import EPOCH

PATIENT = Declaration(timeout_s=1e6)
RECOGNISING = Declaration(recognises_repetition=True)


def done(world: HostWorld, request: HandRequest) -> list[bytes]:
    """Return the answers of one share that came back for a request."""
    return [part.share for part in world.said(request) if isinstance(part, AnswerShare)]


def restart(world: HostWorld, *services: Oracle) -> HostWorld:
    """Kill the provider and start it again, a moment later."""
    after = HostWorld(world.store, services, account=False)
    after.clock.rightNow = world.clock.seconds()
    after.count = world.count
    after.rng = world.rng
    return after


def test_a_request_is_on_the_disk_before_the_service_is_asked(store: MailStore) -> None:
    world = HostWorld(store, [oracle := Oracle()])
    request = world.request("oracle", b"q")
    world.send_all(request)
    world.clock.advance(WRITE_S * 0.9)
    assert oracle.asked == []
    world.clock.advance(WRITE_S * 0.2)
    assert oracle.bodies == [b"q"]
    world.stop()


def test_an_answer_is_on_the_disk_before_its_first_share_leaves(store: MailStore) -> None:
    world = HostWorld(store, [oracle := Oracle()])
    requests = [world.ask("oracle", b"%d" % number) for number in range(100)]
    for _, answer in oracle.asked:
        answer.callback(b"a")
    world.clock.advance(WRITE_S * 0.99)
    # Of a hundred intervals some are shorter than a write.
    assert world.blocks.used == []
    world.clock.advance(WRITE_S * 0.02)
    world.run(0.02)
    assert world.blocks.used != []
    assert all(done(world, request) == [b"a"] for request in requests)
    world.stop()


def test_a_request_sent_again_is_answered_from_the_disk_also_after_a_restart(store: MailStore) -> None:
    world = HostWorld(store, [oracle := Oracle()])
    request = world.ask("oracle", b"q")
    oracle.asked[0][1].callback(bytes(3000))
    assert len(done(world, request)) == 1
    world = restart(world, again := Oracle())
    request.blocks.clear()
    world.send_all(request)
    world.send_all(request)
    assert b"".join(done(world, request)) == bytes(3000)
    assert again.asked == []
    world.stop()


def test_blocks_alone_bring_a_kept_answer_after_a_restart(store: MailStore) -> None:
    world = HostWorld(store, [oracle := Oracle()])
    request = world.ask("oracle", bytes(5000))
    oracle.asked[0][1].callback(b"a")
    assert done(world, request) == [b"a"]
    world = restart(world, again := Oracle())
    request.blocks.clear()
    world.send(request, world.part(request, NO_SHARE))
    assert done(world, request) == [b"a"]
    assert again.asked == []
    world.stop()


def test_a_request_that_was_begun_before_a_crash_has_failed_for_good(store: MailStore) -> None:
    world = HostWorld(store, [Oracle(declaration=PATIENT)])
    request = world.ask("oracle", b"q")
    world = restart(world, oracle := Oracle(declaration=PATIENT))
    for _ in range(2):
        request.blocks.clear()
        world.send_all(request)
        assert world.said(request) == [RequestFailed()]
        world.host.forget_old()
        world.run(200.0)
        world.host.forget_old()
    assert oracle.asked == []
    world.stop()


def test_a_service_that_recognises_repetition_is_asked_again(store: MailStore) -> None:
    world = HostWorld(store, [before := Oracle(declaration=RECOGNISING)])
    request = world.request("oracle", b"q", key=b"repetition key 1")
    world.send_all(request)
    assert before.keys == [b"repetition key 1"]
    world = restart(world, after := Oracle(declaration=RECOGNISING))
    request.blocks.clear()
    world.send_all(request)
    world.send_all(request)
    assert after.keys == [b"repetition key 1"]
    after.asked[0][1].callback(b"a")
    assert done(world, request) == [b"a"]
    assert world.memory.kept_bytes("oracle") == 0
    world.stop()


def test_what_cannot_be_written_down_is_not_carried_out(store: MailStore, logged: list[LogEvent]) -> None:
    world = HostWorld(store, [oracle := Oracle()])
    world.rename("requests", "elsewhere")
    request = world.ask("oracle", b"q")
    assert oracle.asked == []
    assert world.facts.drops == [DropReason.STORE_FAILED]
    assert len(logged) == 1
    world.rename("elsewhere", "requests")
    world.send_all(request)
    world.run(0.1)
    assert oracle.bodies == [b"q"]
    world.stop()


def test_an_answer_that_cannot_be_written_waits_until_it_can(store: MailStore) -> None:
    world = HostWorld(store, [oracle := Oracle()])
    request = world.ask("oracle", b"q")
    world.rename("requests", "elsewhere")
    oracle.asked[0][1].callback(b"a")
    assert done(world, request) == []
    world.rename("elsewhere", "requests")
    world.send_all(request)
    world.run(WRITE_AGAIN_S)
    assert done(world, request) == [b"a"]
    assert oracle.bodies == [b"q"]
    world.stop()


def test_a_provider_that_is_stopped_waits_for_no_answer_that_cannot_be_written(store: MailStore) -> None:
    world = HostWorld(store, [oracle := Oracle()])
    world.ask("oracle", b"q")
    world.rename("requests", "elsewhere")
    oracle.asked[0][1].callback(b"a")
    world.run(0.1)
    world.stop()
    world.rename("elsewhere", "requests")


def test_a_busy_service_s_kept_answers_are_still_given(store: MailStore) -> None:
    world = HostWorld(store, [oracle := Oracle(declaration=Declaration(at_once=1, queue=1))])
    request = world.ask("oracle", b"q")
    oracle.asked[0][1].callback(b"a")
    assert done(world, request) == [b"a"]
    world = restart(world, Oracle(declaration=Declaration(at_once=1, queue=1, timeout_s=1e6)))
    for number in range(5):
        world.ask("oracle", b"%d" % number)
    request.blocks.clear()
    world.send_all(request)
    assert done(world, request) == [b"a"]
    world.stop()


def test_a_request_that_waited_beyond_its_end_is_not_carried_out(store: MailStore) -> None:
    world = HostWorld(store, [oracle := Oracle(declaration=Declaration(at_once=1, queue=3, timeout_s=1e6))])
    requests = [world.ask("oracle", b"%d" % number) for number in range(4)]
    world.run(PARAMS.epoch_length_s + PARAMS.grace_s)
    for number in range(2):
        oracle.asked[number][1].callback(b"a")
        world.run(0.1)
    # The one that was written down ahead is carried out; the others would not be remembered any more.
    assert oracle.bodies == [b"0", b"1"]
    assert world.said(requests[3]) == []
    world.send_all(requests[3])
    assert world.said(requests[3]) == [RequestOver()]
    world.stop()


def test_a_service_that_is_away_does_not_make_requests_fail(store: MailStore) -> None:
    away = AwayAsker("oracle")
    world = HostWorld(store, [away])
    request = world.ask("oracle", b"q")
    assert world.said(request) == []
    assert world.facts.drops == [DropReason.OVERLOADED]
    assert world.memory.kept_bytes("oracle") == 0
    away.back = LocalAsker(oracle := Oracle(), Declaration())
    world.send_all(request)
    world.run(0.1)
    assert oracle.bodies == [b"q"]
    world.stop()


def test_a_spare_share_before_an_unasked_request_is_forgotten_makes_no_failure(store: MailStore) -> None:
    away = AwayAsker("oracle")
    world = HostWorld(store, [away])
    request = world.request("oracle", bytes(4000))
    world.send_all(request)
    # It is written down and the service is away, but it is not forgotten yet; a reading overtakes that.
    world.clock.advance(WRITE_S)
    assert world.facts.drops == [DropReason.OVERLOADED]
    world.send_all(request, [3])
    assert world.said(request) == []
    away.back = LocalAsker(oracle := Oracle(), Declaration())
    world.send_all(request)
    world.run(0.1)
    assert oracle.bodies == [bytes(4000)]
    world.stop()


def test_a_copy_to_a_busy_service_before_it_is_forgotten_makes_no_failure(store: MailStore) -> None:
    away = AwayAsker("oracle", Declaration(at_once=1, queue=2))
    world = HostWorld(store, [away])
    request = world.request("oracle", b"q")
    world.send_all(request)
    world.clock.advance(WRITE_S)
    # These take the places, so that the copy is looked up before it gets one.
    for number in range(2):
        world.send_all(world.request("oracle", b"%d" % number))
    world.send_all(request)
    assert world.said(request) == []
    assert world.facts.drops == [DropReason.OVERLOADED] * 4
    away.back = LocalAsker(oracle := Oracle(), away.declaration)
    world.send_all(request)
    world.run(0.1)
    assert oracle.bodies == [b"q"]
    world.stop()


def test_an_answer_that_was_changed_on_the_disk_is_not_given(store: MailStore) -> None:
    world = HostWorld(store, [oracle := Oracle()])
    request = world.ask("oracle", b"q")
    oracle.asked[0][1].callback(b"answer")
    world.run(1.0)
    world.store.write(lambda c: c.execute(update(requests_table).values(answer=bytes(23))))
    world = restart(world, again := Oracle())
    request.blocks.clear()
    world.send_all(request)
    assert world.said(request) == []
    assert again.asked == []
    assert world.facts.drops == [DropReason.STORE_FAILED]
    world.stop()


def test_the_disk_tells_neither_request_nor_answer_nor_time(tmp_path: Path) -> None:
    store = MailStore(sqlite_url(tmp_path / "mail.sqlite3"))
    world = HostWorld(store, [oracle := Oracle()])
    request = world.request("oracle", b"marked-body", request_id=b"marked-requestid")
    world.send_all(request)
    world.run(1.0)
    oracle.asked[0][1].callback(b"marked-answer")
    world.run(1.0)
    [row] = store.read(lambda c: c.exec_driver_sql("SELECT * FROM requests").all())
    assert [type(value) for value in row] == [int, bytes, str, int, bytes]
    assert row[1] == request.head.kept_name(service_id("oracle"))
    assert (row[2], row[3]) == ("oracle", EPOCH)
    world.stop()
    store.close()
    for path in tmp_path.iterdir():
        assert b"marked" not in path.read_bytes()


def test_requests_of_version_1_may_take_the_queue_from_those_that_are_written_down(store: MailStore) -> None:
    world = HostWorld(store, [oracle := Oracle(declaration=Declaration(at_once=1, queue=1, timeout_s=1e6))])
    late = world.request("oracle", b"late")
    world.send_all(late)
    for number in range(2):
        world.host.take(service_id("oracle"), encode_request(bytes([number]) * 16, b"%d" % number, SIZE), None)
    world.run(0.1)
    assert oracle.bodies == [b"0"]
    assert world.facts.drops == [DropReason.OVERLOADED]
    assert world.memory.kept_bytes("oracle") == 0
    for number in range(2):
        oracle.asked[number][1].callback(b"a")
    world.send_all(late)
    world.run(0.1)
    assert oracle.bodies == [b"0", b"1", b"late"]
    world.stop()


def test_a_stop_in_the_middle_leaves_begun_what_was_asked(store: MailStore) -> None:
    world = HostWorld(store, [Oracle(declaration=PATIENT)])
    requests = [world.ask("oracle", b"%d" % number) for number in range(3)]
    world.stop()
    world = restart(world, oracle := Oracle())
    for request in requests:
        request.blocks.clear()
        world.send_all(request)
    assert [world.said(request) for request in requests] == [[RequestFailed()]] * 3
    assert oracle.asked == []
    world.stop()


def stop_with_store(world: HostWorld) -> None:
    """Stop as a provider does: the store takes nothing any more once the host has stopped."""

    async def stop() -> None:
        await world.host.stop()
        await world.access.finish()

    stopping = Deferred.fromCoroutine(stop())
    world.run(1.0)
    assert stopping.called


def test_a_stop_makes_none_fail_that_was_not_asked(store: MailStore) -> None:
    narrow = Declaration(at_once=1, queue=7, timeout_s=1e6)
    world = HostWorld(store, [before := Oracle(declaration=narrow)])
    requests = [world.ask("oracle", b"%d" % number) for number in range(8)]
    assert before.bodies == [b"0"]
    # The second one was written down ahead.
    assert world.memory.kept_bytes("oracle") == 300
    stop_with_store(world)
    world = restart(world, after := Oracle())
    for request in requests:
        request.blocks.clear()
        world.send_all(request)
    assert world.said(requests[0]) == [RequestFailed()]
    assert after.bodies == [b"%d" % number for number in range(1, 8)]
    world.stop()


def test_a_stop_makes_none_fail_that_was_being_written_down(store: MailStore) -> None:
    world = HostWorld(store, [before := Oracle(declaration=PATIENT)])
    request = world.request("oracle", b"q")
    world.send_all(request)
    stop_with_store(world)
    assert before.asked == []
    world = restart(world, after := Oracle())
    request.blocks.clear()
    world.send_all(request)
    world.run(0.1)
    assert after.bodies == [b"q"]
    world.stop()
