"""A selected folder as one client knows it: its sequence numbers change only when the client is told."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from leap_plugin.bridge.imap.grammar.responses import encode_flags, encode_list, untagged
from leap_plugin.bridge.imap.grammar.sequences import NumberSet
from leap_plugin.bridge.imap.session.mailboxes import FolderState, Mailboxes, NoFolderError

SYSTEM_FLAGS = rb"\Answered \Deleted \Draft \Flagged \Seen"


class SelectedFolder:
    """Keeps the UIDs that the client has a number for, and tells it what changed since (RFC 3501 section 7.4.1)."""

    def __init__(self, mailboxes: Mailboxes, name: str, read_only: bool) -> None:
        """Look at a folder; raises NoFolderError if there is none."""
        self.name = name
        self.read_only = read_only
        self.state: FolderState = mailboxes.state(name)
        self._mailboxes = mailboxes
        self._moment = self.state.moment
        self._uids = list(mailboxes.uids(name))
        self._gone: set[int] = set()
        self._known: dict[int, frozenset[str]] = {}

    def is_there(self) -> bool:
        """Tell whether the folder of this name is still the one that was selected, and no new one."""
        try:
            return self._mailboxes.changes(self.name, self._moment).uid_validity == self.state.uid_validity
        except NoFolderError:
            return False

    def description(self) -> Iterator[bytes]:
        """Yield what a client is told at first (RFC 3501 section 6.3.1)."""
        yield untagged(b"FLAGS (%b)" % SYSTEM_FLAGS)
        yield untagged(b"%d EXISTS" % len(self._uids))
        yield untagged(b"0 RECENT")
        if self.state.first_unseen in self._uids:
            yield untagged(b"OK [UNSEEN %d] the first that is not seen" % self.number(self.state.first_unseen))
        kept = b"" if self.read_only else SYSTEM_FLAGS + rb" \*"
        yield untagged(b"OK [PERMANENTFLAGS (%b)] kept" % kept)
        yield untagged(b"OK [UIDVALIDITY %d] valid" % self.state.uid_validity)
        yield untagged(b"OK [UIDNEXT %d] next" % self.state.uid_next)

    @property
    def uids(self) -> Sequence[int]:
        """The UIDs of the messages that the client knows, by sequence number; some may be gone already."""
        return self._uids

    def number(self, uid: int) -> int:
        """Return the sequence number of a known message."""
        return bisect_left(self._uids, uid) + 1

    def chosen(self, numbers: NumberSet, by_uid: bool) -> list[int]:
        """Return the UIDs that a command names. UIDs that nobody has are passed over (RFC 3501 section 6.4.8)."""
        if by_uid:
            return numbers.chosen(self._uids)
        return [self._uids[number - 1] for number in numbers.chosen(range(1, len(self._uids) + 1))]

    def note(self, uid: int, flags: frozenset[str]) -> None:
        """The client knows these flags already."""
        self._known[uid] = flags

    def news(self, *, expunges: bool) -> Iterator[bytes]:
        """Yield what the client has not been told; `expunges` only where the numbers of messages may change.

        Raises NoFolderError if the folder is gone, or is another one of the same name.
        """
        changes = self._mailboxes.changes(self.name, self._moment)
        if changes.uid_validity != self.state.uid_validity:
            raise NoFolderError("the selected folder was deleted")
        self._moment = changes.moment
        arrived = [uid for uid in changes.arrived if not self._uids or uid > self._uids[-1]]
        self._uids += arrived
        self._gone.update(changes.expunged)
        if changes.present is not None:
            self._gone.update(frozenset(self._uids).difference(changes.present))
        if expunges and self._gone:
            yield from self._expunges()
        if arrived:
            yield untagged(b"%d EXISTS" % len(self._uids))
        for uid, flags in sorted(changes.flagged.items()):
            if self._known.get(uid) != flags and uid not in self._gone:
                yield untagged(b"%d FETCH " % self.number(uid) + encode_flag_data(uid, flags))
        self._known.clear()

    def _expunges(self) -> Iterator[bytes]:
        # From the end, so that no number moves before it is told.
        for number in range(len(self._uids), 0, -1):
            if self._uids[number - 1] in self._gone:
                del self._uids[number - 1]
                yield untagged(b"%d EXPUNGE" % number)
        self._gone.clear()


def encode_flag_data(uid: int, flags: frozenset[str]) -> bytes:
    return encode_list((b"UID %d" % uid, b"FLAGS " + encode_flags(flags)))
