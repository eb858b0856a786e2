"""The commands that concern folders, not the messages in one (RFC 3501 section 6.3)."""

from __future__ import annotations

from collections.abc import Iterator

from leap_plugin.bridge.imap.grammar.commands import Append, AskStatus, Command, List, OnFolder, Rename, Verb
from leap_plugin.bridge.imap.grammar.names import encode_name
from leap_plugin.bridge.imap.grammar.responses import encode_folder, encode_list, untagged
from leap_plugin.bridge.imap.session.ending import Ending, Replies
from leap_plugin.bridge.imap.session.mailboxes import DELIMITER, INBOX, Mailboxes, MailFolderError

NO_SELECT = "\\Noselect"


def folder_replies(mailboxes: Mailboxes, command: Command) -> Replies:
    """Carry out a command on folders; one that is for something else has nothing left to do."""
    match command.arguments:
        case OnFolder() as asked:
            return change_folder(mailboxes, command.verb, asked)
        case Rename() as asked:
            return rename_folder(mailboxes, asked)
        case List() as asked:
            return (yield from list_folders(mailboxes, command.verb, asked))
        case AskStatus() as asked:
            return (yield from tell_status(mailboxes, asked))
        case Append() as asked:
            return append_message(mailboxes, asked)
        case _:
            return Ending()


def change_folder(mailboxes: Mailboxes, verb: Verb, arguments: OnFolder) -> Ending:
    """CREATE, DELETE, SUBSCRIBE, UNSUBSCRIBE."""
    match verb:
        case Verb.CREATE:
            # A delimiter at the end says only that folders will come below (RFC 3501 section 6.3.3).
            name = arguments.folder.removesuffix(DELIMITER)
            _check_new(name)
            mailboxes.create(name)
        case Verb.DELETE:
            mailboxes.delete(arguments.folder)
        case _:
            mailboxes.subscribe(arguments.folder, verb is Verb.SUBSCRIBE)
    return Ending()


def rename_folder(mailboxes: Mailboxes, arguments: Rename) -> Ending:
    """RENAME."""
    _check_new(arguments.new)
    if arguments.new.startswith(arguments.old + DELIMITER):
        raise MailFolderError("a folder cannot be moved below itself")
    mailboxes.rename(arguments.old, arguments.new)
    return Ending()


def _check_new(name: str) -> None:
    if "" in name.split(DELIMITER) or not name.isprintable():
        raise MailFolderError(
            f"each level of a new name, divided by '{DELIMITER}', has one or more printable characters"
        )


def list_folders(mailboxes: Mailboxes, verb: Verb, arguments: List) -> Replies:
    """LIST and LSUB. Every answer tells what a folder is for (RFC 6154 section 2)."""
    if not arguments.pattern and verb is Verb.LIST:
        # The client asks for the delimiter (RFC 3501 section 6.3.8).
        yield untagged(b'LIST (\\Noselect) "/" ""')
        return Ending()
    pattern = arguments.reference + arguments.pattern
    subscribed = verb is Verb.LSUB or arguments.subscribed_only
    for name, attributes in _listed(mailboxes, subscribed):
        fits = pattern_fits(pattern.upper() if name == INBOX else pattern, encode_name(name))
        if not fits or (arguments.special_only and not [a for a in attributes if a != NO_SELECT]):
            yield b""
            continue
        shown = encode_list(attribute.encode("ascii") for attribute in attributes)
        yield untagged(b'%b %b "/" %b' % (verb.value.encode(), shown, encode_folder(name)))
    return Ending()


def _listed(mailboxes: Mailboxes, subscribed: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    folders = [folder for folder in mailboxes.folders() if folder.subscribed or not subscribed]
    names = {folder.name for folder in folders}
    for folder in folders:
        yield folder.name, (folder.special_use,) if folder.special_use else ()
    # A level above a subscribed folder is told, so that the folder can be reached (RFC 3501 section 6.3.9).
    levels = {name.rsplit(DELIMITER, depth)[0] for name in names for depth in range(1, name.count(DELIMITER) + 1)}
    for name in sorted(levels - names):
        yield name, (NO_SELECT,)


def pattern_fits(pattern: bytes, name: bytes) -> bool:
    """Tell whether a name fits: `*` stands for anything, `%` for anything within one level.

    All places in the pattern that the name may have reached move on together, so that no pattern takes long. A regular
    expression would try them one after the other, and many `*` would keep it busy for years.
    """
    reached = _with_empty_wildcards(pattern, {0})
    for byte in name:
        moved = set()
        for at in reached:
            if at == len(pattern):
                continue
            if pattern[at] == ord("*") or (pattern[at] == ord("%") and byte != ord(DELIMITER)):
                moved.add(at)
            elif pattern[at] == byte:
                moved.add(at + 1)
        reached = _with_empty_wildcards(pattern, moved)
    return len(pattern) in reached


def _with_empty_wildcards(pattern: bytes, reached: set[int]) -> set[int]:
    found = set(reached)
    for at in reached:
        while at < len(pattern) and pattern[at] in b"*%":
            at += 1
            found.add(at)
    return found


def tell_status(mailboxes: Mailboxes, arguments: AskStatus) -> Replies:
    """STATUS."""
    state = mailboxes.state(arguments.folder)
    values = {
        "MESSAGES": state.messages,
        "RECENT": 0,
        "UIDNEXT": state.uid_next,
        "UIDVALIDITY": state.uid_validity,
        "UNSEEN": state.unseen,
    }
    items = encode_list(b"%b %d" % (item.encode(), values[item]) for item in arguments.items)
    yield untagged(b"STATUS %b %b" % (encode_folder(arguments.folder), items))
    return Ending()


def append_message(mailboxes: Mailboxes, arguments: Append) -> Ending:
    """APPEND, with the new UID (RFC 4315 section 3)."""
    uid = mailboxes.append(arguments.folder, arguments.message, arguments.flags, arguments.at)
    return Ending(code=b"APPENDUID %d %d" % (mailboxes.state(arguments.folder).uid_validity, uid))
