"""What is remembered of requests: bounded for each service, sealed, and erased at its end."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag
from twisted.internet.defer import Deferred

from loopixmix.requests.parts import RequestHead
from provider.hosting.memory import ERASE_ROWS, NOT_READ, ROW_BYTES, RequestMemory, open_answer, seal_answer
from provider.store import MailStore
from provider.store.requests import Begun, NewRequest, read_answer
from tests.worlds.mailboxes.mailstores import StoreWorld
from tests.worlds.networks.models import EPOCH

KEY = bytes(range(32))
BOUND = 90 * ROW_BYTES


class World(StoreWorld):
    """A memory over a real store."""

    def __init__(self, store: MailStore, *, account: bool = True) -> None:
        super().__init__(store, account=account)
        self.memory = RequestMemory(self.access)
        self.memory.start()
        self.clock.advance(0.1)

    def room(self, last_epoch: int, *, present: int = EPOCH, service: str = "s") -> bool:
        return self.memory.has_room(service, last_epoch, present=present, bound_bytes=BOUND)

    def begin(self, number: int, last_epoch: int, *, service: str = "s", has_room: bool = True) -> Begun:
        results: list[Begun] = []
        name = number.to_bytes(32)
        self.memory.begin(NewRequest(name, service, last_epoch, has_room)).addCallback(results.append)
        self.clock.advance(0.1)
        return results[0]

    def keep(self, number: int, last_epoch: int, sealed: bytes) -> None:
        self.memory.keep(number.to_bytes(32), sealed)
        self.clock.advance(0.1)
        head = RequestHead(bytes(16), bytes(16), last_epoch, 16, 16)
        self.memory.note_kept(head, "s", len(sealed))

    def fill(self, last_epoch: int, *, present: int = EPOCH, first: int = 0) -> int:
        """Begin requests until there is no room; return how many."""
        done: list[Deferred[Begun]] = []
        while self.room(last_epoch, present=present):
            name = (first + len(done)).to_bytes(32)
            done.append(self.memory.begin(NewRequest(name, "s", last_epoch, True)))
            # Not one by one: the room is counted when the disk has answered.
            if len(done) % 10 == 0:
                self.clock.advance(0.1)
        return len(done)

    def run_erasing(self) -> None:
        while self.clock.getDelayedCalls():
            self.clock.advance(0.01)

    def rows(self) -> int:
        return self.store.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM requests").scalar_one())


@pytest.fixture
def world(store: MailStore) -> World:
    return World(store)


@pytest.mark.parametrize("answer", [b"", b"answer", None, bytes(262_144)])
def test_an_answer_is_sealed_and_opened(answer: bytes | None) -> None:
    sealed = seal_answer(KEY, answer)
    assert open_answer(KEY, sealed) == answer
    assert answer is None or len(answer) < 6 or answer not in sealed
    with pytest.raises(InvalidTag):
        open_answer(bytes(32), sealed)
    with pytest.raises(InvalidTag):
        open_answer(KEY, sealed[:-1])


def test_a_request_is_begun_once(world: World) -> None:
    assert [world.begin(1, EPOCH), world.begin(1, EPOCH), world.begin(2, EPOCH)] == [
        *(Begun.NOW, Begun.BEFORE, Begun.NOW)
    ]
    world.keep(1, EPOCH, b"sealed")
    assert world.begin(1, EPOCH) is Begun.ANSWERED
    assert world.memory.kept_bytes("s") == 2 * ROW_BYTES + 6


def test_without_room_only_what_is_known_is_answered(world: World) -> None:
    world.begin(1, EPOCH)
    world.keep(1, EPOCH, b"sealed")
    assert world.begin(1, EPOCH, has_room=False) is Begun.ANSWERED
    assert world.begin(2, EPOCH, has_room=False) is Begun.REFUSED
    assert world.rows() == 1


def test_requests_that_stay_longer_may_take_less(world: World) -> None:
    assert world.fill(EPOCH + 2) == 30
    assert world.room(EPOCH + 1)
    assert world.fill(EPOCH + 1, first=100) == 30
    assert not world.room(EPOCH + 2)
    assert world.room(EPOCH)
    assert world.fill(EPOCH, first=200) == 30
    assert not world.room(EPOCH - 1)
    assert world.memory.kept_bytes("s") == BOUND


def test_the_present_epoch_alone_may_fill_everything(world: World) -> None:
    assert world.fill(EPOCH) == 90
    assert not world.room(EPOCH + 1)
    assert not world.room(EPOCH + 2)


def test_each_epoch_that_ends_makes_room(world: World) -> None:
    for ahead in (2, 1, 0):
        world.fill(EPOCH + ahead, first=1000 * ahead)
    assert not world.room(EPOCH + 1, present=EPOCH + 1)
    for passed in (1, 2, 3):
        world.memory.erase(EPOCH + passed - 1)
        world.run_erasing()
        assert world.room(EPOCH + passed, present=EPOCH + passed)
        assert world.rows() == 90 - 30 * passed


def test_services_have_bounds_of_their_own(world: World) -> None:
    world.fill(EPOCH)
    assert not world.room(EPOCH)
    assert world.room(EPOCH, service="other")


def test_what_is_kept_is_counted_again_after_a_restart(world: World) -> None:
    world.begin(1, EPOCH)
    world.begin(2, EPOCH + 2)
    world.begin(3, EPOCH, service="other")
    world.keep(1, EPOCH, bytes(1000))
    again = World(world.store, account=False)
    assert again.memory.kept_bytes("s") == 2 * ROW_BYTES + 1000
    assert again.memory.kept_bytes("other") == ROW_BYTES
    assert again.memory.kept_bytes("none") == 0


def test_nothing_is_begun_before_it_is_known_what_there_is(store: MailStore) -> None:
    world = StoreWorld(store)
    memory = RequestMemory(world.access)
    memory.start()
    assert not memory.has_room("s", EPOCH, present=EPOCH, bound_bytes=BOUND)
    world.clock.advance(0.1)
    assert memory.has_room("s", EPOCH, present=EPOCH, bound_bytes=BOUND)


def test_a_reading_that_failed_at_the_start_is_tried_again(world: World) -> None:
    world.begin(1, EPOCH)
    world.rename("requests", "elsewhere")
    memory = RequestMemory(world.access)
    memory.start()
    assert memory.problem == NOT_READ  # a provider that carries out no request is not healthy
    world.clock.advance(0.1)
    assert not memory.ready
    assert "the store cannot be read" in (memory.problem or "")
    world.rename("elsewhere", "requests")
    memory.start()
    world.clock.advance(0.1)
    assert (memory.ready, memory.problem, memory.kept_bytes("s")) == (True, None, ROW_BYTES)


def test_what_is_kept_is_counted_once_however_often_it_is_started(world: World) -> None:
    world.begin(1, EPOCH)
    memory = RequestMemory(world.access)
    for _ in range(3):
        memory.start()
        memory.start()
        world.clock.advance(0.1)
    assert memory.kept_bytes("s") == ROW_BYTES


def test_it_is_settled_once_the_disk_has_answered_also_if_it_fails(world: World) -> None:
    assert world.memory.settle().called
    world.rename("requests", "elsewhere")
    world.memory.begin(NewRequest(bytes(32), "s", EPOCH, True)).addErrback(lambda _: None)
    settling = world.memory.settle()
    assert not settling.called
    world.clock.advance(0.1)
    assert settling.called
    assert world.memory.settle().called
    world.rename("elsewhere", "requests")


def test_what_was_not_carried_out_is_forgotten_and_what_was_is_not(world: World) -> None:
    head = RequestHead(bytes(16), bytes(16), EPOCH, 16, 16)
    world.begin(1, EPOCH)
    world.memory.forget(head, (1).to_bytes(32), "s")
    world.clock.advance(0.1)
    assert (world.rows(), world.memory.kept_bytes("s")) == (0, 0)
    world.begin(2, EPOCH)
    world.keep(2, EPOCH, b"sealed")
    world.memory.forget(head, (2).to_bytes(32), "s")
    world.clock.advance(0.1)
    assert world.store.read(lambda c: read_answer(c, (2).to_bytes(32))) == (Begun.ANSWERED, b"sealed")


def test_many_rows_are_erased_in_several_transactions_and_others_stay(world: World) -> None:
    for number in range(2 * ERASE_ROWS + 1):
        world.memory.begin(NewRequest(number.to_bytes(32), "s", EPOCH, True))
    world.clock.advance(0.1)
    world.begin(5000, EPOCH + 1)
    world.memory.erase(EPOCH)
    assert world.memory.kept_bytes("s") == ROW_BYTES
    counts = [world.rows()]
    while world.clock.getDelayedCalls():
        world.clock.advance(0.01)
        counts.append(world.rows())
    assert counts == [1002, 502, 2, 1]


def test_after_a_crash_in_the_middle_the_rest_is_erased(world: World) -> None:
    for number in range(ERASE_ROWS + 1):
        world.memory.begin(NewRequest(number.to_bytes(32), "s", EPOCH, True))
    world.clock.advance(0.1)
    world.memory.erase(EPOCH)
    world.clock.advance(0.005)
    again = World(world.store, account=False)
    assert (again.rows(), again.memory.erased_through) == (1, EPOCH)
    again.memory.erase(EPOCH)
    again.run_erasing()
    assert again.rows() == 0


def test_an_epoch_that_was_erased_stays_erased_if_the_clock_goes_back(world: World) -> None:
    world.memory.erase(EPOCH)
    world.run_erasing()
    world.memory.erase(EPOCH - 5)
    world.run_erasing()
    assert world.memory.erased_through == EPOCH
    assert World(world.store, account=False).memory.erased_through == EPOCH


def test_erasing_goes_on_after_the_store_failed(world: World) -> None:
    world.begin(1, EPOCH)
    world.rename("requests", "elsewhere")
    world.memory.erase(EPOCH)
    world.run_erasing()
    world.rename("elsewhere", "requests")
    assert world.rows() == 1
    world.memory.erase(EPOCH)
    world.run_erasing()
    assert world.rows() == 0
