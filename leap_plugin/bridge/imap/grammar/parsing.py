"""From the text of a command to its value: one rule for each verb (RFC 3501 section 9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from leap_plugin.bridge.imap.grammar.commands import (
    Append,
    Arguments,
    AskStatus,
    Authenticate,
    Command,
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
    Verb,
)
from leap_plugin.bridge.imap.grammar.fetching import parse_fetch_items
from leap_plugin.bridge.imap.grammar.lines import RawCommand, tag_of
from leap_plugin.bridge.imap.grammar.scanner import Scanner
from leap_plugin.bridge.imap.grammar.searching import parse_search
from loopixmix.errors import FormatError

STATUS_ITEMS = ("MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN")
_BY_UID = (Verb.COPY, Verb.EXPUNGE, Verb.FETCH, Verb.MOVE, Verb.SEARCH, Verb.STORE)
_MOST_ID_PAIRS = 30


def parse_command(raw: RawCommand) -> Command:
    """Return the command that was written; raises FormatError if it is none."""
    tag = tag_of(raw.parts[0])
    if tag is None:
        raise FormatError("a command is a tag, a space and a name")
    scanner = Scanner((raw.parts[0][len(tag) + 1 :], *raw.parts[1:]))
    by_uid = scanner.skip(b"UID ")
    name = scanner.word()
    if name not in Verb.__members__ or (by_uid and Verb[name] not in _BY_UID):
        raise FormatError("there is no such command")
    verb = Verb[name]
    arguments = _arguments(scanner, verb, by_uid)
    scanner.end()
    return Command(tag, verb, arguments)


def _arguments(scanner: Scanner, verb: Verb, by_uid: bool) -> Arguments:
    if verb in _RULES:
        scanner.space()
        return _RULES[verb](scanner)
    if verb in _NUMBERED:
        scanner.space()
        return _NUMBERED[verb](scanner, by_uid)
    if by_uid:
        scanner.space()
        return UidExpunge(scanner.numbers())
    return Plain()


def _on_folder(scanner: Scanner) -> OnFolder:
    return OnFolder(scanner.folder())


def _login(scanner: Scanner) -> Login:
    user = scanner.astring()
    scanner.space()
    return Login(user, scanner.astring())


def _authenticate(scanner: Scanner) -> Authenticate:
    mechanism = scanner.word()
    # "=" stands for an empty first response (RFC 4959 section 3). Base64 is an atom.
    return Authenticate(mechanism, scanner.atom() if scanner.skip(b" ") else None)


def _rename(scanner: Scanner) -> Rename:
    old = scanner.folder()
    scanner.space()
    return Rename(old, scanner.folder())


def _plain_list(scanner: Scanner) -> List:
    reference = scanner.pattern()
    scanner.space()
    return List(reference, scanner.pattern())


def _list(scanner: Scanner) -> List:
    chosen = _options(scanner, ("SPECIAL-USE", "SUBSCRIBED")) if scanner.next_is(b"(") else frozenset()
    if chosen or scanner.next_is(b" "):
        scanner.space()
    plain = _plain_list(scanner)
    if scanner.skip(b" RETURN "):
        # Every answer tells the uses; the other choice is of LIST-EXTENDED, which is not offered.
        _options(scanner, ("SPECIAL-USE",))
    return List(plain.reference, plain.pattern, "SPECIAL-USE" in chosen, "SUBSCRIBED" in chosen)


def _options(scanner: Scanner, known: tuple[str, ...]) -> frozenset[str]:
    scanner.expect(b"(")
    found: set[str] = set()
    while not scanner.skip(b")"):
        if found:
            scanner.space()
        word = scanner.word()
        if word not in known or word in found:
            raise scanner.refusal(f"a choice of {', '.join(known)}")
        found.add(word)
    return frozenset(found)


def _status(scanner: Scanner) -> AskStatus:
    folder = scanner.folder()
    scanner.space()
    scanner.expect(b"(")
    items = [scanner.word()]
    while scanner.skip(b" "):
        items.append(scanner.word())
    scanner.expect(b")")
    if not set(items) <= set(STATUS_ITEMS):
        raise scanner.refusal(f"items of {', '.join(STATUS_ITEMS)}")
    return AskStatus(folder, tuple(dict.fromkeys(items)))


def _append(scanner: Scanner) -> Append:
    folder = scanner.folder()
    scanner.space()
    flags, at = frozenset[str](), None
    if scanner.next_is(b"("):
        flags = scanner.flags()
        scanner.space()
    if scanner.next_is(b'"'):
        at = scanner.date_time()
        scanner.space()
    return Append(folder, flags, at, scanner.literal())


def _id(scanner: Scanner) -> Plain:
    # RFC 2971 section 3.1. What the client says of itself is checked and forgotten.
    if not scanner.skip(b"NIL"):
        scanner.expect(b"(")
        pairs = 0
        while not scanner.skip(b")"):
            if pairs:
                scanner.space()
            scanner.string()
            scanner.space()
            scanner.nstring()
            pairs += 1
            if pairs > _MOST_ID_PAIRS:
                raise scanner.refusal(f"at most {_MOST_ID_PAIRS} fields")
    return Plain()


def _fetch(scanner: Scanner, by_uid: bool) -> FetchItems:
    numbers = scanner.numbers()
    scanner.space()
    return FetchItems(numbers, parse_fetch_items(scanner), by_uid)


def _store(scanner: Scanner, by_uid: bool) -> StoreFlags:
    numbers = scanner.numbers()
    scanner.space()
    sign = "+" if scanner.skip(b"+") else "-" if scanner.skip(b"-") else ""
    scanner.expect(b"FLAGS")
    silent = scanner.skip(b".SILENT")
    scanner.space()
    flags = scanner.flags() if scanner.next_is(b"(") else scanner.bare_flags()
    return StoreFlags(numbers, sign, silent, flags, by_uid)


def _search(scanner: Scanner, by_uid: bool) -> Search:
    charset = "US-ASCII"
    if scanner.skip(b"CHARSET "):
        charset = scanner.astring().decode("ascii", "replace").upper()
        scanner.space()
    return Search(charset, parse_search(scanner), by_uid)


def _transfer(scanner: Scanner, by_uid: bool) -> CopyOrMove:
    numbers = scanner.numbers()
    scanner.space()
    return CopyOrMove(numbers, scanner.folder(), by_uid)


_RULES: Mapping[Verb, Callable[[Scanner], Arguments]] = {
    Verb.APPEND: _append,
    Verb.AUTHENTICATE: _authenticate,
    Verb.CREATE: _on_folder,
    Verb.DELETE: _on_folder,
    Verb.EXAMINE: _on_folder,
    Verb.ID: _id,
    Verb.LIST: _list,
    Verb.LOGIN: _login,
    Verb.LSUB: _plain_list,
    Verb.RENAME: _rename,
    Verb.SELECT: _on_folder,
    Verb.STATUS: _status,
    Verb.SUBSCRIBE: _on_folder,
    Verb.UNSUBSCRIBE: _on_folder,
}
_NUMBERED: Mapping[Verb, Callable[[Scanner, bool], Arguments]] = {
    Verb.COPY: _transfer,
    Verb.FETCH: _fetch,
    Verb.MOVE: _transfer,
    Verb.SEARCH: _search,
    Verb.STORE: _store,
}
