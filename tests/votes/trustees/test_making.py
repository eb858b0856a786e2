from __future__ import annotations

import random

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from loopixmix.group.ristretto import ristretto255
from votes.record.signing import PartyKey
from votes.trustees.generation import Ceremony, KeyGenerationError, begin
from votes.trustees.making import KeyMaking, KeyStatements, MadeKey
from votes.trustees.statements import (
    KeyStatement,
    KeyStep,
    decode_key_statement,
    sealed_share_bytes,
    sign_key_statement,
)

GROUP = ristretto255()
CEREMONY = Ceremony(GROUP, b"d" * 32, trustees=3, threshold=2)


class Meeting:
    """Three trustees and the place where they publish."""

    def __init__(self, rng: random.Random) -> None:
        self.keys = {number: PartyKey.generate(rng) for number in CEREMONY.numbers}
        decryption_keys = {number: rng.randbytes(32) for number in CEREMONY.numbers}
        public = [
            X25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw() for key in decryption_keys.values()
        ]
        self.parts = {number: begin(CEREMONY, number, rng) for number in CEREMONY.numbers}
        self.trustees = {
            number: KeyMaking(
                CEREMONY,
                self.parts[number],
                signing_key=self.keys[number],
                decryption_key=decryption_keys[number],
                encryption_keys=public,
            )
            for number in CEREMONY.numbers
        }
        self.statements: list[KeyStatement] = []

    @property
    def published(self) -> KeyStatements:
        return KeyStatements(self.statements)

    def turn(self, number: int) -> list[KeyStep]:
        """Let one trustee publish what it wants to; over the wire, as bytes."""
        identities = [key.identity for key in self.keys.values()]
        new = [
            decode_key_statement(CEREMONY, identities, statement.encode(CEREMONY))
            for statement in self.trustees[number].next_statements(self.published)
        ]
        self.statements += new
        return [statement.kind for statement in new]

    def go_on(self) -> None:
        """Let all speak until nobody has more to say."""
        news = list(CEREMONY.numbers)
        while news:
            news = [number for number in CEREMONY.numbers if self.turn(number)]

    def until(self, kind: KeyStep) -> None:
        """Let all speak until each has made its statement of this kind."""
        while not self.published.complete(kind, CEREMONY):
            for number in CEREMONY.numbers:
                if self.published.body(kind, number) is None:
                    self.turn(number)

    def replace(self, kind: KeyStep, author: int, body: bytes) -> None:
        """Put another statement where the author's was, signed by it: it cheats."""
        self.statements = [each for each in self.statements if (each.kind, each.author) != (kind, author)]
        self.statements.append(sign_key_statement(CEREMONY, self.keys[author], kind, author, body))

    def made(self, number: int) -> MadeKey:
        made = self.trustees[number].made(self.published)
        assert made is not None
        return made


@pytest.fixture
def meeting(rng: random.Random) -> Meeting:
    return Meeting(rng)


def test_three_trustees_make_a_key(meeting: Meeting) -> None:
    meeting.go_on()
    ends = [meeting.made(number) for number in CEREMONY.numbers]
    assert ends[0].key.public_key == ends[1].key.public_key == ends[2].key.public_key
    for end in ends:
        assert GROUP.generator.times(end.share.secret) == end.key.public_share(end.share.number)


def test_nobody_opens_before_all_have_promised(meeting: Meeting) -> None:
    assert meeting.turn(1) == [KeyStep.PROMISE]
    assert meeting.turn(1) == []
    assert meeting.turn(2) == [KeyStep.PROMISE]
    assert meeting.turn(2) == []
    assert meeting.turn(3) == [KeyStep.PROMISE]
    assert meeting.turn(1) == [KeyStep.OPENING]
    assert meeting.trustees[1].made(meeting.published) is None


def test_a_trustee_that_was_stopped_goes_on(meeting: Meeting) -> None:
    meeting.until(KeyStep.OPENING)
    # A new object from the same part, and nothing else: as after a kill.
    before = meeting.published.body(KeyStep.PROMISE, 1)
    meeting.go_on()
    assert meeting.published.body(KeyStep.PROMISE, 1) == before
    assert [meeting.trustees[number].next_statements(meeting.published) for number in CEREMONY.numbers] == [[], [], []]


def test_a_share_that_does_not_open_is_told_and_answered(meeting: Meeting) -> None:
    meeting.until(KeyStep.SHARES)
    meeting.replace(KeyStep.SHARES, 2, bytes(2 * sealed_share_bytes(CEREMONY)))
    meeting.go_on()
    word = meeting.published.body(KeyStep.WORD, 1)
    assert word is not None
    assert word[32:] == b"\0\2"
    assert meeting.published.body(KeyStep.ANSWER, 2, b"\0\1") is not None
    assert meeting.made(1).key.public_key == meeting.made(3).key.public_key


def test_who_answers_with_a_wrong_share_is_named(meeting: Meeting) -> None:
    meeting.until(KeyStep.SHARES)
    meeting.replace(KeyStep.SHARES, 2, bytes(2 * sealed_share_bytes(CEREMONY)))
    meeting.until(KeyStep.WORD)
    meeting.statements = [each for each in meeting.statements if each.kind is not KeyStep.ANSWER]
    for recipient in (1, 3):
        body = recipient.to_bytes(2, "big") + GROUP.scalars_of([7]).encode()
        meeting.statements.append(sign_key_statement(CEREMONY, meeting.keys[2], KeyStep.ANSWER, 2, body))
    with pytest.raises(KeyGenerationError, match="trustee 2: its share for trustee 1") as caught:
        meeting.made(1)
    assert caught.value.number == 2


def test_who_does_not_answer_keeps_the_key_waiting(meeting: Meeting) -> None:
    meeting.until(KeyStep.SHARES)
    meeting.replace(KeyStep.SHARES, 2, bytes(2 * sealed_share_bytes(CEREMONY)))
    meeting.until(KeyStep.WORD)
    meeting.statements = [each for each in meeting.statements if each.kind is not KeyStep.ANSWER]
    assert meeting.trustees[1].made(meeting.published) is None


def test_who_opens_what_it_did_not_promise_is_named(meeting: Meeting, rng: random.Random) -> None:
    meeting.until(KeyStep.OPENING)
    meeting.replace(KeyStep.OPENING, 3, begin(CEREMONY, 3, rng).opening.encode())
    with pytest.raises(KeyGenerationError, match="trustee 3: the opening is not"):
        meeting.turn(1)


def test_two_different_statements_in_one_step_are_a_public_fault(meeting: Meeting, rng: random.Random) -> None:
    meeting.until(KeyStep.PROMISE)
    other = begin(CEREMONY, 2, rng).opening.promise()
    meeting.statements.append(sign_key_statement(CEREMONY, meeting.keys[2], KeyStep.PROMISE, 2, other))
    with pytest.raises(KeyGenerationError, match="trustee 2: it published two different statements"):
        _ = meeting.published


def test_the_same_statement_twice_is_no_fault(meeting: Meeting) -> None:
    meeting.until(KeyStep.PROMISE)
    meeting.statements += list(meeting.statements)
    meeting.go_on()
    assert meeting.made(1).key.threshold == 2


def test_who_saw_other_statements_is_named(meeting: Meeting) -> None:
    meeting.go_on()
    meeting.replace(KeyStep.WORD, 3, b"v" * 32)
    with pytest.raises(KeyGenerationError, match="trustee 3: it has not seen the same"):
        meeting.made(1)


def test_a_complaint_of_itself_makes_no_sense(meeting: Meeting) -> None:
    meeting.go_on()
    word = meeting.published.body(KeyStep.WORD, 3)
    assert word is not None
    for about in (3, 9):
        meeting.replace(KeyStep.WORD, 3, word + about.to_bytes(2, "big"))
        with pytest.raises(KeyGenerationError, match=f"complains of trustee {about}"):
            meeting.made(1)
