"""What the messages of a folder say, read as seldom and as little as possible."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from leap_plugin.bridge.imap.message.mime import MessagePart, bare_message, parse_message
from leap_plugin.bridge.imap.session.mailboxes import Mailboxes

HEADERS_AT_ONCE = 64


class GoneError(Exception):
    """The message is gone."""


class SearchTooLongError(Exception):
    """The search is too long."""


def batches(uids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Yield all of `uids`, `size` at once."""
    for first in range(0, len(uids), size):
        yield uids[first : first + size]


class WorkTime:
    """How long one command has worked, in slices between which others do."""

    SLICE_S = 0.02

    def __init__(self, most_s: float, seconds: Callable[[], float]) -> None:
        """`most_s`: in all. `seconds`: tells the time."""
        self._left_s = most_s
        self._seconds = seconds
        self._since_s = seconds()

    @property
    def is_due(self) -> bool:
        """Whether others should have their turn."""
        return self._seconds() - self._since_s >= self.SLICE_S

    def rest(self) -> None:
        """Let others work; raise `SearchTooLongError` if the time is used up."""
        self._left_s -= self._seconds() - self._since_s
        if self._left_s < 0:
            raise SearchTooLongError("this search takes too long: narrow it, by dates for example")

    def go_on(self) -> None:
        """Work again."""
        self._since_s = self._seconds()


class MessageTexts:
    """Reads the messages of one folder.

    Programs fetch a large message in hundreds of pieces, so the last one that was read whole is kept; and they fetch
    the headers of many messages, so headers are read ahead.
    """

    def __init__(self, mailboxes: Mailboxes, folder: str) -> None:
        self._mailboxes = mailboxes
        self._folder = folder
        self._whole: tuple[int, bytes] | None = None
        self._parsed: MessagePart | None = None
        self._headers: dict[int, bytes] = {}

    def expect(self, uids: Sequence[int]) -> None:
        """Read the headers of these messages, at most `HEADERS_AT_ONCE`, which will be asked for."""
        self._headers = dict(self._mailboxes.headers(self._folder, uids[:HEADERS_AT_ONCE]))

    def expects(self, uid: int) -> bool:
        """Tell whether the header of a message was among those read ahead."""
        return uid in self._headers

    def header(self, uid: int) -> MessagePart:
        """Return a message of which perhaps only the header is there. Raises GoneError."""
        found = self._headers.get(uid)
        return bare_message(self.data(uid) if found is None else found)

    def holds(self, uid: int) -> bool:
        """Tell whether a message is the one that was read whole last."""
        return self._whole is not None and self._whole[0] == uid

    def data(self, uid: int) -> bytes:
        """Return the bytes of a message. Raises GoneError."""
        if self._whole is None or self._whole[0] != uid:
            self._parsed = None
            found = self._mailboxes.read(self._folder, uid)
            self._whole = None if found is None else (uid, found)
            if found is None:
                raise GoneError
            return found
        return self._whole[1]

    def beginning(self, uid: int, length: int) -> bytes:
        """Return the first `length` bytes of a message, or more; of the header alone if that has as many."""
        found = self._headers.get(uid)
        return found if found is not None and length <= len(found) else self.data(uid)

    def bare(self, uid: int) -> MessagePart:
        """Return a message of which only header and body are told apart. Raises GoneError."""
        return bare_message(self.data(uid))

    def parsed(self, uid: int) -> MessagePart:
        """Return a message with all its parts. Raises GoneError."""
        data = self.data(uid)
        if self._parsed is None:
            self._parsed = parse_message(data)
        return self._parsed

    def forget(self) -> None:
        """Let go of all that was read."""
        self._whole, self._parsed = None, None
        self._headers.clear()


class SearchedTexts:
    """What one search reads, up to a bound."""

    def __init__(self, texts: MessageTexts, most_bytes: int) -> None:
        self._texts = texts
        self._left = most_bytes
        self.has_read = False
        """Whether the last message was read."""

    def of(self, uid: int, batch: Sequence[int]) -> SearchedText:
        """Return how to read a message; `batch`: the UIDs among which it stands."""
        self.has_read = False
        return SearchedText(self, uid, batch)

    def header(self, uid: int, batch: Sequence[int]) -> MessagePart:
        """Return a message of which perhaps only the header is there; those that follow it are read ahead."""
        if not self._texts.expects(uid):
            first = bisect_left(batch, uid)
            self._texts.expect(batch[first : first + HEADERS_AT_ONCE])
        self.has_read = True
        return self._texts.header(uid)

    def parsed(self, uid: int) -> MessagePart:
        """Return a message with all its parts. Raises GoneError and SearchTooLongError."""
        if not self._texts.holds(uid):
            self._left -= len(self._texts.data(uid))
        self.has_read = True
        if self._left < 0:
            raise SearchTooLongError("this search would read too much: narrow it, by dates for example")
        return self._texts.parsed(uid)


@dataclass(frozen=True)
class SearchedText:
    """One message of a search."""

    texts: SearchedTexts
    uid: int
    batch: Sequence[int]

    def header(self) -> MessagePart:
        return self.texts.header(self.uid, self.batch)

    def parsed(self) -> MessagePart:
        return self.texts.parsed(self.uid)
