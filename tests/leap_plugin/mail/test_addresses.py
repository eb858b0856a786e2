"""Addresses: strict, and the same person both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_plugin.mail.addresses import (
    AddressError,
    InsideAddress,
    OutsideAddress,
    mail_address_of,
    read_address,
    reply_address,
    reply_word,
)
from loopixmix.cards import split_address

DOMAINS = frozenset({"example.org"})
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,20}[a-z0-9])?", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("alice@provider-1.mix.invalid", InsideAddress("alice@provider-1")),
        ("Alice@Provider-1.MIX.Invalid", InsideAddress("alice@provider-1")),
        ("alice@a.b.mix.invalid", InsideAddress("alice@a.b")),
        ("alice@example.org", InsideAddress("alice@example.org")),
        ("ALICE@EXAMPLE.ORG", InsideAddress("alice@example.org")),
        ("Al+x@Elsewhere.example", OutsideAddress("Al+x@elsewhere.example")),
        ("用户@例子.example", OutsideAddress("用户@例子.example")),
    ],
)
def test_whose_address_it_is(text: str, address: object) -> None:
    assert read_address(text, DOMAINS) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", "alice", "@provider-1.mix.invalid", "alice@", "alice@provider-1", "alice@mix.invalid", "alice@x.invalid"),
        *("al+ice@provider-1.mix.invalid", "\u212aate@example.org", "al+ice@example.org", "alice@.mix.invalid"),
        *("a b@elsewhere.example", "a..b@elsewhere.example", '"a b"@elsewhere.example', "a@b@elsewhere.example"),
        *(
            "a@elsewhere..example",
            "a@-x.example",
            "a@[192.168.1.1]",
            "a@x.example\r\n",
            "a\n@x.example",
            "<a@x.example>",
        ),
        *("a" * 65 + "@elsewhere.example", "a@" + "x." * 130 + "example", "\ud800@elsewhere.example", "a@x .example"),
        *("alice@" + "p" * 64 + ".mix.invalid", "a@\u2028x.example"),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        read_address(text, DOMAINS)


def test_an_address_as_commands_write_it_gets_a_hint() -> None:
    with pytest.raises(
        AddressError, match=r"'provider-1' has no dot; addresses of the network end in @PROVIDER\.mix\."
    ):
        read_address("alice@provider-1", frozenset())


@given(NAMES, NAMES)
def test_there_and_back_again(name: str, provider: str) -> None:
    address = f"{name}@{provider}"
    assert split_address(address) == (name, provider)
    assert read_address(mail_address_of(address, DOMAINS), DOMAINS) == InsideAddress(address)


def test_a_mail_domain_is_written_as_it_is() -> None:
    assert mail_address_of("alice@example.org", DOMAINS) == "alice@example.org"
    assert mail_address_of("alice@example.org", frozenset()) == "alice@example.org.mix.invalid"
    for wrong in ("alice", "Alice@p", "alice@p/1", "alice@p@q"):
        with pytest.raises(AddressError):
            mail_address_of(wrong, DOMAINS)


def test_the_address_of_a_way_back_is_known_again_and_no_providers() -> None:
    word = "abcdefghjkmnpqrs"
    assert reply_word(reply_address(word)) == word
    assert reply_word(f"Reply-{word.upper()}@MIX.invalid") == word
    with pytest.raises(AddressError):
        read_address(reply_address(word), frozenset())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "reply-@mix.invalid",
        "reply-abcdefghjkmnpqr@mix.invalid",
        "reply-abcdefghjkmnpqrst@mix.invalid",
        "reply-abcdefghjkmnpqri@mix.invalid",
        "reply-abcdefghjkmnpqrs@mix.invalid\n",
        "reply-abcdefghjkmnpqrs@one.mix.invalid",
    ],
)
def test_no_other_address_is_that_of_a_way_back(text: str) -> None:
    assert reply_word(text) is None
