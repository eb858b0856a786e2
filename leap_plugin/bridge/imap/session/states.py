"""Which commands a client may give in which state (RFC 3501 section 3 and the table of its section 6)."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from leap_plugin.bridge.imap.grammar.commands import Verb

CAPABILITIES = b"IMAP4rev1 LITERAL+ SASL-IR AUTH=PLAIN ID IDLE NAMESPACE UIDPLUS MOVE UNSELECT SPECIAL-USE"
"""What is offered, and nothing else is."""


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
    State.NOT_AUTHENTICATED: _ANY | {Verb.LOGIN, Verb.AUTHENTICATE},
    State.AUTHENTICATED: _AUTHENTICATED,
    State.SELECTED: _SELECTED,
    State.LOGOUT: frozenset(),
}
