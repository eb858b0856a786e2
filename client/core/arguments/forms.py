"""The form of what an application gives to the client."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from client.api import (
    MAX_BODY_BYTES,
    MAX_BULK_BYTES,
    MAX_LETTERS,
    MAX_REQUEST_BYTES,
    MAX_TIMEOUT_S,
    BadRequestError,
    ClientError,
    Letter,
    TooLongError,
    UnknownMessageError,
)
from client.core.content import KIND_PATTERN
from loopixmix.cards import split_address
from loopixmix.errors import FormatError, MisuseError
from loopixmix.requests.names import check_name
from loopixmix.tokens import TokenKey, decode_token_key
from loopixmix.tokens.exchange import ISSUER_SERVICE, MAX_CREDENTIAL_BYTES
from loopixmix.tokens.keys import check_purpose

MAX_IDEMPOTENCY_KEY_LENGTH = 128
MAX_TOKENS = 1000
"""As many tokens can be ordered at once."""
MAX_NUMBER = 10**18
"""No received message has a higher number."""
MOST_AT_ONCE = 16
"""A program is given so many messages at most before it says what became of one: more would wait in its memory."""
SHORTEST_SHARE_S, USUAL_SHARE_S, LONGEST_SHARE_S = 1.0, 60.0, 3600.0
"""How long a program may have a message before another one is given it."""
LONGEST_AHEAD_S = 366 * 86_400.0
REPLY_PREFIX = "reply:"
"""How the `to` of an answer to an anonymous sender begins; no address does."""

LISTING = "loopixmix client network DIR lists the providers and their services"
NO_ACCOUNT = f"this client has no account yet: register first ({LISTING})"

MAX_TEXT_LENGTH = 512
"""No name, address, fingerprint or other text that is no message has more characters."""

_FAR_S = 1e15
_KIND = re.compile(KIND_PATTERN)
# One that begins with a dot would be taken for a step in a path.
_READER = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_SURROGATES = re.compile("[\ud800-\udfff]")


def check_issuer(issuer: str) -> tuple[str, str]:
    """Return the service and the provider of an issuer of tokens; raise `BadRequestError` if it is none.

    `issuer`: `PROVIDER`, which stands for the service `issuer` there, or `SERVICE@PROVIDER` for another one.
    """
    service, at, provider = issuer.rpartition("@")
    try:
        check_name(provider)
        if at:
            check_name(service)
    except FormatError as error:
        raise BadRequestError(f"an issuer is PROVIDER or SERVICE@PROVIDER: {error}") from error
    # One name for each issuer: the wallet remembers keys by it.
    if service == ISSUER_SERVICE:
        raise BadRequestError(f"the service {ISSUER_SERVICE} of a provider is named by the provider alone: {provider}")
    return service or ISSUER_SERVICE, provider


def check_token_order(issuer: str, purpose: str, count: int, *, credential: str, key: bytes) -> TokenKey | None:
    """Raise `BadRequestError` if an order of tokens is out of bounds; return its key, if it has one."""
    service, _ = check_issuer(issuer)
    try:
        check_purpose(purpose)
        pinned = decode_token_key(key) if key else None
    except (MisuseError, FormatError) as error:
        raise BadRequestError(str(error)) from error
    if pinned is None and service != ISSUER_SERVICE:
        raise BadRequestError(f"the network document has no keys of the service {service}: pin one, by key")
    if not 1 <= count <= MAX_TOKENS:
        raise BadRequestError(f"1 to {MAX_TOKENS} tokens can be ordered at once, not {count}")
    if len(credential.encode()) > MAX_CREDENTIAL_BYTES:
        raise BadRequestError(f"a credential has at most {MAX_CREDENTIAL_BYTES} bytes")
    if pinned is not None and pinned.purpose != purpose:
        raise BadRequestError(f"the key is for {pinned.purpose}, and tokens for {purpose} are wanted")
    return pinned


def check_token_purpose(purpose: str) -> None:
    """Raise `BadRequestError` if no token can be for this purpose."""
    try:
        check_purpose(purpose)
    except MisuseError as error:
        raise BadRequestError(str(error)) from error


def check_token_key(idempotency_key: str) -> None:
    """Raise `BadRequestError` if a token cannot be taken by this idempotency key; an empty one is none."""
    if idempotency_key:
        check_idempotency_key(idempotency_key)


def check_text(name: str, value: object) -> None:
    """Raise `BadRequestError` if `value`, the argument `name`, is no text, or a longer one than anything has."""
    if not isinstance(value, str):
        raise BadRequestError(f"{name} is a str, not {type(value).__name__}")
    if len(value) > MAX_TEXT_LENGTH:
        raise BadRequestError(f"{name} has at most {MAX_TEXT_LENGTH} characters, not {len(value)}")
    # What Python makes of a file name that is no UTF-8: no store and no format takes it.
    if _SURROGATES.search(value):
        raise BadRequestError(f"{name} is no text: it has half of a surrogate pair, as a wrongly decoded file name has")


def check_bytes(name: str, value: object) -> None:
    """Raise `BadRequestError` if `value`, the argument `name`, is no bytes."""
    if not isinstance(value, bytes):
        raise BadRequestError(f"{name} is bytes, not {type(value).__name__}")


def check_flag(name: str, value: object) -> None:
    """Raise `BadRequestError` if `value`, the argument `name`, is no bool."""
    if not isinstance(value, bool):
        raise BadRequestError(f"{name} is True or False, not {type(value).__name__}")


def check_count(name: str, value: object, *, least: int | None = None, most: int | None = None) -> None:
    """Raise `BadRequestError` if `value`, the argument `name`, is no int, or not one from `least` to `most`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadRequestError(f"{name} is an int, not {type(value).__name__}")
    if (least is not None and value < least) or (most is not None and value > most):
        raise BadRequestError(f"{name} is at least {least}" + (f" and at most {most}" if most is not None else ""))


def check_seconds(name: str, value: object) -> None:
    """Raise `BadRequestError` if `value`, the argument `name`, is no number."""
    # Compared, not converted: an int may be too large for a float. A NaN passes no comparison.
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise BadRequestError(f"{name} is a number of seconds, not {type(value).__name__}")
    if not -_FAR_S < value < _FAR_S:
        raise BadRequestError(f"{name} is a number of seconds within the reach of calendars")


def check_timeout(name: str, value: object) -> None:
    """Raise `BadRequestError` if nobody may wait so many seconds for the answer to a request."""
    check_seconds(name, value)
    if isinstance(value, int | float) and not 0 < value <= MAX_TIMEOUT_S:
        raise BadRequestError(f"{name} is over 0 and at most {MAX_TIMEOUT_S:g} seconds, not {value:g}")


def check_after(after: object) -> None:
    """Raise `BadRequestError` if `after` is no number after which something may be told."""
    check_count("after", after, least=0, most=MAX_NUMBER)


def check_body(body: object) -> None:
    """Raise `BadRequestError` if a body is no bytes: a caller without a type checker may give anything."""
    # A memoryview would be taken by some of the code below, and a str by some of the formats.
    if not isinstance(body, bytes):
        raise BadRequestError(f"a body is bytes, not {type(body).__name__}")


def check_size(body_bytes: int) -> None:
    """Raise `TooLongError` or `BadRequestError` if no message has a body of so many bytes."""
    if body_bytes < 0:
        raise BadRequestError(f"a body has no {body_bytes} bytes")
    if body_bytes > MAX_BODY_BYTES:
        raise TooLongError(f"a message has at most {MAX_BODY_BYTES} bytes, not {body_bytes}")


def check_length(body: bytes) -> None:
    """Raise `TooLongError` if the body of a message is too long."""
    if len(body) > MAX_BODY_BYTES:
        raise TooLongError(f"a message has at most {MAX_BODY_BYTES} bytes, not {len(body)}")


def check_letters(letters: Sequence[Letter]) -> None:
    """Raise `TooLongError` or `BadRequestError` if the bodies of a bulk are no bytes, or too much for one call."""
    if len(letters) > MAX_LETTERS:
        raise TooLongError(f"one call takes at most {MAX_LETTERS} messages, not {len(letters)}")
    for letter in letters:
        check_body(letter.body)
    total_bytes = sum(len(letter.body) for letter in letters)
    if total_bytes > MAX_BULK_BYTES:
        raise TooLongError(f"the messages of one call have at most {MAX_BULK_BYTES} bytes, not {total_bytes}")


@contextmanager
def told_of(index: int) -> Iterator[None]:
    """Let an error say which letter of a list it is about, counted from 0."""
    try:
        yield
    except ClientError as error:
        raise type(error)(f"letter {index}: {error}") from error


def check_letter(letter: Letter, *, now_s: float) -> None:
    """Raise `TooLongError` or `BadRequestError` if a message to send has the wrong form, or its times do."""
    check_body(letter.body)
    check_length(letter.body)
    check_kind(letter.kind)
    check_idempotency_key(letter.idempotency_key)
    check_times(letter.not_before_s, letter.deadline_s, now_s=now_s)


def check_kind(kind: str) -> None:
    """Raise `BadRequestError` if no message can be of this kind."""
    check_text("kind", kind)
    if not _KIND.search(kind):
        raise BadRequestError("a kind has 1 to 64 characters of a-z 0-9 . - / _")


def check_reader(name: str) -> None:
    """Raise `BadRequestError` if no reader can have this name; an empty one stands for the reader without a name."""
    check_text("reader", name)
    if name and not _READER.fullmatch(name):
        raise BadRequestError(
            "the name of a reader has 1 to 64 characters of a-z 0-9 . - _, and begins with a-z or 0-9"
        )


def check_named_reader(name: str) -> None:
    """Raise `BadRequestError` if this is no name of a reader."""
    check_reader(name)
    if not name:
        raise BadRequestError("the reader without a name cannot be removed")


def check_share(at_once: int, within_s: float) -> None:
    """Raise `BadRequestError` if a program asks for too many messages at once, or for too long."""
    check_seconds("within_s", within_s)
    if not 1 <= at_once <= MOST_AT_ONCE:
        raise BadRequestError(f"at_once is a number from 1 to {MOST_AT_ONCE}, not {at_once}")
    if not SHORTEST_SHARE_S <= within_s <= LONGEST_SHARE_S:
        raise BadRequestError(
            f"within_s is a number of seconds from {SHORTEST_SHARE_S:g} to {LONGEST_SHARE_S:g}, not {within_s:g}"
        )


def check_unsigned(letter: Letter) -> None:
    """Raise `BadRequestError` if a message would be signed with an address, as a guest cannot."""
    if not letter.anonymous and not letter.to.startswith(REPLY_PREFIX):
        raise BadRequestError("a guest has no address to sign with: send the message anonymously")


def check_idempotency_key(idempotency_key: str) -> None:
    """Raise `BadRequestError` if an idempotency key is empty or too long."""
    if not 1 <= len(idempotency_key) <= MAX_IDEMPOTENCY_KEY_LENGTH:
        raise BadRequestError(f"an idempotency key has 1 to {MAX_IDEMPOTENCY_KEY_LENGTH} characters")


def check_request(body: object) -> None:
    """Raise `BadRequestError` or `TooLongError` if the body of a request is no bytes, or too long."""
    check_body(body)
    if isinstance(body, bytes):
        check_request_size(len(body))


def check_request_size(length_bytes: int, *, of: str = "a request") -> None:
    """Raise `TooLongError` if a request, or an answer, has over `MAX_REQUEST_BYTES`; `BadRequestError` below 0."""
    if length_bytes < 0:
        raise BadRequestError(f"{of} has 0 bytes or more, not {length_bytes}")
    if length_bytes > MAX_REQUEST_BYTES:
        raise TooLongError(f"{of} has at most {MAX_REQUEST_BYTES} bytes, not {length_bytes}")


def check_address(address: str) -> tuple[str, str]:
    """Return the name and the provider of an address; raise `BadRequestError` if it is none."""
    try:
        return split_address(address)
    except FormatError as error:
        raise BadRequestError(str(error)) from error


def no_such_place(address: str) -> str:
    """Return what to tell a user whose address is at no provider and no mail domain of the network."""
    return f"this network has no provider or mail domain {address.partition('@')[2]}: {LISTING}"


def no_such_provider(name: str) -> str:
    """Return what to tell a user who names a provider that the network does not have."""
    return f"this network has no provider {name}: {LISTING}"


def no_such_service(service: str) -> str:
    """Return what to tell a user who asks a service that no provider of the network offers."""
    return f"no provider of this network offers {service}: {LISTING}"


def plain_fingerprint(text: str) -> str:
    """Return a fingerprint as it was read out or typed, without spaces and dashes."""
    return "".join(text.lower().replace("-", " ").split())


def check_number(number: int) -> None:
    """Raise `UnknownMessageError` if no received message can have this number."""
    if not 0 < number <= MAX_NUMBER:
        raise UnknownMessageError(f"there is no received message {number}")


def check_step(after: int | None, newest: int) -> int:
    """Return the step after which to begin, the newest one for None; raise `BadRequestError` if there was none such."""
    if after is None:
        return newest
    if not 0 <= after <= newest:
        raise BadRequestError(f"there was no step {after} yet: the newest is {newest}")
    return after


def check_end(after: int, newest: int) -> None:
    """Raise `BadRequestError` if no request has ended with the number `after` yet; all ends come after 0."""
    if after > newest:
        raise BadRequestError(f"no request has ended with the number {after} yet: the newest is {newest}")


def check_times(not_before_s: float | None, deadline_s: float | None, *, now_s: float) -> None:
    """Raise `BadRequestError` if nothing could be sent between the two, or they are further ahead than a year."""
    last_s = now_s + LONGEST_AHEAD_S
    for name, at_s in (("not_before_s", not_before_s), ("deadline_s", deadline_s)):
        # Written so that no number that is none (NaN) passes.
        if at_s is not None and not 0 <= at_s <= last_s:
            raise BadRequestError(f"{name} is a time up to a year ahead, in seconds since 1970, not {at_s:g}")
    if deadline_s is not None and deadline_s <= now_s:
        raise BadRequestError(f"the deadline passed {now_s - deadline_s:.0f} s ago")
    if deadline_s is not None and not_before_s is not None and deadline_s <= not_before_s:
        raise BadRequestError(f"the deadline is {not_before_s - deadline_s:.0f} s before the message may leave")
