"""The commands that concern the messages of the selected folder (RFC 3501 section 6.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leap_plugin.bridge.imap.grammar.commands import CopyOrMove, FetchItems, Search, StoreFlags, Verb
from leap_plugin.bridge.imap.grammar.fetching import BodySection, Datum, FetchItem
from leap_plugin.bridge.imap.grammar.responses import (
    NIL,
    encode_date_time,
    encode_flags,
    encode_list,
    encode_literal,
    untagged,
)
from leap_plugin.bridge.imap.grammar.sequences import NumberSet, encode_numbers
from leap_plugin.bridge.imap.message.matching import Candidate, NumberKeys, matches, numbered_keys
from leap_plugin.bridge.imap.message.mime import MessagePart, parse_message
from leap_plugin.bridge.imap.message.sections import section_name, section_text
from leap_plugin.bridge.imap.message.structure import encode_envelope, encode_structure
from leap_plugin.bridge.imap.session.ending import READ_ONLY, Ending, Replies
from leap_plugin.bridge.imap.session.mailboxes import FlagChange, Mailboxes, Summary
from leap_plugin.bridge.imap.session.selected import SelectedFolder
from loopixmix.errors import FormatError

SEEN = "\\Seen"
CHARSETS = ("US-ASCII", "UTF-8")
_READ_AT_ONCE = 512
_MARKED_AT_ONCE = 16
"""Messages become seen shortly before their text is sent, not all at the beginning of a long answer."""


class SelectedMessages:
    """Carries out commands on the messages of one selected folder."""

    def __init__(self, mailboxes: Mailboxes, selected: SelectedFolder) -> None:
        self._mailboxes = mailboxes
        self._selected = selected

    def fetch(self, asked: FetchItems) -> Replies:
        """FETCH: one response for each message, made when it is sent."""
        uids = self._chosen(asked.numbers, asked.by_uid)
        items: tuple[FetchItem, ...] = asked.items
        if asked.by_uid and Datum.UID not in items:
            items = (Datum.UID, *items)
        reads_text = any(isinstance(item, BodySection) and not item.peek for item in items)
        marks = reads_text and not self._selected.read_only
        told = 0
        for batch in _batches(uids, _MARKED_AT_ONCE if marks else _READ_AT_ONCE):
            for summary in self._mark_seen(batch) if marks else self._summaries(batch):
                response = self._fetched(summary, items, tell_flags=marks)
                if response is not None:
                    told += 1
                    yield response
        return self._all_or_gone(told == len(uids), asked.by_uid)

    def store(self, asked: StoreFlags) -> Replies:
        """STORE: the new flags are told, unless the client wants silence."""
        if self._selected.read_only:
            return READ_ONLY
        uids = self._chosen(asked.numbers, asked.by_uid)
        self._mailboxes.change_flags(self._selected.name, uids, FlagChange(asked.sign, asked.flags))
        told = 0
        for batch in _batches(uids, _READ_AT_ONCE):
            for summary in self._summaries(batch):
                told += 1
                self._selected.note(summary.uid, summary.flags)
                if not asked.silent:
                    data = [b"UID %d" % summary.uid] if asked.by_uid else []
                    data.append(b"FLAGS " + encode_flags(summary.flags))
                    yield self._fetch_response(summary.uid, data)
        return self._all_or_gone(told == len(uids), asked.by_uid)

    def search(self, asked: Search) -> Replies:
        """SEARCH: the numbers, or UIDs, of the messages that fit."""
        if asked.charset not in CHARSETS:
            return Ending("the charset is not known", b"BADCHARSET (US-ASCII UTF-8)", done=False)
        numbers = NumberKeys(
            {key: frozenset(self._named_numbers(key.numbers, key.by_uid)) for key in numbered_keys(asked.key)}
        )
        found = []
        for batch in _batches(self._selected.uids, _READ_AT_ONCE):
            for summary in self._summaries(batch):
                candidate = self._candidate(summary)
                if matches(asked.key, candidate, numbers):
                    found.append(candidate.uid if asked.by_uid else candidate.number)
        yield untagged(b" ".join((b"SEARCH", *(b"%d" % number for number in found))))
        return Ending()

    def copy_or_move(self, verb: Verb, asked: CopyOrMove) -> Replies:
        """COPY and MOVE, with the old and new UIDs (RFC 4315 section 3, RFC 6851 section 4.3)."""
        if verb is Verb.MOVE and self._selected.read_only:
            return READ_ONLY
        uids = self._chosen(asked.numbers, asked.by_uid)
        transfer = self._mailboxes.move if verb is Verb.MOVE else self._mailboxes.copy
        # Also without a message, so that a folder that is not there is told.
        target = self._mailboxes.state(asked.folder)
        pairs = transfer(self._selected.name, uids, asked.folder)
        if not pairs:
            return Ending("no message was there")
        old, new = (encode_numbers(numbers) for numbers in zip(*pairs, strict=True))
        code = b"COPYUID %d %b %b" % (target.uid_validity, old, new)
        if verb is Verb.COPY:
            return Ending(code=code)
        yield untagged(b"OK [%b] moved" % code)
        return Ending()

    def expunge(self, numbers: NumberSet | None) -> Ending:
        """EXPUNGE, and UID EXPUNGE of `numbers`; the session tells which messages went."""
        if self._selected.read_only:
            return READ_ONLY
        uids = None if numbers is None else self._selected.chosen(numbers, by_uid=True)
        self._mailboxes.expunge(self._selected.name, uids)
        return Ending()

    def _chosen(self, numbers: NumberSet, by_uid: bool) -> list[int]:
        uids = self._selected.chosen(numbers, by_uid)
        if not uids and not by_uid:
            raise FormatError("there is no message of this number")
        return uids

    def _named_numbers(self, numbers: NumberSet, by_uid: bool) -> list[int]:
        uids = self._selected.chosen(numbers, by_uid)
        return uids if by_uid else [self._selected.number(uid) for uid in uids]

    def _summaries(self, uids: Sequence[int]) -> Sequence[Summary]:
        return self._mailboxes.summaries(self._selected.name, uids)

    def _mark_seen(self, uids: Sequence[int]) -> Sequence[Summary]:
        unseen = [summary.uid for summary in self._summaries(uids) if SEEN not in summary.flags]
        if unseen:
            self._mailboxes.change_flags(self._selected.name, unseen, FlagChange("+", frozenset({SEEN})))
        return self._summaries(uids)

    def _candidate(self, summary: Summary) -> Candidate:
        parsed: list[MessagePart] = []

        def read() -> MessagePart:
            if not parsed:
                parsed.append(parse_message(self._mailboxes.read(self._selected.name, summary.uid) or b""))
            return parsed[0]

        number = self._selected.number(summary.uid)
        return Candidate(number, summary.uid, summary.flags, summary.arrived_at, summary.size_bytes, read)

    def _fetched(self, summary: Summary, items: Sequence[FetchItem], *, tell_flags: bool) -> bytes | None:
        """Return the response for a message, or None if it is gone."""
        message = None
        if any(isinstance(item, BodySection) or item in _OF_TEXT for item in items):
            data = self._mailboxes.read(self._selected.name, summary.uid)
            if data is None:
                return None
            message = parse_message(data)
        if tell_flags and Datum.FLAGS not in items:
            items = (*items, Datum.FLAGS)
        if Datum.FLAGS in items:
            self._selected.note(summary.uid, summary.flags)
        return self._fetch_response(summary.uid, [_datum(item, summary, message) for item in items])

    def _fetch_response(self, uid: int, data: Sequence[bytes]) -> bytes:
        return untagged(b"%d FETCH %b" % (self._selected.number(uid), encode_list(data)))

    def _all_or_gone(self, all_there: bool, by_uid: bool) -> Ending:
        # By UID, messages that are gone count as never named (RFC 3501 section 6.4.8).
        if all_there or by_uid:
            return Ending()
        return Ending("some of the messages are gone", b"EXPUNGEISSUED", done=False)


_OF_TEXT = (Datum.BODY, Datum.BODYSTRUCTURE, Datum.ENVELOPE)


def _datum(item: FetchItem, summary: Summary, message: MessagePart | None) -> bytes:
    match item:
        case Datum.UID:
            return b"UID %d" % summary.uid
        case Datum.FLAGS:
            return b"FLAGS " + encode_flags(summary.flags)
        case Datum.INTERNALDATE:
            return b"INTERNALDATE " + encode_date_time(summary.arrived_at)
        case Datum.RFC822_SIZE:
            return b"RFC822.SIZE %d" % summary.size_bytes
        case _:
            return _of_text(item, message or parse_message(b""))


def _of_text(item: FetchItem, message: MessagePart) -> bytes:
    if isinstance(item, BodySection):
        text = section_text(message, item)
        # Always a literal: some clients do not look for quotes around the text of a message.
        return section_name(item) + b" " + (NIL if text is None else encode_literal(text))
    match item:
        case Datum.ENVELOPE:
            return b"ENVELOPE " + encode_envelope(message)
        case Datum.BODYSTRUCTURE:
            return b"BODYSTRUCTURE " + encode_structure(message, extended=True)
        case _:
            return b"BODY " + encode_structure(message, extended=False)


def _batches(uids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for first in range(0, len(uids), size):
        yield uids[first : first + size]
