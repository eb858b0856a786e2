"""Commands as the RFCs write them, and what is none."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_plugin.bridge.imap.grammar.commands import (
    Append,
    Arguments,
    AskStatus,
    Authenticate,
    CopyOrMove,
    FetchItems,
    List,
    Login,
    OnFolder,
    Plain,
    Rename,
    Search,
    StoreFlags,
    UidExpunge,
)
from leap_plugin.bridge.imap.grammar.fetching import BodySection, Datum, Kind
from leap_plugin.bridge.imap.grammar.lines import RawCommand
from leap_plugin.bridge.imap.grammar.parsing import parse_command
from leap_plugin.bridge.imap.grammar.searching import (
    MOST_KEYS,
    MOST_NESTED,
    AllOf,
    AnyOf,
    Dated,
    Flagged,
    InHeader,
    Not,
    Numbered,
    Sized,
    When,
)
from leap_plugin.bridge.imap.grammar.sequences import NumberSet
from loopixmix.errors import FormatError

PDT = timezone(timedelta(hours=-7))
ONE = NumberSet(((1, 1),))
COMMANDS: list[tuple[tuple[bytes, ...], Arguments]] = [
    ((b"A1 CAPABILITY",), Plain()),
    ((b"a uid EXPUNGE 3000:3002",), UidExpunge(NumberSet(((3000, 3002),)))),
    ((b"a001 LOGIN SMITH SESAME",), Login(b"SMITH", b"SESAME")),
    ((b"A001 LOGIN ", b"FRED FOOBAR", b" ", b"fat man", b""), Login(b"FRED FOOBAR", b"fat man")),
    ((rb'a LOGIN "a\"b\\c" ""',), Login(rb'a"b\c', b"")),
    ((b"a AUTHENTICATE plain AGEAYg==",), Authenticate("PLAIN", b"AGEAYg==")),
    ((b"a AUTHENTICATE PLAIN",), Authenticate("PLAIN", None)),
    ((b"A142 SELECT inbox",), OnFolder("INBOX")),
    ((b"A683 RENAME blurdybloop sarasoop",), Rename("blurdybloop", "sarasoop")),
    ((b'A202 LIST ~/Mail/ "%"',), List(b"~/Mail/", b"%")),
    ((b'a LIST (SPECIAL-USE) "" * RETURN (SPECIAL-USE)',), List(b"", b"*", special_only=True)),
    ((b'a LIST () "" *',), List(b"", b"*")),
    ((b"A042 STATUS blurdybloop (UIDNEXT MESSAGES)",), AskStatus("blurdybloop", ("UIDNEXT", "MESSAGES"))),
    ((b"A3 APPEND saved-messages (\\seen) ", b"Hi", b""), Append("saved-messages", frozenset({"\\Seen"}), None, b"Hi")),
    (
        (b'A3 APPEND x "17-Jul-1996 02:44:25 -0700" ', b"Hi", b""),
        Append("x", frozenset(), datetime(1996, 7, 17, 2, 44, 25, tzinfo=PDT), b"Hi"),
    ),
    (
        (b"A654 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",),
        FetchItems(NumberSet(((2, 4),)), (Datum.FLAGS, BodySection((), Kind.FIELDS, (b"DATE", b"FROM")))),
    ),
    (
        (b"a UID FETCH 1 BODY.PEEK[4.1.MIME]<0.20>",),
        FetchItems(ONE, (BodySection((4, 1), Kind.MIME, (), True, (0, 20)),), True),
    ),
    ((b"a FETCH 1 BODY[]",), FetchItems(ONE, (BodySection((), Kind.WHOLE),))),
    ((b"a FETCH 1 FAST",), FetchItems(ONE, (Datum.FLAGS, Datum.INTERNALDATE, Datum.RFC822_SIZE))),
    ((b"A003 STORE 2:4 +FLAGS (\\Deleted)",), StoreFlags(NumberSet(((2, 4),)), "+", False, frozenset({"\\Deleted"}))),
    (
        (b"a UID STORE * -FLAGS.SILENT \\Seen $Junk",),
        StoreFlags(NumberSet(((None, None),)), "-", True, frozenset({"\\Seen", "$Junk"}), True),
    ),
    (
        (b'A282 SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"',),
        Search(
            "US-ASCII",
            AllOf(
                (
                    Flagged("\\Flagged", True),
                    Dated(When.SINCE, date(1994, 2, 1), False),
                    Not(InHeader("FROM", b"Smith")),
                )
            ),
        ),
    ),
    (
        (b"a UID SEARCH CHARSET utf-8 OR (SMALLER 5 UNSEEN) UID 7",),
        Search(
            "UTF-8",
            AnyOf((AllOf((Sized(False, 5), Flagged("\\Seen", False))), Numbered(NumberSet(((7, 7),)), True))),
            True,
        ),
    ),
    ((b"A003 COPY 2:4 MEETING",), CopyOrMove(NumberSet(((2, 4),)), "MEETING")),
    ((b'a023 ID ("name" "sodr" "os" NIL)',), Plain()),
]
REFUSED = [
    b"",
    b"a",
    b"* NOOP",
    b"a+b NOOP",
    b"a NOSUCH",
    b"a NOOP x",
    b"a NOOP ",
    b"a UID NOOP",
    b"a  NOOP",
    b"a LOGIN x",
    b'a LOGIN x "y',
    b'a LOGIN x "\xff"',
    b"a LOGIN x {3}",
    b"a FETCH 0 FLAGS",
    b"a FETCH 1:2:3 FLAGS",
    b"a FETCH 1, FLAGS",
    b"a FETCH 4294967296 FLAGS",
    b"a FETCH 1 ()",
    b"a FETCH 1 (FLAGS",
    b"a FETCH 1 NOSUCH",
    b"a FETCH 1 BODY[MIME]",
    b"a FETCH 1 BODY[0]",
    b"a FETCH 1 BODY[]<0.0>",
    b"a FETCH 1 BODY[" + b"1." * 200 + b"1]",
    b"a STORE 1 +FLAGS (\\Recent)",
    b"a STORE 1 FLAGS (\\Nosuch)",
    b"a APPEND x nothing",
    b'a APPEND x "99-Jul-1996 02:44:25 -0700" x',
    b"a SEARCH ON 30-Feb-2000",
    b"a SEARCH " + b"(" * 5000 + b"ALL",
    b"a SEARCH " + b"NOT " * 5000 + b"ALL",
    b"a SEARCH " + b" ".join([b"ALL"] * 5000),
    b"a STATUS x (NOSUCH)",
    b"a STATUS x ()",
    b'a LIST "" ' + b"*" * 17,
    b'a LIST "" ' + b"x" * 1001,
]


@pytest.mark.parametrize(("parts", "arguments"), COMMANDS)
def test_a_command_has_its_arguments(parts: tuple[bytes, ...], arguments: Arguments) -> None:
    assert parse_command(RawCommand(parts)).arguments == arguments


@pytest.mark.parametrize("line", REFUSED, ids=lambda line: line[:30].decode("latin-1"))
def test_what_the_grammar_does_not_have_is_refused(line: bytes) -> None:
    with pytest.raises(FormatError):
        parse_command(RawCommand((line,)))


@given(
    st.lists(st.sampled_from([*b'()[]{}<>"\\* .:,%&ABCU19']) | st.integers(0, 255), max_size=40),
    st.sampled_from(COMMANDS),
)
def test_nothing_but_a_format_error_comes_of_any_bytes(
    noise: list[int], sample: tuple[tuple[bytes, ...], Arguments]
) -> None:
    first, *rest = sample[0]
    for cut in (len(first), len(first) // 2, 2):
        try:
            parse_command(RawCommand((first[:cut] + bytes(noise), *rest)))
        except FormatError:
            continue


def test_a_password_is_not_shown() -> None:
    assert "SESAME" not in repr(parse_command(RawCommand((b"a LOGIN SMITH SESAME",))))
    assert "AGEAYg" not in repr(parse_command(RawCommand((b"a AUTHENTICATE PLAIN AGEAYg==",))))


def test_keys_of_a_search_are_nested_so_deep_and_no_deeper() -> None:
    deepest = MOST_NESTED - 1
    parse_command(RawCommand((b"a SEARCH " + b"NOT " * deepest + b"ALL",)))
    with pytest.raises(FormatError, match="nested"):
        parse_command(RawCommand((b"a SEARCH " + b"NOT " * (deepest + 1) + b"ALL",)))
    with pytest.raises(FormatError, match="keys"):
        parse_command(RawCommand((b"a SEARCH " + b" ".join([b"ALL"] * (MOST_KEYS + 1)),)))
