"""What arrives over the link: whose it is, what it is, and when the provider may forget it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import pytest
from twisted.internet.defer import Deferred, fail, succeed

from client.core.expectation import Expected
from client.link.pulls import PullBook
from client.link.registration import Registration
from client.receiving.arrivals import Surroundings
from client.receiving.letterbox import LOOK_S, MOST_IN_WORK, MOST_UNASKED, REST_S, Letterbox
from client.receiving.room import InboxRoom
from loopixmix.errors import StoreError
from loopixmix.seams import Identity
from loopixmix.wire import Frame, Item, ItemKind, Pull, Registered, RegisterRefusal, RegisterRefused
from tests.worlds.clients.parts import Parts


class KeptInbox:
    """An inbox that keeps what it is given, and stores it when a test says so."""

    def __init__(self) -> None:
        self.fragments: list[bytes] = []
        self.replies: list[tuple[bytes, bytes]] = []
        self.room = InboxRoom(most_bytes=2**20)
        self.looks = 0
        self.stored: Deferred[None] = succeed(None)

    def receive(
        self, fragments: Sequence[bytes], reply_bodies: Sequence[tuple[bytes, bytes]], around: Surroundings
    ) -> Deferred[None]:
        self.fragments += fragments
        self.replies += reply_bodies
        return self.stored

    def look_for_room(self) -> None:
        self.looks += 1


@dataclass
class Answers:
    """A purpose that keeps its answers."""

    payloads: list[bytes] = field(default_factory=list)

    def on_answer(self, payload: bytes, now_s: float) -> bool:
        self.payloads.append(payload)
        return True

    def on_overdue(self, now_s: float) -> None:
        raise AssertionError


class Defect(Answers):
    """A purpose that fails over its answer."""

    def on_answer(self, payload: bytes, now_s: float) -> bool:
        raise ZeroDivisionError


class Setting:
    """A letterbox with an inbox that is looked into."""

    def __init__(self) -> None:
        self.parts = Parts()
        self.parts.go_online()
        self.inbox = KeptInbox()
        self.pulls = PullBook()
        self.pulls.begin(first_request_id=0, max_acknowledged=8)
        self.pulls.next_pull(1000)
        self.registration = Registration(
            self.parts.session, clock=self.parts.clock, patience_s=60.0, document_problem=lambda: None
        )
        self.letterbox = Letterbox(
            session=self.parts.session,
            registration=self.registration,
            pulls=self.pulls,
            expectations=self.parts.expectations,
            inbox=self.inbox,  # type: ignore[arg-type]
            clock=self.parts.clock,
        )

    def arrive(self, *frames: Frame, peer: Identity | None = None) -> None:
        self.letterbox.received(peer or self.parts.account.provider, (), frames)

    def item(self, number: int, kind: ItemKind, content: bytes = b"", surb_id: bytes = bytes(8)) -> Item:
        packet_format = self.parts.known.packet_format
        assert packet_format is not None
        body = content.ljust(packet_format.geometry.body_bytes, b"\0")
        return Item(1, number, kind, surb_id, body)

    def acknowledged(self) -> tuple[int, ...]:
        return self.pulls.next_pull(1000).acknowledged


@pytest.fixture
def setting() -> Iterator[Setting]:
    made = Setting()
    yield made
    made.parts.close()


def test_a_message_is_acknowledged_once_it_is_stored(setting: Setting) -> None:
    setting.inbox.stored = Deferred()
    setting.arrive(setting.item(7, ItemKind.MESSAGE, b"fragment"))
    [fragment] = setting.inbox.fragments
    assert fragment.startswith(b"fragment")
    assert len(fragment) == 2048
    assert setting.acknowledged() == ()
    setting.inbox.stored.callback(None)
    assert setting.acknowledged() == (7,)


def test_what_cannot_be_stored_is_taken_again_when_it_is_given_again(setting: Setting) -> None:
    setting.inbox.stored = fail(StoreError("the disk is full"))
    setting.arrive(setting.item(7, ItemKind.MESSAGE))
    assert setting.acknowledged() == ()
    setting.inbox.stored = succeed(None)
    setting.arrive(setting.item(7, ItemKind.MESSAGE))
    assert len(setting.inbox.fragments) == 2
    assert setting.acknowledged() == (7,)


def test_without_room_messages_stay_at_the_provider_and_answers_come(setting: Setting) -> None:
    setting.inbox.room.measured(True)
    setting.arrive(setting.item(7, ItemKind.MESSAGE), setting.item(8, ItemKind.REPLY, surb_id=b"unknown!"))
    assert setting.inbox.fragments == []
    assert len(setting.inbox.replies) == 1
    assert setting.acknowledged() == (8,)
    assert setting.pulls.in_work == 0
    # The provider gives it again and again, and the store is asked for room now and then.
    setting.arrive(setting.item(7, ItemKind.MESSAGE))
    assert setting.inbox.looks == 1
    setting.parts.clock.advance(LOOK_S)
    setting.arrive(setting.item(7, ItemKind.MESSAGE))
    assert setting.inbox.looks == 2
    setting.inbox.room.measured(False)
    setting.arrive(setting.item(7, ItemKind.MESSAGE))
    assert len(setting.inbox.fragments) == 1
    assert setting.acknowledged() == (7,)


def test_an_item_that_was_stored_is_not_taken_twice(setting: Setting) -> None:
    setting.arrive(setting.item(7, ItemKind.MESSAGE))
    setting.arrive(setting.item(7, ItemKind.MESSAGE), setting.item(0, ItemKind.DUMMY))
    assert len(setting.inbox.fragments) == 1


def test_an_answer_goes_to_whom_it_is_for_and_to_nobody_else(setting: Setting) -> None:
    answers = Answers()
    setting.parts.expectations.expect(b"expected", Expected(answers, None), None)
    setting.arrive(setting.item(7, ItemKind.REPLY, surb_id=b"expected"))
    assert answers.payloads == [b""]
    assert setting.inbox.replies == []
    assert setting.acknowledged() == (7,)


def test_an_answer_that_finds_a_defect_keeps_no_other_item(setting: Setting) -> None:
    setting.parts.expectations.expect(b"expected", Expected(Defect(), None), None)
    before, after = setting.item(6, ItemKind.MESSAGE), setting.item(8, ItemKind.MESSAGE)
    setting.arrive(before, setting.item(7, ItemKind.REPLY, surb_id=b"expected"), after)
    assert len(setting.inbox.fragments) == 2
    assert setting.pulls.in_work == 0
    assert setting.acknowledged() == (6, 7, 8)


def test_an_answer_is_acknowledged_once_what_it_changed_is_stored(setting: Setting) -> None:
    setting.inbox.stored = Deferred()
    setting.parts.expectations.expect(b"expected", Expected(Answers(), None), None)
    setting.arrive(setting.item(7, ItemKind.REPLY, surb_id=b"expected"))
    assert setting.acknowledged() == ()
    setting.inbox.stored.callback(None)
    assert setting.acknowledged() == (7,)


def test_an_answer_that_nobody_waits_for_may_be_a_reply_to_an_anonymous_message(setting: Setting) -> None:
    setting.arrive(setting.item(7, ItemKind.REPLY, b"body", surb_id=b"unknown!"))
    [(surb_id, body)] = setting.inbox.replies
    assert surb_id == b"unknown!"
    assert body.startswith(b"body")


def test_frames_of_others_and_frames_that_are_for_others_are_left_alone(setting: Setting) -> None:
    setting.arrive(setting.item(7, ItemKind.MESSAGE), peer=b"x" * 32)
    setting.arrive(Pull(1, ()))
    setting.letterbox.received(setting.parts.account.provider, [b"a packet, which is for nobody here"], ())
    assert setting.inbox.fragments == []
    assert setting.acknowledged() == ()


def test_nothing_is_taken_before_pulls_have_begun(setting: Setting) -> None:
    letterbox = Letterbox(
        session=setting.parts.session,
        registration=setting.registration,
        pulls=PullBook(),
        expectations=setting.parts.expectations,
        inbox=setting.inbox,  # type: ignore[arg-type]
        clock=setting.parts.clock,
    )
    setting.letterbox = letterbox
    setting.arrive(setting.item(7, ItemKind.MESSAGE))
    assert setting.inbox.fragments == []


def test_the_providers_word_on_our_account(setting: Setting) -> None:
    setting.arrive(RegisterRefused(RegisterRefusal.NOT_REGISTERED))
    assert setting.registration.forgotten
    setting.arrive(Registered())
    assert setting.registration.forgotten
    # Mail shows that there is an account.
    setting.arrive(setting.item(7, ItemKind.MESSAGE))
    assert not setting.registration.forgotten


def test_reading_rests_while_the_store_is_behind(setting: Setting) -> None:
    setting.inbox.stored = Deferred()
    setting.arrive(*(setting.item(number, ItemKind.MESSAGE) for number in range(1, MOST_IN_WORK + 1)))
    assert setting.parts.link.reads == []
    setting.arrive(setting.item(MOST_IN_WORK + 1, ItemKind.MESSAGE))
    assert setting.parts.link.reads == [False]
    setting.parts.clock.pump([REST_S] * 20)
    # Said again and again: a link that takes the place of the first one would be read, whatever is behind.
    assert setting.parts.link.reads == [False] * 21
    setting.inbox.stored.callback(None)
    setting.parts.clock.pump([REST_S] * 2)
    assert setting.parts.link.reads == [False] * 21 + [True]


def test_what_nobody_asked_for_is_not_stored_and_reading_rests(setting: Setting) -> None:
    stray = msgspec.structs.replace(setting.item(7, ItemKind.MESSAGE), request_id=2**63)
    setting.arrive(*[stray] * MOST_UNASKED)
    assert setting.parts.link.reads == []
    setting.arrive(stray)
    assert setting.parts.link.reads == [False]
    assert setting.inbox.fragments == []
    assert setting.pulls.in_work == 0
    setting.parts.clock.advance(REST_S)
    assert setting.parts.link.reads == [False, True]
    setting.arrive(setting.item(8, ItemKind.MESSAGE))
    assert len(setting.inbox.fragments) == 1


def test_a_letterbox_that_is_stopped_while_reading_rests_leaves_no_call(setting: Setting) -> None:
    stray = msgspec.structs.replace(setting.item(7, ItemKind.MESSAGE), request_id=2**63)
    setting.arrive(*[stray] * (MOST_UNASKED + 1))
    setting.letterbox.stop()
    assert setting.parts.clock.getDelayedCalls() == []
