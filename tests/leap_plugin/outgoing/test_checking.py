"""Who may be written to, and which answer of SMTP others get."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.defer import Deferred

from client.api import RequestTimeoutError
from leap_plugin.directory.sending import SendingSettings
from leap_plugin.mail.submitting import SubmissionRefusedError
from tests.worlds.sending_accounts import BOB, BOBS, SendingWorld, submitted, written


@pytest.fixture
def world() -> Iterator[SendingWorld]:
    made = SendingWorld()
    yield made
    made.close()


def refusal(world: SendingWorld, address: str, size_bytes: int | None = None) -> tuple[int, str]:
    with pytest.raises(SubmissionRefusedError) as raised:
        world.run(world.mail.check_recipient(address, size_bytes))
    assert "\n" not in str(raised.value)
    return raised.value.code, raised.value.status


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("bob", (553, "5.1.3")),
        ("bob@two@two", (553, "5.1.3")),
        ("BOB!@two.mix.invalid", (553, "5.1.3")),
        ("bob@nowhere.mix.invalid", (550, "5.1.2")),
        ("dora@example.org", (550, "5.7.1")),
        ("reply-abcdefghjkmnpqrs@mix.invalid", (550, "5.1.1")),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(world: SendingWorld, address: str, answer: tuple[int, str]) -> None:
    assert refusal(world, address) == answer


def test_a_known_recipient_is_taken_without_the_network(world: SendingWorld) -> None:
    world.know(BOB)
    world.network.cut()
    world.pass_time(60)
    world.run(world.mail.check_recipient(BOBS, 1000))


def test_a_missing_key_is_waited_for_a_minute_and_answered_with_455(world: SendingWorld) -> None:
    world.network.lose_next()
    assert refusal(world, BOBS) == (455, "4.7.5")
    world.network.delay_s = 1000.0
    before_s = world.clock.seconds()
    assert refusal(world, BOBS) == (455, "4.7.5")
    assert world.clock.seconds() - before_s <= 61


def test_two_that_ask_for_one_key_at_a_time_share_the_look_up(world: SendingWorld) -> None:
    world.network.lose_next()
    refusals = []
    for _ in range(2):
        asked = Deferred.fromCoroutine(world.mail.check_recipient(BOBS, None))
        asked.addErrback(lambda failure: refusals.append(failure.value.code))
    world.pass_time(5)
    assert refusals == [455, 455]
    # A second look-up would not have been lost, and have found Bob.
    assert world.run(world.alice.contacts()) == []


def test_offline_a_stranger_waits_or_is_refused_as_the_owner_chose() -> None:
    world = SendingWorld(settings=SendingSettings(queue_when_offline=False))
    world.network.cut()
    world.pass_time(60)
    assert refusal(world, BOBS) == (450, "4.4.1")
    world.close()


def test_without_an_account_nothing_is_looked_up() -> None:
    world = SendingWorld()
    world.kill()
    world.client = world.network.client()
    world.start()
    assert refusal(world, BOBS) == (450, "4.3.5")
    assert "not registered" in world.mail.announcement().text
    world.close()


def test_a_mail_over_half_of_the_mailbox_is_refused_at_rcpt_or_after_data(world: SendingWorld) -> None:
    world.know(BOB)
    world.network.add_provider("small", mailbox_items=100)
    world.network.client("dora@small")
    world.know("dora@small")
    world.pass_time(60)
    doras = "dora@small.mix.invalid"
    world.run(world.mail.check_recipient(BOBS, 500_000))
    assert refusal(world, doras, 500_000) == (552, "5.2.2")
    world.run(world.mail.check_recipient(doras, 80_000))
    noise = world.account.rng.randbytes(200_000)
    with pytest.raises(SubmissionRefusedError, match="takes 50 at most") as raised:
        world.run(world.mail.submit(submitted(written() + noise, BOBS, doras)))
    assert (raised.value.code, raised.value.status) == (552, "5.2.2")
    # What compresses well fits.
    world.run(world.mail.submit(submitted(written("x" * 200_000), doras)))


def test_a_mail_over_the_announced_size_is_refused_with_the_limit(world: SendingWorld) -> None:
    most = world.mail.announcement().size_bytes
    assert refusal(world, BOBS, most + 1) == (552, "5.3.4")
    with pytest.raises(SubmissionRefusedError, match=f"{most:,}"):
        world.run(world.mail.submit(submitted(bytes(most + 1))))


@pytest.mark.parametrize(
    ("mail", "status"),
    [
        (written(X_Mix_Policy="fast"), "5.6.0"),
        (written(X_Mix_Policy="anonymous").replace(b"text/plain", b"message/rfc822"), "5.6.0"),
    ],
)
def test_a_mail_that_cannot_leave_as_it_says_is_refused(world: SendingWorld, mail: bytes, status: str) -> None:
    world.know(BOB)
    with pytest.raises(SubmissionRefusedError) as raised:
        world.run(world.mail.submit(submitted(mail)))
    assert (raised.value.code, raised.value.status) == (554, status)
    assert world.folder("Outbox") == []


def test_a_look_up_that_is_refused_by_the_network_is_no_error_of_the_program(world: SendingWorld) -> None:
    async def fail(address: str) -> None:
        raise RequestTimeoutError("no answer")

    world.client.add_contact = fail  # type: ignore[method-assign, assignment]
    assert refusal(world, BOBS) == (455, "4.7.5")
