"""The commands of a client as values (RFC 3501 section 6, and the extensions that each class names)."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

from leap_plugin.bridge.imap.grammar.fetching import FetchItem
from leap_plugin.bridge.imap.grammar.searching import SearchKey
from leap_plugin.bridge.imap.grammar.sequences import NumberSet


class Verb(enum.Enum):
    """What a command is called. `UID` is not among them: it says how numbers are meant."""

    APPEND = "APPEND"
    AUTHENTICATE = "AUTHENTICATE"
    CAPABILITY = "CAPABILITY"
    CHECK = "CHECK"
    CLOSE = "CLOSE"
    COPY = "COPY"
    CREATE = "CREATE"
    DELETE = "DELETE"
    EXAMINE = "EXAMINE"
    EXPUNGE = "EXPUNGE"
    FETCH = "FETCH"
    ID = "ID"
    IDLE = "IDLE"
    LIST = "LIST"
    LOGIN = "LOGIN"
    LOGOUT = "LOGOUT"
    LSUB = "LSUB"
    MOVE = "MOVE"
    NAMESPACE = "NAMESPACE"
    NOOP = "NOOP"
    RENAME = "RENAME"
    SEARCH = "SEARCH"
    SELECT = "SELECT"
    STARTTLS = "STARTTLS"
    STATUS = "STATUS"
    STORE = "STORE"
    SUBSCRIBE = "SUBSCRIBE"
    UNSELECT = "UNSELECT"
    UNSUBSCRIBE = "UNSUBSCRIBE"


@dataclass(frozen=True)
class Plain:
    """A command without arguments (or, as ID, with arguments that change nothing)."""


@dataclass(frozen=True)
class Login:
    """LOGIN (RFC 3501 section 6.2.3)."""

    user: bytes
    password: bytes = field(repr=False)


@dataclass(frozen=True)
class Authenticate:
    """AUTHENTICATE, with a first response if the client gave one (RFC 4959)."""

    mechanism: str
    initial: bytes | None = field(repr=False)


@dataclass(frozen=True)
class OnFolder:
    """SELECT, EXAMINE, CREATE, DELETE, SUBSCRIBE and UNSUBSCRIBE."""

    folder: str


@dataclass(frozen=True)
class Rename:
    """RENAME (RFC 3501 section 6.3.5)."""

    old: str
    new: str


@dataclass(frozen=True)
class List:
    """LIST and LSUB, with the choices of RFC 6154 section 2."""

    reference: bytes
    pattern: bytes
    special_only: bool = False
    subscribed_only: bool = False


@dataclass(frozen=True)
class AskStatus:
    """STATUS (RFC 3501 section 6.3.10)."""

    folder: str
    items: tuple[str, ...]


@dataclass(frozen=True)
class Append:
    """APPEND (RFC 3501 section 6.3.11); without a date the time of arrival counts."""

    folder: str
    flags: frozenset[str]
    at: datetime | None
    message: bytes = field(repr=False)


@dataclass(frozen=True)
class FetchItems:
    """FETCH (RFC 3501 section 6.4.5)."""

    numbers: NumberSet
    items: tuple[FetchItem, ...]
    by_uid: bool = False


@dataclass(frozen=True)
class StoreFlags:
    """STORE (RFC 3501 section 6.4.6): `sign` is "+", "-" or "" (exactly these flags)."""

    numbers: NumberSet
    sign: str
    silent: bool
    flags: frozenset[str]
    by_uid: bool = False


@dataclass(frozen=True)
class Search:
    """SEARCH (RFC 3501 section 6.4.4)."""

    charset: str
    key: SearchKey
    by_uid: bool = False


@dataclass(frozen=True)
class CopyOrMove:
    """COPY (RFC 3501 section 6.4.7) and MOVE (RFC 6851)."""

    numbers: NumberSet
    folder: str
    by_uid: bool = False


@dataclass(frozen=True)
class UidExpunge:
    """UID EXPUNGE (RFC 4315 section 2.1)."""

    numbers: NumberSet


Arguments = (
    Plain
    | Login
    | Authenticate
    | OnFolder
    | Rename
    | List
    | AskStatus
    | Append
    | FetchItems
    | StoreFlags
    | Search
    | CopyOrMove
    | UidExpunge
)


@dataclass(frozen=True)
class Command:
    """A command, and the tag that its last response bears."""

    tag: bytes
    verb: Verb
    arguments: Arguments
