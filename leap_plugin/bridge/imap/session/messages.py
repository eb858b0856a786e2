"""The commands that concern the messages of the selected folder (RFC 3501 section 6.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from leap_plugin.bridge.imap.grammar.commands import CopyOrMove, FetchItems, Search, StoreFlags, Verb
from leap_plugin.bridge.imap.grammar.fetching import BodySection, Datum, FetchItem, Kind
from leap_plugin.bridge.imap.grammar.lines import Limits
from leap_plugin.bridge.imap.grammar.responses import (
    NIL,
    encode_date_time,
    encode_flags,
    encode_list,
    encode_literal,
    untagged,
)
from leap_plugin.bridge.imap.grammar.searching import SearchKey
from leap_plugin.bridge.imap.grammar.sequences import NumberSet, encode_numbers
from leap_plugin.bridge.imap.message.matching import Candidate, matches, resolved, text_keys
from leap_plugin.bridge.imap.message.sections import section_name, section_text
from leap_plugin.bridge.imap.message.structure import encode_envelope, encode_structure
from leap_plugin.bridge.imap.session.ending import READ_ONLY, Ending, Replies
from leap_plugin.bridge.imap.session.mailboxes import FlagChange, Mailboxes, Summary
from leap_plugin.bridge.imap.session.selected import SelectedFolder
from leap_plugin.bridge.imap.session.texts import (
    HEADERS_AT_ONCE,
    GoneError,
    MessageTexts,
    SearchedText,
    SearchedTexts,
    SearchTooLongError,
    WorkTime,
    batches,
)
from loopixmix.errors import FormatError

SEEN = "\\Seen"
CHARSETS = ("US-ASCII", "UTF-8")
MOST_SEARCHED_BYTES = 4 * 1024**3
"""Of texts that one SEARCH may look through, counted once for each key that looks into them."""
_AT_ONCE = 2_048
CHANGED_AT_ONCE = 2_000
"""So many messages are changed in one step: other sessions wait for no more."""
_MARKED_AT_ONCE = 16
"""Messages become seen shortly before their text is sent, not all at the beginning of a long answer."""


class SelectedMessages:
    """Carries out commands on the messages of one selected folder."""

    def __init__(
        self,
        mailboxes: Mailboxes,
        selected: SelectedFolder,
        *,
        most_searched_bytes: int = MOST_SEARCHED_BYTES,
        most_search_s: float = Limits.search_s,
        seconds: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`most_searched_bytes`: of texts that one SEARCH may look through. `most_search_s`: that it may work.

        `seconds`: tells the time that this takes.
        """
        # Another session may put another folder in this one's place between two steps of a long command.
        self._mailboxes = mailboxes.pinned(selected.name, selected.state.uid_validity)
        self._selected = selected
        self._most_searched_bytes = most_searched_bytes
        self._most_search_s = most_search_s
        self._seconds = seconds
        self._texts = MessageTexts(self._mailboxes, selected.name)

    def fetch(self, asked: FetchItems) -> Replies:
        """FETCH: one response for each message, made when it is sent."""
        uids = self._chosen(asked.numbers, asked.by_uid)
        items: tuple[FetchItem, ...] = asked.items
        if asked.by_uid and Datum.UID not in items:
            items = (Datum.UID, *items)
        reads_text = any(isinstance(item, BodySection) and not item.peek for item in items)
        marks = reads_text and not self._selected.read_only
        if marks and Datum.FLAGS not in items:
            items = (*items, Datum.FLAGS)
        told = 0
        for batch in batches(uids, _batch_size(items, marks)):
            if any(_needs_header(item) for item in items):
                self._texts.expect(batch)
            for summary in self._mark_seen(batch) if marks else self._summaries(batch):
                try:
                    response = self._fetched(summary, items)
                except GoneError:
                    continue
                told += 1
                yield response
        if not any(isinstance(item, BodySection) and item.partial for item in items):
            # Of a message that is fetched in pieces, the next one will soon be asked for.
            self._texts.forget()
        return self._all_or_gone(told == len(uids), asked.by_uid)

    def store(self, asked: StoreFlags) -> Replies:
        """STORE: the new flags are told, unless the client wants silence."""
        if self._selected.read_only:
            return READ_ONLY
        uids = self._chosen(asked.numbers, asked.by_uid)
        change = FlagChange(asked.sign, asked.flags)
        told = 0
        for batch in batches(uids, CHANGED_AT_ONCE):
            self._mailboxes.change_flags(self._selected.name, batch, change)
            yield b""
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
        uids = self._selected.uids
        key = resolved(asked.key, last_number=len(uids), last_uid=uids[-1] if uids else 0)
        work = WorkTime(self._most_search_s, self._seconds)
        found = []
        texts = SearchedTexts(self._texts, self._most_searched_bytes // max(1, text_keys(asked.key)))
        try:
            for batch in batches(self._selected.uids, _AT_ONCE):
                for summary in self._summaries(batch):
                    candidate = self._candidate(summary, texts.of(summary.uid, batch))
                    if self._fits(key, candidate):
                        found.append(candidate.uid if asked.by_uid else candidate.number)
                    if texts.has_read or work.is_due:
                        work.rest()
                        yield b""
                        work.go_on()
                work.rest()
                yield b""
                work.go_on()
        except SearchTooLongError as error:
            return Ending(str(error), b"LIMIT", done=False)
        finally:
            self._texts.forget()
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

    def expunge(self, numbers: NumberSet | None) -> Replies:
        """EXPUNGE, and UID EXPUNGE of `numbers`; the session tells which messages went."""
        if self._selected.read_only:
            return READ_ONLY
        chosen = self._selected.uids if numbers is None else self._selected.chosen(numbers, by_uid=True)
        for batch in batches(chosen, CHANGED_AT_ONCE):
            self._mailboxes.expunge(self._selected.name, batch)
            yield b""
        if numbers is None:
            # Also those that came and were marked meanwhile.
            self._mailboxes.expunge(self._selected.name, None)
        return Ending()

    def _chosen(self, numbers: NumberSet, by_uid: bool) -> list[int]:
        uids = self._selected.chosen(numbers, by_uid)
        if not uids and not by_uid:
            raise FormatError("there is no message of this number")
        return uids

    def _summaries(self, uids: Sequence[int]) -> Sequence[Summary]:
        return self._mailboxes.summaries(self._selected.name, uids)

    def _mark_seen(self, uids: Sequence[int]) -> Sequence[Summary]:
        unseen = [summary.uid for summary in self._summaries(uids) if SEEN not in summary.flags]
        if unseen:
            self._mailboxes.change_flags(self._selected.name, unseen, FlagChange("+", frozenset({SEEN})))
        return self._summaries(uids)

    def _candidate(self, summary: Summary, text: SearchedText) -> Candidate:
        number = self._selected.number(summary.uid)
        return Candidate(
            number, summary.uid, summary.flags, summary.arrived_at, summary.size_bytes, text.header, text.parsed
        )

    def _fits(self, key: SearchKey, candidate: Candidate) -> bool:
        try:
            return matches(key, candidate)
        except GoneError:
            return False

    def _fetched(self, summary: Summary, items: Sequence[FetchItem]) -> bytes:
        """Return the response for a message. Raises GoneError."""
        data = [self._datum(item, summary) for item in items]
        if Datum.FLAGS in items:
            self._selected.note(summary.uid, summary.flags)
        return self._fetch_response(summary.uid, data)

    def _datum(self, item: FetchItem, summary: Summary) -> bytes:
        match item:
            case BodySection():
                text = self._section(item, summary.uid)
                # Always a literal: some clients do not look for quotes around the text of a message.
                return section_name(item) + b" " + (NIL if text is None else encode_literal(text))
            case Datum.UID:
                return b"UID %d" % summary.uid
            case Datum.FLAGS:
                return b"FLAGS " + encode_flags(summary.flags)
            case Datum.INTERNALDATE:
                return b"INTERNALDATE " + encode_date_time(summary.arrived_at)
            case Datum.RFC822_SIZE:
                return b"RFC822.SIZE %d" % summary.size_bytes
            case Datum.ENVELOPE:
                return b"ENVELOPE " + encode_envelope(self._texts.header(summary.uid))
            case Datum.BODYSTRUCTURE:
                return b"BODYSTRUCTURE " + encode_structure(self._texts.parsed(summary.uid), extended=True)
            case Datum.BODY:
                return b"BODY " + encode_structure(self._texts.parsed(summary.uid), extended=False)

    def _section(self, item: BodySection, uid: int) -> bytes | None:
        if item.part:
            return section_text(self._texts.parsed(uid), item)
        if item.kind is Kind.WHOLE and item.partial:
            first, length = item.partial
            return self._texts.beginning(uid, first + length)[first : first + length]
        if _needs_header(item):
            return section_text(self._texts.header(uid), item)
        return section_text(self._texts.bare(uid), item)

    def _fetch_response(self, uid: int, data: Sequence[bytes]) -> bytes:
        return untagged(b"%d FETCH %b" % (self._selected.number(uid), encode_list(data)))

    def _all_or_gone(self, all_there: bool, by_uid: bool) -> Ending:
        # By UID, messages that are gone count as never named (RFC 3501 section 6.4.8).
        if all_there or by_uid:
            return Ending()
        return Ending("some of the messages are gone", b"EXPUNGEISSUED", done=False)


def _needs_header(item: FetchItem) -> bool:
    """Tell whether the header is enough for an item; for the first bytes of a message it often is."""
    if isinstance(item, BodySection):
        return not item.part and (item.kind not in (Kind.WHOLE, Kind.TEXT) or item.partial is not None)
    return item is Datum.ENVELOPE


def _batch_size(items: Sequence[FetchItem], marks: bool) -> int:
    if marks:
        return _MARKED_AT_ONCE
    return HEADERS_AT_ONCE if any(_needs_header(item) for item in items) else _AT_ONCE
