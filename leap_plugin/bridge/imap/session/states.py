"""Which commands a client may give in which state (RFC 3501 section 3 and the table of its section 6)."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from leap_plugin.bridge.imap.grammar.commands import Verb

_ALWAYS = b"IMAP4rev1 LITERAL+ SASL-IR ID IDLE NAMESPACE UIDPLUS MOVE UNSELECT SPECIAL-USE"


class Privacy(enum.Enum):
    """What a connection has to do with TLS."""

    IN_CLEAR = "in clear"
    """There is none: the connection does not leave the machine."""
    TLS_OFFERED = "TLS is offered"
    TLS_DEMANDED = "TLS is demanded"
    """Nobody logs in before STARTTLS."""
    TLS = "TLS"


def capabilities(privacy: Privacy) -> bytes:
    """Return what is offered; nothing else is."""
    match privacy:
        case Privacy.TLS_DEMANDED:
            return _ALWAYS + b" STARTTLS LOGINDISABLED"
        case Privacy.TLS_OFFERED:
            return _ALWAYS + b" AUTH=PLAIN STARTTLS"
        case _:
            return _ALWAYS + b" AUTH=PLAIN"


class State(enum.Enum):
    """Where a connection stands."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"


_ANY = frozenset({Verb.CAPABILITY, Verb.NOOP, Verb.LOGOUT, Verb.ID})
_AUTHENTICATED = _ANY | {
    *(Verb.APPEND, Verb.CREATE, Verb.DELETE, Verb.EXAMINE, Verb.IDLE, Verb.LIST, Verb.LSUB, Verb.NAMESPACE),
    *(Verb.RENAME, Verb.SELECT, Verb.STATUS, Verb.SUBSCRIBE, Verb.UNSUBSCRIBE),
}
_SELECTED = _AUTHENTICATED | {
    *(Verb.CHECK, Verb.CLOSE, Verb.COPY, Verb.EXPUNGE, Verb.FETCH, Verb.MOVE, Verb.SEARCH, Verb.STORE, Verb.UNSELECT),
}
ALLOWED: Mapping[State, frozenset[Verb]] = {
    State.NOT_AUTHENTICATED: _ANY | {Verb.LOGIN, Verb.AUTHENTICATE, Verb.STARTTLS},
    State.AUTHENTICATED: _AUTHENTICATED,
    State.SELECTED: _SELECTED,
    State.LOGOUT: frozenset(),
}
