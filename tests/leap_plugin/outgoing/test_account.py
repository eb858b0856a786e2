"""Mails of one account on their way over a fake network: sent once, through restarts, and with reports as asked."""

from __future__ import annotations

import email
from collections.abc import Callable, Iterator
from email.policy import default

import pytest
from twisted.internet.defer import Deferred

from client.api import MAX_BODY_BYTES, MessageState
from client.testing import FakeClient
from leap_plugin.directory.sending import SendingSettings
from leap_plugin.mail.splitting import Piece, decode_body
from leap_plugin.mail.submitting import RcptTo, SubmissionRefusedError
from leap_plugin.store import outgoing
from loopixmix.tokens import decode_token
from tests.worlds.sending_accounts import ALICES, BOB, BOBS, CAROL, CAROLS, SendingWorld, submitted, written
from tests.worlds.tokens import signer_of, token_key

DAY_S = 86_400.0


@pytest.fixture
def world() -> Iterator[SendingWorld]:
    made = SendingWorld()
    yield made
    made.close()


def mails(world: SendingWorld, name: str = BOB) -> list[bytes]:
    return [decode_body(one.body).mail for one in world.received[name]]  # type: ignore[union-attr]


def asking(address: str, *notify: str) -> tuple[RcptTo, ...]:
    return (RcptTo(address=address, notify=frozenset(notify)),)


def test_a_mail_arrives_byte_for_byte_and_waits_in_the_outbox_until_then(world: SendingWorld) -> None:
    world.know(BOB)
    mail = written("Grüße")
    world.submit(mail)
    assert world.folder("Outbox") == [mail]
    world.pass_time(10)
    assert mails(world) == [mail]
    assert world.folder("Outbox") == []
    assert world.folder("INBOX") == []


def test_to_cc_and_bcc_each_get_a_copy_without_the_bcc(world: SendingWorld) -> None:
    world.know(BOB, CAROL)
    world.submit(written(Cc="dora@two.mix.invalid", Bcc=CAROLS), BOBS, CAROLS, BOBS.upper())
    world.pass_time(10)
    for name in (BOB, CAROL):
        [mail] = mails(world, name)
        assert b"\r\nCc: dora@two.mix.invalid\r\n" in mail
        assert b"Bcc" not in mail


def test_a_stranger_is_looked_up_before_his_mail_leaves(world: SendingWorld) -> None:
    world.submit()
    world.pass_time(10)
    assert len(mails(world)) == 1
    assert [contact.address for contact in world.run(world.alice.contacts())] == [BOB]


def test_a_mail_that_is_queued_offline_leaves_when_the_network_is_there(world: SendingWorld) -> None:
    world.network.cut()
    world.pass_time(60)
    world.run(world.mail.check_recipient(BOBS, None))
    world.submit()
    world.pass_time(600)
    assert mails(world) == []
    [waiting] = world.run(world.mail.overview())
    assert "tried again" in waiting.recipients[0].told()
    world.network.mend()
    world.pass_time(60)
    assert len(mails(world)) == 1


@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.0, 1.5])
def test_nothing_is_lost_or_doubled_whenever_the_program_is_killed(seconds: float) -> None:
    world = SendingWorld()
    world.submit(None, BOBS, CAROLS)
    for _ in range(4):
        world.pass_time(seconds)
        world.restart()
    world.pass_time(30)
    assert [len(mails(world, name)) for name in (BOB, CAROL)] == [1, 1]
    assert world.folder("Outbox") == []
    world.close()


def test_a_message_whose_id_was_not_written_down_is_found_again(world: SendingWorld) -> None:
    world.know(BOB)
    world.network.cut()
    world.pass_time(60)
    world.submit()
    world.kill()
    forget = "UPDATE outgoing_pieces SET message_id = NULL, state = NULL"
    world.store.write(lambda connection: connection.exec_driver_sql(forget))
    world.network.mend()
    world.pass_time(30)
    assert len(mails(world)) == 1
    # As if this program had seen all steps, when it did not know the message yet.
    seen = "UPDATE outgoing_authors SET followed = 3"
    world.store.write(lambda connection: connection.exec_driver_sql(seen))
    world.start()
    world.pass_time(30)
    assert len(mails(world)) == 1
    [row] = world.store.read(lambda connection: outgoing.recipients_of(connection, 1))
    assert row.state is outgoing.Reached.STORED


def test_what_happened_while_the_program_was_away_is_learned_and_told_once(world: SendingWorld) -> None:
    world.know(BOB)
    world.submit(None, recipients=asking(BOBS, "SUCCESS"))
    world.pass_time(0.5)
    world.kill()
    world.pass_time(30)
    world.start()
    world.restart()
    assert world.actions() == ["relayed"]
    assert world.folder("Outbox") == []


def test_a_client_that_lost_its_store_gets_the_mail_again(world: SendingWorld) -> None:
    world.know(BOB)
    world.network.cut()
    world.pass_time(60)
    world.submit()
    world.pass_time(5)
    world.kill()
    fresh = world.network.client()
    world.network.add_provider("three")
    world.run(fresh.register("alice", "three"))
    [lost] = world.alice._outbox.unfinished
    world.run(world.alice.cancel(lost.message_id))
    world.network.mend()
    world.client = fresh
    world.start()
    world.pass_time(60)
    assert len(mails(world)) == 1


@pytest.mark.parametrize(
    ("notify", "told"),
    [((), []), (("SUCCESS",), ["relayed", "delivered"]), (("FAILURE",), []), (("NEVER",), [])],
)
def test_success_is_told_as_far_as_it_is_proved_if_it_was_asked_for(notify: tuple[str, ...], told: list[str]) -> None:
    world = SendingWorld(receipts=True)
    world.know(BOB)
    world.submit(None, recipients=asking(BOBS, *notify))
    world.pass_time(30)
    world.restart()
    assert world.actions() == told
    world.close()


def test_without_a_receipt_nothing_counts_as_delivered(world: SendingWorld) -> None:
    world.know(BOB)
    world.submit(None, recipients=asking(BOBS, "SUCCESS"))
    world.pass_time(30)
    assert world.actions() == ["relayed"]


def test_steps_that_are_told_again_give_no_second_report(world: SendingWorld) -> None:
    world.know(BOB)
    world.submit(None, recipients=asking(BOBS, "SUCCESS"))
    world.pass_time(30)
    again = "UPDATE outgoing_authors SET followed = 0"
    world.store.write(lambda connection: connection.exec_driver_sql(again))
    world.restart()
    world.pass_time(5)
    assert world.store.read(lambda connection: outgoing.followed(connection, world.number)) == 3
    assert world.actions() == ["relayed"]


@pytest.mark.parametrize(("notify", "told"), [((), ["failed"]), (("SUCCESS",), []), (("NEVER",), [])])
def test_a_failure_is_told_unless_the_author_does_not_want_it(
    world: SendingWorld, notify: tuple[str, ...], told: list[str]
) -> None:
    world.know(BOB)
    world.network.fail_next()
    world.submit(None, recipients=asking(BOBS, *notify))
    world.pass_time(30)
    world.restart()
    assert world.actions() == told
    assert world.folder("Outbox") == []


def test_a_failed_mail_comes_back_whole_if_asked_for(world: SendingWorld) -> None:
    world.know(BOB)
    world.network.fail_next()
    world.submit(written("marked text"), returns_all=True, envelope_id="QQ1")
    world.pass_time(30)
    [report] = world.folder("INBOX")
    assert written("marked text") in report
    assert b"Original-Envelope-Id: QQ1\r\n" in report


@pytest.mark.parametrize("headers", [{"Auto_Submitted": "auto-replied"}, {}])
def test_no_report_answers_a_report(world: SendingWorld, headers: dict[str, str]) -> None:
    world.know(BOB)
    world.network.fail_next()
    world.submit(written(**headers), sender=ALICES if headers else "")
    world.pass_time(30)
    assert world.folder("INBOX") == []
    assert world.folder("Outbox") == []


def test_a_delay_is_told_once_and_five_days_later_the_failure() -> None:
    world = SendingWorld()
    world.network.cut()
    world.pass_time(60)
    world.submit()
    world.pass_time(5 * 3600, steps=100)
    assert world.actions() == ["delayed"]
    world.restart()
    world.pass_time(3600, steps=100)
    world.pass_time(5 * DAY_S, steps=100)
    assert world.actions() == ["delayed", "failed"]
    assert world.reports()[0]["Status"] == "4.7.5"
    assert world.reports()[1]["Status"] == "5.7.5"
    assert world.folder("Outbox") == []
    world.close()


def test_a_message_that_the_client_gave_up_is_told_with_its_reason(world: SendingWorld) -> None:
    world.know(BOB)
    world.network.cut()
    world.pass_time(60)
    world.submit()
    world.pass_time(DAY_S, steps=100)
    world.pass_time(4.1 * DAY_S, steps=100)
    assert world.actions() == ["delayed", "failed"]
    assert "deadline" in world.reports()[1]["Diagnostic-Code"]


def test_a_key_that_changed_is_no_reason_to_guess(world: SendingWorld) -> None:
    world.know(BOB)
    world.network.change_key(BOB)
    world.pass_time(60)
    world.run(world.mail.check_recipient(BOBS, None))
    with pytest.raises(Exception, match="changed"):
        world.run(world.alice.add_contact(BOB))
    world.submit()
    world.pass_time(10)
    assert mails(world) == []
    [report] = world.reports()
    assert report["Status"] == "5.7.5"
    assert "contacts DIRECTORY accept bob@two FINGERPRINT" in report["Diagnostic-Code"]
    with pytest.raises(SubmissionRefusedError, match="compare its fingerprint"):
        world.run(world.mail.check_recipient(BOBS, None))


def test_a_full_queue_is_waited_for() -> None:
    world = SendingWorld()
    world.know(BOB)
    world.alice._outbox._max_queued = 0
    world.submit()
    world.pass_time(30)
    assert mails(world) == []
    world.alice._outbox._max_queued = 10
    world.pass_time(60)
    assert len(mails(world)) == 1
    world.close()


def test_a_mail_over_ten_mib_leaves_in_pieces_one_after_the_other() -> None:
    world = SendingWorld()
    world.network._providers["two"].mailbox_items = 0
    world.know(BOB)
    mail = written() + world.account.rng.randbytes(MAX_BODY_BYTES + 100)
    world.submit(mail)
    world.pass_time(0.5)
    world.restart()
    world.pass_time(60)
    pieces = [decode_body(one.body) for one in world.received[BOB]]
    assert [one.number for one in pieces if isinstance(one, Piece)] == [0, 1]
    assert len({one.mail_id for one in pieces if isinstance(one, Piece)}) == 1
    assert world.folder("Outbox") == []
    world.close()


def test_a_piece_that_fails_takes_the_others_along() -> None:
    world = SendingWorld()
    world.network._providers["two"].mailbox_items = 0
    world.know(BOB)
    world.network.fail_next()
    world.submit(written() + world.account.rng.randbytes(MAX_BODY_BYTES + 100))
    world.pass_time(60)
    assert world.received[BOB] == []
    assert world.actions() == ["failed"]
    world.close()


def test_an_anonymous_mail_leaves_in_its_canonical_form_and_its_thread_holds(world: SendingWorld) -> None:
    world.know(BOB)
    world.submit(written(X_Mix_Policy="anonymous"))
    assert len(world.folder("Outbox/Anonymous")) == 1
    world.pass_time(10)
    world.restart()
    answer = written("again", X_Mix_Policy="anonymous", References="<1@alices-machine>")
    world.submit(answer.replace(b"<1@alices-machine>", b"<2@alices-machine>", 1))
    world.pass_time(10)
    assert [one.sender for one in world.received[BOB]] == [None, None]
    first, second = (email.message_from_bytes(mail, policy=default) for mail in mails(world))
    assert first["From"] == "anonymous@mix.invalid"
    assert second["References"] == first["Message-ID"]
    assert b"alices-machine" not in b"".join(mails(world))
    assert b"alice@" not in b"".join(mails(world))
    assert b"X-Mix-Policy" not in b"".join(mails(world))


def test_the_line_with_the_policy_does_not_leave(world: SendingWorld) -> None:
    world.know(BOB)
    world.submit(written(X_Mix_Policy="named"))
    world.pass_time(10)
    assert mails(world) == [written()]


def test_an_answer_to_an_anonymous_mail_goes_its_way_back(world: SendingWorld) -> None:
    world.run(world.bob.add_contact("alice@one"))
    world.run(world.bob.send("alice@one", b"x", kind="mail", idempotency_key="1", anonymous=True))
    world.pass_time(5)
    [came] = world.run(world.alice.inbox())
    from leap_plugin.store.incoming import ReplyWay, keep_way

    way = ReplyWay("abcdefghjkmnpqrs", came.reply_to, came.number, came.message_id, world.clock.seconds())
    world.store.write(lambda connection: keep_way(connection, world.number, way))
    address = "reply-abcdefghjkmnpqrs@mix.invalid"
    world.run(world.mail.check_recipient(address, 1000))
    with pytest.raises(SubmissionRefusedError, match="blocks"):
        world.run(world.mail.check_recipient(address, 100_000))
    with pytest.raises(SubmissionRefusedError, match="expired"):
        world.run(world.mail.check_recipient("reply-abcdefghjkmnpqrt@mix.invalid", None))
    world.submit(written(to=address), address)
    world.pass_time(120)
    assert mails(world) == [written(to=address)]
    assert world.folder("Outbox") == []


def test_moving_a_mail_out_of_the_outbox_cancels_it_without_a_word_if_nothing_had_left(world: SendingWorld) -> None:
    world.know(BOB)
    world.network.cut()
    world.pass_time(60)
    world.submit()
    world.pass_time(5)
    world.move_out("Outbox")
    world.network.mend()
    world.pass_time(60)
    assert mails(world) == []
    assert world.folder("Drafts") == [written()]
    assert world.folder("INBOX") == []
    assert world.run(world.mail.overview()) == []


def test_what_had_left_of_a_cancelled_mail_is_told(world: SendingWorld) -> None:
    world.know(BOB)
    world.network.lose_next()
    world.submit()
    world.pass_time(1.5)
    world.expunge("Outbox")
    world.pass_time(60)
    world.restart()
    [report] = world.reports()
    assert report["Action"] == "failed"
    assert "you cancelled it; 1 of 1 packets had left and cannot be recalled" in report["Diagnostic-Code"]


def test_a_mail_taken_out_while_the_program_is_away_is_cancelled_at_its_start(world: SendingWorld) -> None:
    world.know(BOB)
    world.network.cut()
    world.pass_time(60)
    world.submit()
    world.pass_time(5)
    world.kill()
    world.expunge("Outbox")
    world.start()
    world.network.mend()
    world.pass_time(60)
    assert mails(world) == []


def test_a_mail_that_is_put_into_the_outbox_is_sent_once(world: SendingWorld) -> None:
    mail = written(to=f"{BOBS}, {CAROLS}", Bcc=BOBS)
    world.put("Outbox", mail)
    world.restart()
    world.pass_time(30)
    assert mails(world) == mails(world, CAROL) == [mail.replace(f"Bcc: {BOBS}\r\n".encode(), b"")]
    assert world.folder("Outbox") == []
    assert world.folder("INBOX") == []


def test_a_mail_in_the_anonymous_outbox_is_sent_anonymously(world: SendingWorld) -> None:
    world.put("Outbox/Anonymous", written())
    world.pass_time(30)
    [came] = world.received[BOB]
    assert came.sender is None
    assert world.folder("Outbox/Anonymous") == []


@pytest.mark.parametrize(
    ("mail", "status", "told"),
    [
        (written(to="dora@example.org"), "5.7.1", "outside of the mix network"),
        (written(to="dora@nowhere.mix.invalid"), "5.1.2", "no provider nowhere"),
        (written(X_Mix_Policy="fast"), "5.6.0", "X-Mix-Policy is named or anonymous"),
        (b"From: x\r\nSubject: nobody\r\n\r\nHello\r\n", "5.1.3", "name nobody"),
        (b"\xff\x00: \r\n\r\n", "5.1.3", ""),
    ],
)
def test_what_cannot_be_sent_from_the_outbox_is_reported_and_put_among_the_drafts(
    world: SendingWorld, mail: bytes, status: str, told: str
) -> None:
    world.put("Outbox", mail)
    world.pass_time(10)
    world.restart()
    [report] = world.reports()
    assert (report["Action"], report["Status"]) == ("failed", status)
    assert told in report["Diagnostic-Code"]
    assert world.folder("Drafts") == [mail]
    assert world.folder("Outbox") == []


def test_a_mail_of_which_one_recipient_is_refused_goes_to_the_others(world: SendingWorld) -> None:
    mail = written(to=f"{BOBS}, dora@example.org")
    world.put("Outbox", mail)
    world.pass_time(30)
    assert mails(world) == [mail]
    assert [report["Final-Recipient"] for report in world.reports()] == ["rfc822; dora@example.org"]


def test_a_mail_from_the_outbox_that_fails_is_put_among_the_drafts(world: SendingWorld) -> None:
    world.network.fail_next()
    world.put("Outbox", written())
    world.pass_time(30)
    assert world.actions() == ["failed"]
    assert world.folder("Drafts") == [written()]


def test_a_draft_that_is_marked_deleted_is_not_sent(world: SendingWorld) -> None:
    world.put("Outbox", written(), "\\Deleted")
    world.pass_time(30)
    assert mails(world) == []


def test_what_takes_long_is_told_in_one_message_that_goes_when_it_is_done(world: SendingWorld) -> None:
    world.know(BOB)
    world.network.cut()
    world.pass_time(60)
    world.submit()
    world.pass_time(6 * 60)
    [status] = world.folder("INBOX")
    message = email.message_from_bytes(status, policy=default)
    assert message["Subject"] == "Status of your mail"
    assert f"{BOBS}: waits" in message.get_content()  # type: ignore[attr-defined]
    world.submit(written("second"))
    world.pass_time(6 * 60)
    [both] = world.folder("INBOX")
    assert both.count(b"taken") == 2
    world.restart()
    world.pass_time(60)
    assert len(world.folder("INBOX")) == 1
    world.network.mend()
    world.pass_time(120)
    assert world.folder("INBOX") == []


def test_the_overview_tells_how_far_each_mail_is(world: SendingWorld) -> None:
    world.know(BOB)
    world.network.lose_next()
    world.submit(written("x" * 5000))
    world.pass_time(1)
    [waiting] = world.run(world.mail.overview())
    [bob] = waiting.recipients
    assert (bob.address, bob.sent, bob.fragments) == (BOBS, bob.fragments, bob.fragments)
    assert bob.told() == "tried again, attempt 2; 1 of 1 packets have left"


def test_a_mail_tells_how_many_wait_before_it(world: SendingWorld) -> None:
    world.know(BOB)
    world.network.cut()
    for text in ("one", "two", "three"):
        world.submit(written(text))
    told = [mail.recipients[0].told().partition(",")[0] for mail in world.run(world.mail.overview())]
    assert told == ["waits", "waits behind another mail", "waits behind 2 other mails"]


def test_ended_mails_are_forgotten_after_a_while_here_and_in_the_client() -> None:
    world = SendingWorld(settings=SendingSettings(keep_ended_s=2 * 3600.0))
    world.know(BOB)
    world.submit()
    world.pass_time(3600, steps=100)
    assert world.store.read(lambda connection: outgoing.find_mail(connection, 1)) is not None
    world.pass_time(3 * 3600, steps=100)
    assert world.store.read(lambda connection: outgoing.find_mail(connection, 1)) is None
    assert world.alice._outbox._messages == {}
    world.close()


def test_nothing_of_a_mail_is_in_the_log_or_in_repr(world: SendingWorld, caplog: pytest.LogCaptureFixture) -> None:
    from twisted.logger import globalLogPublisher

    events: list[object] = []
    globalLogPublisher.addObserver(events.append)
    world.network.fail_next()
    world.submit(written("marked-text", Subject2="marked-subject"))
    world.submit(written(X_Mix_Policy="anonymous"))
    world.pass_time(60)
    globalLogPublisher.removeObserver(events.append)
    logged = repr(events)
    for marked in ("marked", "bob@two", "alices-machine"):
        assert marked not in logged
    assert "marked" not in repr(submitted(written("marked-text")))


def test_states_of_messages_are_kept(world: SendingWorld) -> None:
    world.know(BOB)
    world.submit()
    world.pass_time(30)
    [piece] = world.store.read(lambda connection: outgoing.pieces_of(connection, 1))
    assert piece.state is MessageState.STORED


def test_a_mail_to_the_outside_goes_to_the_exit_gateway_rebuilt_and_with_a_token() -> None:
    world = SendingWorld(settings=SendingSettings(exit_gateway=CAROL, exit_purpose="exit"))
    outside, now_s = "dora@example.org", int(world.clock.seconds())
    with pytest.raises(SubmissionRefusedError, match="no token"):
        world.run(world.mail.check_recipient(outside, None))
    key = token_key(purpose="exit", begins_s=now_s - 1000, ends_s=now_s + 100_000)
    world.network.issue_tokens("two", key, signer_of(0))
    world.run(world.alice.fetch_tokens("two", "exit", 1))
    world.pass_time(3000)
    world.run(world.mail.check_recipient(outside, None))
    world.submit(written(to=f"{outside}, {BOBS}"), outside, BOBS)
    world.pass_time(30)
    [order] = world.received[CAROL]
    enclosed = decode_body(order.body)
    assert not isinstance(enclosed, Piece)
    assert (order.kind, enclosed.to) == ("mail/exit", outside)
    assert decode_token(enclosed.token).key_id == key.key_id
    assert b"alices-machine" not in enclosed.mail
    assert b"From: alice@one.mix.invalid\r\n" in enclosed.mail
    assert mails(world) == [written(to=f"{outside}, {BOBS}")]
    world.close()


def test_a_name_of_a_gateways_domain_is_in_the_envelope(world: SendingWorld) -> None:
    world.network.add_domain("example.org", "two", "bob")
    world.pass_time(60)
    world.submit(None, "dora@example.org")
    world.pass_time(30)
    [came] = world.received[BOB]
    enclosed = decode_body(came.body)
    assert not isinstance(enclosed, Piece)
    assert enclosed.to == "dora@example.org"


def outside_world() -> SendingWorld:
    """Return a world in which Alice has one token for Carol's gateway."""
    world = SendingWorld(settings=SendingSettings(exit_gateway=CAROL, exit_purpose="exit"))
    now_s = int(world.clock.seconds())
    key = token_key(purpose="exit", begins_s=now_s - 1000, ends_s=now_s + 100_000)
    world.network.issue_tokens("two", key, signer_of(0))
    world.run(world.alice.fetch_tokens("two", "exit", 1))
    world.pass_time(3000)
    return world


def test_a_mail_that_is_refused_costs_no_token() -> None:
    world = outside_world()
    first, second = "dora@example.org", "dave@example.org"
    with pytest.raises(SubmissionRefusedError, match="no token"):
        world.submit(None, first, second)
    world.submit(None, first)
    world.pass_time(30)
    [order] = world.received[CAROL]
    enclosed = decode_body(order.body)
    assert not isinstance(enclosed, Piece)
    assert enclosed.to == first
    world.close()


class DyingClient:
    """A client that gives out a token in the very moment in which the program is killed."""

    def __init__(self, client: FakeClient, kill: Callable[[], None]) -> None:
        self._client = client
        self._kill = kill

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)

    async def take_token(self, purpose: str, *, idempotency_key: str = "") -> bytes:
        await self._client.take_token(purpose, idempotency_key=idempotency_key)
        self._kill()
        await Deferred()
        raise AssertionError("a program that was killed goes on")


def test_a_token_taken_in_the_moment_of_a_crash_pays_the_next_mail() -> None:
    world = outside_world()
    world.kill()
    killed: list[bool] = []
    world.client = DyingClient(world.alice, lambda: killed.append(True))  # type: ignore[assignment]
    world.start()
    submitting = Deferred.fromCoroutine(world.mail.submit(submitted(None, "dora@example.org")))
    world.pass_time(10)
    assert killed
    assert not submitting.called
    assert world.run(world.alice.tokens()) == []
    world.kill()
    world.client = world.alice
    world.start()
    world.run(world.mail.check_recipient("dora@example.org", None))
    world.submit(None, "dora@example.org")
    world.pass_time(30)
    [order] = world.received[CAROL]
    with pytest.raises(SubmissionRefusedError, match="no token"):
        world.submit(None, "dora@example.org")
    assert decode_token(decode_body(order.body).token)  # type: ignore[union-attr]
    submitting.addErrback(lambda _: None)
    submitting.cancel()
    world.close()


def test_a_mail_in_the_outbox_without_tokens_is_reported_and_costs_none() -> None:
    world = outside_world()
    world.put("Outbox", written(to="dora@example.org, dave@example.org"))
    world.pass_time(300)
    assert [report["Status"] for report in world.reports()] == ["5.7.1", "5.7.1"]
    assert len(world.folder("Drafts")) == 1
    world.submit(None, "dora@example.org")
    world.pass_time(30)
    assert len(world.received[CAROL]) == 1
    world.close()


def test_a_full_queue_does_not_stop_what_is_in_it(world: SendingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leap_plugin.outgoing.taking.MOST_WAITING", 1)
    world.know(BOB)
    world.network.cut()
    world.submit(written("first"))
    world.put("Outbox", written("second"))
    world.pass_time(60)
    world.network.mend()
    world.pass_time(300)
    assert mails(world) == [written("first"), written("second")]
    assert world.folder("Outbox") == []


def test_a_mail_in_the_outbox_to_more_than_a_hundred_is_reported(world: SendingWorld) -> None:
    mail = written(to=", ".join(f"bob{number}@two.mix.invalid" for number in range(101)))
    world.put("Outbox", mail)
    world.pass_time(30)
    [report] = world.reports()
    assert "100 recipients at most" in report["Diagnostic-Code"]
    assert world.folder("Drafts") == [mail]
