"""The addresses of a header field as ENVELOPE tells them (RFC 3501 section 7.4.2)."""

from __future__ import annotations

import re

from leap_plugin.bridge.imap.grammar.responses import NIL, encode_list, encode_nstring

MOST_ADDRESSES = 1_000
_TOKEN = re.compile(
    rb"\s+"
    rb'|(?P<quoted>"(?:[^"\\]|\\.)*"?)'
    rb"|(?P<special>[(),:;<>@])"
    rb'|(?P<word>[^\s"(),:;<>@]+)',
    re.DOTALL,
)


def encode_addresses(value: bytes | None) -> bytes:
    """Return a list of (name, route, mailbox, host), or NIL if there is none.

    A group begins with an address without a host and ends with one that has neither host nor mailbox.
    """
    found = _Addresses(value or b"").found[:MOST_ADDRESSES]
    # Addresses stand side by side, without spaces.
    return b"(" + b"".join(found) + b")" if found else NIL


class _Addresses:
    """One pass over the words: nothing in it goes back or deeper, whatever the words are."""

    def __init__(self, value: bytes) -> None:
        self.found: list[bytes] = []
        self._words: list[bytes] = []
        self._comment: list[bytes] = []
        self._angled: list[bytes] | None = None
        self._closed = False
        self._in_group = False
        self._read(value)
        self._end_address()
        self._end_group()

    def _read(self, value: bytes) -> None:
        depth = 0
        for token in _TOKEN.finditer(value):
            special = token["special"]
            if special == b"(":
                depth += 1
            elif special == b")":
                depth = max(0, depth - 1)
            elif depth:
                self._comment += [token[0]] if token["word"] else []
            elif special:
                self._special(special)
            elif token.lastgroup is not None:
                word = token["word"] or re.sub(rb"\\(.)", rb"\1", token["quoted"].strip(b'"'))
                (self._words if self._angled is None or self._closed else self._angled).append(word)

    def _special(self, special: bytes) -> None:
        match special:
            case b"<":
                self._angled, self._closed = [], False
            case b">":
                self._closed = True
            case b"," if self._angled is None or self._closed:
                self._end_address()
            case b";":
                self._end_address()
                self._end_group()
            case b":" if self._angled is not None:
                # A route, `<@a,@b:user@host>`, is long obsolete.
                self._angled = []
            case b":":
                self._add(None, b" ".join(self._words), None)
                self._words, self._in_group = [], True
            case _:
                (self._words if self._angled is None else self._angled).append(special)

    def _end_address(self) -> None:
        written = self._words if self._angled is None else self._angled
        if written:
            where = max((at for at, word in enumerate(written) if word == b"@"), default=len(written))
            mailbox, host = b"".join(written[:where]), b"".join(written[where + 1 :])
            name = self._comment if self._angled is None else self._words
            # Without a host it would look like a group.
            self._add(b" ".join(name) or None, mailbox, host or b"")
        self._words, self._comment, self._angled, self._closed = [], [], None, False

    def _end_group(self) -> None:
        if self._in_group:
            self._add(None, None, None)
        self._in_group = False

    def _add(self, name: bytes | None, mailbox: bytes | None, host: bytes | None) -> None:
        self.found.append(encode_list(encode_nstring(text) for text in (name, None, mailbox, host)))
