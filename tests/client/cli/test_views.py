"""What the commands show."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from rich.console import Console, RenderableType

from client.api import (
    ClientStatus,
    Contact,
    MailDomain,
    MessageState,
    NamedReader,
    NetworkView,
    OutgoingMessage,
    PostedRequest,
    ProviderView,
    ReceivedMessage,
    RequestState,
    StateChange,
    StreamStatus,
    TokenStock,
    Verified,
)
from client.cli.actions import BodyFile
from client.cli.views import (
    STATE_WORDS,
    contact_view,
    contacts_view,
    message_view,
    network_view,
    posted_line,
    queued_line,
    readers_view,
    received_view,
    status_view,
    tokens_view,
)

STATUS = ClientStatus(
    address="alice@home",
    registered=True,
    connected=True,
    epoch=7,
    problem="",
    queued_messages=2,
    queued_fragments=700,
    unread=1,
    payload=StreamStatus(rate_per_s=2.0, sent=1000),
    loop=StreamStatus(rate_per_s=0.5, sent=250),
    drop=StreamStatus(rate_per_s=0.5, sent=249),
    real_sent=300,
    loops_returned=99,
    loops_lost=1,
    loop_round_trip_mean_s=1.5,
    expected_delivery_s=3.0,
    fingerprint="7777-8888",
)
CONTACT = Contact(address="bob@away", fingerprint="1111-2222", verified=Verified.PINNED)
RECEIVED = ReceivedMessage(
    number=3,
    message_id="ab" * 16,
    sender="bob@away",
    verified=Verified.PINNED,
    kind="text",
    body=b"two\nlines\n",
    received_at_s=0.0,
)
OUTGOING = OutgoingMessage(
    message_id="cd" * 16,
    to="bob@away",
    kind="file",
    length_bytes=300_000,
    state=MessageState.RETRYING,
    fragments=201,
    fragments_sent=201,
    fragments_acknowledged=200,
    history=(
        StateChange(0.0, MessageState.QUEUED),
        StateChange(1.0, MessageState.SENDING),
        StateChange(9.0, MessageState.RETRYING, "attempt 2"),
    ),
)


def shown(renderable: RenderableType) -> str:
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def test_a_status_that_is_well() -> None:
    text = shown(status_view(STATUS))
    assert "7777-8888" in text
    for part in ("alice@home", "connected", "2 messages, 700 fragments", "1 message", "about 3.0 s", "99.0% of 100"):
        assert part in text
    assert "300 real, 700 cover" in text
    assert "problem" not in text


def test_a_test_network_is_shown_as_one() -> None:
    for test_network in (False, True):
        status = msgspec.structs.replace(STATUS, test_network=test_network)
        assert ("it hides nobody" in shown(status_view(status))) is test_network
        network = NetworkView(epoch=1, valid_until_s=2.0, providers=(), test_network=test_network)
        assert ("it hides nobody" in shown(network_view(network))) is test_network


def test_the_status_of_a_guest() -> None:
    guest = msgspec.structs.replace(STATUS, address="", provider="home", guest=True)
    text = shown(status_view(guest))
    assert "a guest at home" in text
    # Nobody looks up a guest, so there is nothing to compare.
    assert "7777-8888" not in text


def test_a_network_and_its_services() -> None:
    providers = [
        ProviderView(name=name, identity="ab" * 32, fingerprint=f"{name.strip()}-print", services=services)
        for name, services in (("away", ("echo", "keys")), ("home\n", ()))
    ]
    lines = shown(network_view(NetworkView(epoch=1, valid_until_s=9.0, providers=tuple(providers)))).splitlines()
    assert lines[1].split() == ["away", "echo", "keys", "away-print"]
    assert len(lines) == 3


def test_the_mail_domains_of_a_network_and_who_reads_all_of_one() -> None:
    domains = (MailDomain(domain="example.net"), MailDomain(domain="example.org", gateway="gate@away"))
    providers = (
        ProviderView(name="away", identity="ab" * 32, fingerprint="away-print", services=("keys",), domains=domains),
        ProviderView(name="home", identity="cd" * 32, fingerprint="home-print", services=("keys",)),
    )
    lines = shown(network_view(NetworkView(epoch=1, valid_until_s=9.0, providers=providers))).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["away", "keys", "example.net", "away-print"],
        ["example.org", "(gate)"],
        ["home", "keys", "home-print"],
    ]


def test_a_status_that_is_not() -> None:
    new = msgspec.structs.replace(
        STATUS, address="", connected=False, problem="no link\x1b[2J", queued_messages=0, loops_returned=0, loops_lost=0
    )
    text = shown(status_view(new))
    for part in ("not registered", "not connected", "no link\N{REPLACEMENT CHARACTER}[2J", "nothing", "none has come"):
        assert part in text


def test_a_message_with_its_history() -> None:
    text = shown(message_view(OUTGOING))
    for part in ("300.0 kB in 201 fragments", "200 of 201", "attempt 2", "waits for its turn"):
        assert part in text
    assert "retrying for bob@away: 300.0 kB in 201 fragments" in shown(queued_line(OUTGOING))


def test_every_state_has_words() -> None:
    assert set(STATE_WORDS) == set(MessageState)


def test_a_received_text() -> None:
    text = shown(received_view(RECEIVED))
    assert text.splitlines()[0].split()[0] == "3"
    assert "bob@away (key not compared)  text" in text
    assert [line.rstrip() for line in text.splitlines()[1:3]] == ["      two", "      lines"]


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"verified": Verified.UNKNOWN}, "bob@away (key not known)"),
        ({"verified": Verified.COMPARED}, "bob@away  text"),
        ({"sender": None, "verified": Verified.UNKNOWN, "reply_to": "reply:77"}, "anonymous"),
        ({"sender": None, "verified": Verified.UNKNOWN, "reply_to": "reply:77"}, "to answer, send to reply:77"),
        ({"body": b"\xff\x00"}, "2 bytes that are no text"),
        ({"body": b"\x1b[31m[bold]x[/bold]"}, "\N{REPLACEMENT CHARACTER}[31m[bold]x[/bold]"),
        ({"sender": "ev\x07il@x"}, "ev\N{REPLACEMENT CHARACTER}il@x"),
    ],
)
def test_a_received_message_of_another_sort(changed: dict[str, object], part: str) -> None:
    assert part in shown(received_view(msgspec.structs.replace(RECEIVED, **changed)))


def test_a_saved_body_is_not_shown() -> None:
    text = shown(received_view(RECEIVED, file=BodyFile(Path("mail/000003-text"), is_other=False)))
    assert "10 bytes, saved as mail/000003-text" in text
    assert "lines" not in text


def test_another_file_in_the_place_of_a_body_is_told() -> None:
    text = shown(received_view(RECEIVED, file=BodyFile(Path("mail/000003-text"), is_other=True)))
    assert "10 bytes, not saved: another file is at mail/000003-text" in text


def test_contacts_and_what_to_do_about_them() -> None:
    changed = Contact(address="eve@away", fingerprint="3333", verified=Verified.COMPARED, changed_fingerprint="4444")
    compared = Contact(address="sue@away", fingerprint="5555", verified=Verified.COMPARED)
    text = shown(contacts_view([CONTACT, changed, compared]))
    for part in ("pinned, not compared", "the key changed: nothing is sent", "sue@away"):
        assert part in text
    assert "no contacts yet" in shown(contacts_view([]))
    assert "compare the fingerprint" in shown(contact_view(CONTACT))
    assert "4444" in shown(contact_view(changed))
    assert "compare the fingerprint" not in shown(contact_view(compared))


def test_readers_and_what_waits_for_them() -> None:
    archive = NamedReader(name="archive", kind="mail", waiting=1200, programs=1, made_at_s=0.0, used_at_s=86_400.0)
    [head, row] = shown(readers_view([archive])).splitlines()
    assert head.split() == ["name", "kind", "waiting", "programs", "last", "used"]
    assert row.split()[:4] == ["archive", "mail", "1,200", "1"]
    assert "no program has read by a name" in shown(readers_view([]))


def test_a_posted_request_without_an_answer_says_where_it_is() -> None:
    request = PostedRequest(
        request_id="a" * 32,
        service="echo",
        length_bytes=4096,
        state=RequestState.ASKING,
        created_at_s=0.0,
        leaves_at_s=0.0,
        deadline_s=1.0,
        parts_sent=2,
        parts=3,
    )
    assert posted_line(request) == "asking: 2 of 3 parts sent"
    answering = msgspec.structs.replace(request, parts_received=12, answer_parts=50)
    assert posted_line(answering) == "asking: 12 of 50 parts came"
    ended = msgspec.structs.replace(request, state=RequestState.EXPIRED, problem="expired: no\nanswer", ended=1)
    assert posted_line(ended) == "expired: no answer"


def test_tokens_are_counted_by_purpose() -> None:
    assert "no tokens, and none ordered" in shown(tokens_view([]))
    [head, row] = shown(tokens_view([TokenStock(purpose="guest", usable=1, resting=2, ordered=3000)])).splitlines()
    assert head.split() == ["purpose", "to", "spend", "resting", "ordered"]
    assert row.split() == ["guest", "1", "2", "3,000"]
