"""One connection of a mail program: bytes in, bytes out, and no socket anywhere."""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from leap_plugin.bridge.imap.grammar.commands import (
    Authenticate,
    Command,
    CopyOrMove,
    FetchItems,
    Login,
    OnFolder,
    Plain,
    Search,
    StoreFlags,
    UidExpunge,
    Verb,
)
from leap_plugin.bridge.imap.grammar.lines import (
    BareLine,
    CommandReader,
    Limits,
    LiteralWanted,
    NoCommand,
    RawCommand,
    tag_of,
)
from leap_plugin.bridge.imap.grammar.parsing import parse_command
from leap_plugin.bridge.imap.grammar.responses import tagged, untagged
from leap_plugin.bridge.imap.session.ending import Ending, Replies, ending_of
from leap_plugin.bridge.imap.session.folders import folder_replies
from leap_plugin.bridge.imap.session.mailboxes import (
    Accounts,
    Mailboxes,
    NoFolderError,
)
from leap_plugin.bridge.imap.session.messages import SelectedMessages
from leap_plugin.bridge.imap.session.selected import SelectedFolder
from leap_plugin.bridge.imap.session.states import ALLOWED, Privacy, State, capabilities
from leap_plugin.bridge.receiving_room import ReceivingRoom
from loopixmix.errors import FormatError, LoopixmixError

MOST_BAD = 20
"""Commands that are none, one after the other, before the connection ends."""
MOST_WRONG_PASSWORDS = 3
_MAY_CREATE = (Verb.APPEND, Verb.COPY, Verb.MOVE)
_ON_MESSAGES = (Verb.CLOSE, Verb.COPY, Verb.EXPUNGE, Verb.FETCH, Verb.MOVE, Verb.SEARCH, Verb.STORE)


@dataclass(frozen=True)
class _Waiting:
    """A command that goes on with a line of the client's: IDLE or AUTHENTICATE."""

    tag: bytes
    verb: Verb


class ImapSession:
    """Answers one client.

    `receive` takes bytes; after it, and once at the beginning, whoever holds the connection sends all that `output`
    yields, and reads on only then. Answers are made while they are taken, so a long one needs little memory. No input
    raises an error; when `ended` is true the connection is to be closed. An empty piece of output says nothing: in long
    work it is an occasion to stop, or to let others work.
    """

    def __init__(
        self,
        accounts: Accounts,
        limits: Limits | None = None,
        *,
        privacy: Privacy = Privacy.IN_CLEAR,
        room: ReceivingRoom | None = None,
        seconds: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`accounts`: who may log in. `limits`: how much a client may send. `privacy`: what the connection is.

        `room`: for mails that are being received, shared with other sessions. `seconds`: tells how long work takes;
        without it nothing takes too long.
        """
        self._seconds = seconds
        self._accounts = accounts
        self._limits = limits or Limits()
        self._room = room or ReceivingRoom()
        self._reader = CommandReader(self._limits, self._room)
        self._privacy = privacy
        self._starts_tls = False
        self._state = State.NOT_AUTHENTICATED
        self._mailboxes: Mailboxes | None = None
        self._selected: SelectedFolder | None = None
        self._messages: SelectedMessages | None = None
        self._waiting: _Waiting | None = None
        self._greeted = False
        self._bad = 0
        self._wrong_passwords = 0

    @property
    def state(self) -> State:
        """Where the connection stands."""
        return self._state

    @property
    def ended(self) -> bool:
        """Whether nothing more will be read or said."""
        return self._state is State.LOGOUT

    @property
    def mailboxes(self) -> Mailboxes | None:
        """The folders of the user, once the client has logged in."""
        return self._mailboxes

    @property
    def wrong_passwords(self) -> int:
        """How many the client has given."""
        return self._wrong_passwords

    @property
    def idles(self) -> bool:
        """Whether the client waits for news."""
        return self._waiting is not None and self._waiting.verb is Verb.IDLE

    @property
    def starts_tls(self) -> bool:
        """Whether TLS is to begin now; all that came before it counts for nothing, and `secured` is to be called."""
        return self._starts_tls

    def secured(self) -> None:
        """The connection has TLS from now on."""
        # What somebody put in before the client's own TLS must not be read as if the client had said it.
        self._reader = CommandReader(self._limits, self._room)
        self._starts_tls, self._privacy = False, Privacy.TLS

    def lost(self) -> None:
        """The connection is gone, and no work on it goes on."""
        self._reader.forget_room()

    def receive(self, data: bytes) -> None:
        """Take bytes from the client."""
        if not self.ended:
            self._reader.feed(data)

    def output(self) -> Iterator[bytes]:
        """Yield what is to be sent, until more input is needed."""
        if not self._greeted:
            self._greeted = True
            yield tagged(b"*", "OK", "LoopixMix is ready", self._capability_code())
        while not self.ended and not self._starts_tls:
            match self._reader.next_input(bare=self._waiting is not None):
                case None:
                    return
                case LiteralWanted():
                    yield b"+ send the literal\r\n"
                case BareLine(line):
                    yield from self._go_on(line)
                case RawCommand() as raw:
                    yield from self._command(raw)
                case NoCommand() as refused:
                    yield from self._refuse(refused)

    def news(self) -> Iterator[bytes]:
        """Yield what changed in the selected folder, if the client idles: to be called at each change (RFC 2177)."""
        if self.idles:
            yield from self._tell_news(expunges=True)

    def _capability_code(self) -> bytes:
        return b"CAPABILITY " + capabilities(self._privacy)

    # -- Input that is no command, or only a part of one.

    def _refuse(self, refused: NoCommand) -> Iterator[bytes]:
        waiting, self._waiting = self._waiting, None
        tag = waiting.tag if waiting else refused.tag
        code = b"TOOBIG" if refused.too_big else b"UNAVAILABLE" if refused.crowded else b""
        yield tagged(tag or b"*", "NO" if code and tag else "BAD", refused.reason, code)
        if not refused.crowded:
            yield from self._count_bad()
        if refused.fatal and not self.ended:
            yield from self._bye("what follows cannot be read")

    def _count_bad(self) -> Iterator[bytes]:
        self._bad += 1
        if self._bad >= MOST_BAD:
            yield from self._bye("too many commands that are none")

    def _bye(self, reason: str) -> Iterator[bytes]:
        self._leave(State.LOGOUT)
        yield tagged(b"*", "BYE", reason)

    def _go_on(self, line: bytes) -> Iterator[bytes]:
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return
        if waiting.verb is Verb.AUTHENTICATE:
            yield from self._authenticate(waiting.tag, line)
        elif line.upper() == b"DONE":
            yield from self._finish(Command(waiting.tag, Verb.IDLE, Plain()), Ending())
        else:
            yield tagged(waiting.tag, "BAD", "DONE ends IDLE")
            yield from self._count_bad()

    # -- Commands.

    def _command(self, raw: RawCommand) -> Iterator[bytes]:
        tag = tag_of(raw.parts[0]) or b"*"
        try:
            command = parse_command(raw)
            if command.verb not in ALLOWED[self._state]:
                raise FormatError(f"{command.verb.value} is not for the state '{self._state.value}'")
            outcome = yield from self._run(command)
        except FormatError as error:
            yield tagged(tag, "BAD", str(error))
            yield from self._count_bad()
            return
        self._bad = 0
        if outcome is not None:
            yield from self._finish(command, outcome)

    def _run(self, command: Command) -> Generator[bytes, None, Ending | None]:
        """Carry a command out; None means that nothing is left to say, or that the client has to go on."""
        match command.arguments:
            case Login(user, password):
                yield from self._log_in(command.tag, user, password)
                return None
            case Authenticate(mechanism, initial):
                yield from self._begin_authenticate(command.tag, mechanism, initial)
                return None
        match command.verb:
            case Verb.LOGOUT:
                yield from self._bye("until next time")
                yield tagged(command.tag, "OK", "done")
                return None
            case Verb.STARTTLS:
                return self._start_tls()
            case Verb.IDLE:
                self._waiting = _Waiting(command.tag, Verb.IDLE)
                yield b"+ idling\r\n"
                yield from self.news()
                return None
        try:
            return (yield from self._replies(command))
        except FormatError:
            raise
        except LoopixmixError as error:
            return ending_of(error, creates=command.verb in _MAY_CREATE)

    def _start_tls(self) -> Ending:
        if self._privacy not in (Privacy.TLS_OFFERED, Privacy.TLS_DEMANDED):
            return Ending("TLS cannot begin here", b"CANNOT", done=False)
        self._starts_tls = True
        return Ending("TLS begins")

    def _replies(self, command: Command) -> Replies:
        if self._selected is not None and command.verb in _ON_MESSAGES and not self._selected.is_there():
            # The numbers that the client knows may belong to other messages in a new folder of the same name.
            return Ending("there is no such folder", b"NONEXISTENT", done=False)
        if (messages := self._messages) is not None:
            match command.arguments:
                case FetchItems() as asked:
                    return (yield from messages.fetch(asked))
                case StoreFlags() as asked:
                    return (yield from messages.store(asked))
                case Search() as asked:
                    return (yield from messages.search(asked))
                case CopyOrMove() as asked:
                    return (yield from messages.copy_or_move(command.verb, asked))
                case UidExpunge(numbers):
                    return (yield from messages.expunge(numbers))
            match command.verb:
                case Verb.EXPUNGE:
                    return (yield from messages.expunge(None))
                case Verb.CLOSE:
                    # Nothing is told of what goes here, and from a folder that is only read nothing goes.
                    yield from messages.expunge(None)
                    self._leave(State.AUTHENTICATED)
                case Verb.UNSELECT:
                    self._leave(State.AUTHENTICATED)
        match command.verb:
            case Verb.CAPABILITY:
                yield untagged(self._capability_code())
            case Verb.ID:
                yield untagged(b'ID ("name" "LoopixMix")')
            case Verb.NAMESPACE:
                yield untagged(b'NAMESPACE (("" "/")) NIL NIL')
        if self._mailboxes is not None:
            match command.arguments:
                case OnFolder(folder) if command.verb in (Verb.SELECT, Verb.EXAMINE):
                    return (yield from self._select(self._mailboxes, folder, read_only=command.verb is Verb.EXAMINE))
                case _:
                    return (yield from folder_replies(self._mailboxes, command))
        return Ending()

    def _finish(self, command: Command, outcome: Ending) -> Iterator[bytes]:
        match command.arguments:
            case FetchItems(by_uid=False) | StoreFlags(by_uid=False) | Search(by_uid=False):
                # No number may change while these are answered (RFC 3501 section 7.4.1).
                yield from self._tell_news(expunges=False)
            case _:
                yield from self._tell_news(expunges=True)
        if not self.ended:
            yield tagged(command.tag, "OK" if outcome.done else "NO", outcome.text, outcome.code)

    def _tell_news(self, *, expunges: bool) -> Iterator[bytes]:
        if self._selected is None:
            return
        try:
            yield from self._selected.news(expunges=expunges)
        except NoFolderError:
            # The client's numbers mean nothing any more, and IMAP has no word for that but this.
            yield from self._bye("the selected folder was deleted or renamed")
        except LoopixmixError:
            yield untagged(b"NO the mails cannot be reached")

    def _select(self, mailboxes: Mailboxes, name: str, *, read_only: bool) -> Replies:
        # Whatever comes of it, the folder before is left (RFC 3501 section 6.3.1).
        self._leave(State.AUTHENTICATED)
        selected = SelectedFolder(mailboxes, name, read_only)
        yield from selected.description()
        self._selected = selected
        self._messages = SelectedMessages(
            mailboxes, selected, most_search_s=self._limits.search_s, seconds=self._seconds
        )
        self._state = State.SELECTED
        return Ending("selected", b"READ-ONLY" if read_only else b"READ-WRITE")

    def _leave(self, state: State) -> None:
        self._selected, self._messages, self._waiting, self._state = None, None, None, state

    # -- Logging in.

    def _begin_authenticate(self, tag: bytes, mechanism: str, initial: bytes | None) -> Iterator[bytes]:
        if mechanism != "PLAIN":
            yield tagged(tag, "NO", "the mechanism has to be PLAIN", b"CANNOT")
        elif self._privacy is Privacy.TLS_DEMANDED:
            yield from self._log_in(tag, b"", None)
        elif initial is None:
            self._waiting = _Waiting(tag, Verb.AUTHENTICATE)
            yield b"+ \r\n"
        else:
            yield from self._authenticate(tag, b"" if initial == b"=" else initial)

    def _authenticate(self, tag: bytes, response: bytes) -> Iterator[bytes]:
        """Take the answer to PLAIN (RFC 4616): whom to act for, who it is, and the password."""
        try:
            acts_for, user, password = base64.b64decode(response, validate=True).split(b"\0")
        except ValueError:
            # An asterisk alone comes here too: the client gave up.
            yield tagged(tag, "BAD", "this is no answer to PLAIN")
            yield from self._count_bad()
            return
        yield from self._log_in(tag, user, password if acts_for in (b"", user) else None)

    def _log_in(self, tag: bytes, user: bytes, password: bytes | None) -> Iterator[bytes]:
        if self._privacy is Privacy.TLS_DEMANDED:
            yield tagged(tag, "NO", "STARTTLS comes first", b"PRIVACYREQUIRED")
            return
        try:
            self._mailboxes = None if password is None else self._accounts.open(user, password)
        except LoopixmixError as error:
            yield tagged(tag, "NO", f"the account cannot be opened now: {error}", b"UNAVAILABLE")
            return
        if self._mailboxes is not None:
            self._state, self._reader.takes_messages = State.AUTHENTICATED, True
            yield tagged(tag, "OK", "welcome", self._capability_code())
            return
        yield tagged(tag, "NO", "user or password is wrong", b"AUTHENTICATIONFAILED")
        self._wrong_passwords += 1
        if self._wrong_passwords >= MOST_WRONG_PASSWORDS:
            yield from self._bye("too many wrong passwords")
