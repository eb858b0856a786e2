"""What every implementation of `client.api.Client` refuses, and by which error: one table, asked of each of them.

A test module makes a subclass of `RefusalContract` whose name starts with `Test` and gives it a fixture `world`.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from client.api import (
    MAX_BODY_BYTES,
    MAX_REQUEST_BYTES,
    BadRequestError,
    ClientError,
    Letter,
    NotRegisteredError,
    TooLongError,
    UnknownContactError,
    UnknownMessageError,
    UnknownRequestError,
    UnknownServiceError,
)
from tests.worlds.clients.contract import BOB, World

Try: TypeAlias = Callable[[Any], Awaitable[object]]
"""Does something with a client, of any type: a program without a type checker may give anything."""

LONE_SURROGATE = "\ud800"
"""What Python makes of a file name that is no UTF-8; no text has it."""
LONG_TEXT = "x" * 100_000
NO_TEXTS: tuple[object, ...] = (None, 5, b"bytes", ["list"], LONE_SURROGATE, LONG_TEXT)
NO_BODIES: tuple[object, ...] = ("text", bytearray(b"x"), memoryview(b"x"), None, 5)
NO_TIMEOUTS: tuple[object, ...] = (0, -1, 3600.1, 3601, math.nan, math.inf, "5", None, 10**400)
NO_TIMES: tuple[object, ...] = (math.nan, math.inf, -1.0, 10**400, "5", 1e17)
NO_ADDRESSES = ("", "bob", "@away", "Bob@away", "bob@away@home", "bob@away/..", "../x@away", "b\0b@away")
NO_IDS = ("", "00", "0" * 31, "../status", "0" * 32 + "/cancel", "ä" * 32, "A" * 32)
NO_KINDS: tuple[object, ...] = ("", "Mail", "mail kind", "m" * 65, "mäil", "mail\n", *NO_TEXTS)
NO_KEYS: tuple[object, ...] = ("", "k" * 129, *NO_TEXTS)
NO_SERVICES = ("nothing", "echo@nowhere", "", "echo@", "@home", "echo@home@home", "Echo", "echo/..")


def send(**changed: object) -> Try:
    """Send a message with arguments of which some are changed."""
    named: dict[str, object] = {"kind": "text", "idempotency_key": "1"} | changed
    to, body = named.pop("to", BOB), named.pop("body", b"x")
    return lambda client: client.send(to, body, **named)


def send_many(**changed: object) -> Try:
    """Send two messages, of which the second has changed fields."""
    good: dict[str, Any] = {"to": BOB, "body": b"x", "kind": "text", "idempotency_key": "many-1"}
    other = good | {"idempotency_key": "many-2"} | changed
    return lambda client: client.send_many([Letter(**good), Letter(**other)])


def post(**changed: object) -> Try:
    """Post a request with arguments of which some are changed."""
    named: dict[str, object] = {"idempotency_key": "1"} | changed
    service, body = named.pop("service", "echo"), named.pop("body", b"x")
    return lambda client: client.post_request(service, body, **named)


def ask(service: object = "echo", body: object = b"x", timeout_s: object = 5) -> Try:
    """Ask a service."""
    return lambda client: client.request(service, body, timeout_s=timeout_s)


def do(method: str, *arguments: object, **named: object) -> Try:
    """Call a method."""
    return lambda client: getattr(client, method)(*arguments, **named)


def refusals() -> dict[str, tuple[Try, type[ClientError]]]:
    """Return what is refused of Alice, who has Bob as a contact, by a name."""
    table: dict[str, tuple[Try, type[ClientError]]] = {}

    def refuse(name: str, values: tuple[object, ...], make: Callable[[Any], Try], error: type[ClientError]) -> None:
        for value in values:
            shown = ascii(value)
            table[f"{name}={shown if len(shown) < 30 else shown[:20] + '...'}"] = (make(value), error)

    for name, how in (("send", send), ("send_many", send_many)):
        refuse(f"{name}:body", NO_BODIES, lambda value, how=how: how(body=value), BadRequestError)
        refuse(f"{name}:kind", NO_KINDS, lambda value, how=how: how(kind=value), BadRequestError)
        refuse(f"{name}:idempotency_key", NO_KEYS, lambda value, how=how: how(idempotency_key=value), BadRequestError)
        refuse(f"{name}:not_before_s", NO_TIMES, lambda value, how=how: how(not_before_s=value), BadRequestError)
        refuse(f"{name}:deadline_s", NO_TIMES, lambda value, how=how: how(deadline_s=value), BadRequestError)
        refuse(f"{name}:to", NO_TEXTS, lambda value, how=how: how(to=value), BadRequestError)
        refuse(f"{name}:to", NO_ADDRESSES, lambda value, how=how: how(to=value), UnknownContactError)
        refuse(f"{name}:anonymous", ("true", None, 1), lambda value, how=how: how(anonymous=value), BadRequestError)
    refuse("send:body", (bytes(MAX_BODY_BYTES + 1),), lambda value: send(body=value), TooLongError)
    refuse("send_many:letters", (None, 5, "text", [5], [None]), lambda value: do("send_many", value), BadRequestError)

    refuse("post_request:body", NO_BODIES, lambda value: post(body=value), BadRequestError)
    refuse("post_request:idempotency_key", NO_KEYS, lambda value: post(idempotency_key=value), BadRequestError)
    refuse("post_request:not_before_s", NO_TIMES, lambda value: post(not_before_s=value), BadRequestError)
    refuse("post_request:deadline_s", NO_TIMES, lambda value: post(deadline_s=value), BadRequestError)
    refuse("post_request:service", NO_SERVICES, lambda value: post(service=value), UnknownServiceError)
    refuse("post_request:service", NO_TEXTS, lambda value: post(service=value), BadRequestError)
    refuse("post_request:body", (bytes(MAX_REQUEST_BYTES + 1),), lambda value: post(body=value), TooLongError)

    refuse("request:timeout_s", NO_TIMEOUTS, lambda value: ask(timeout_s=value), BadRequestError)
    refuse("request:body", NO_BODIES, lambda value: ask(body=value), BadRequestError)
    refuse("request:service", NO_SERVICES, lambda value: ask(service=value), UnknownServiceError)
    refuse("request:service", NO_TEXTS, lambda value: ask(service=value), BadRequestError)
    refuse("request:body", (bytes(MAX_REQUEST_BYTES + 1),), lambda value: ask(body=value), TooLongError)

    for method in ("answer", "cancel_request", "forget_request"):
        refuse(method, NO_IDS, lambda value, method=method: do(method, value), UnknownRequestError)
        refuse(method, NO_TEXTS, lambda value, method=method: do(method, value), BadRequestError)
    for method in ("message", "cancel", "delete_outgoing"):
        refuse(method, NO_IDS, lambda value, method=method: do(method, value), UnknownMessageError)
        refuse(method, NO_TEXTS, lambda value, method=method: do(method, value), BadRequestError)
    refuse("remove_reader:name", NO_TEXTS, lambda value: do("remove_reader", value, "text"), BadRequestError)
    refuse("remove_reader:kind", NO_KINDS, lambda value: do("remove_reader", "reader", value), BadRequestError)
    refuse("delete", (0, -1, 10**30), lambda value: do("delete", value), UnknownMessageError)
    refuse("delete", (None, "1", 1.0, True), lambda value: do("delete", value), BadRequestError)

    for method in ("inbox", "sent"):
        numbers: tuple[object, ...] = (-1, 10**30, None, "1", 1.0, True)
        limits: tuple[object, ...] = (0, -1, None, "1", 1.0, True)
        refuse(f"{method}:after", numbers, lambda value, method=method: do(method, after=value), BadRequestError)
        refuse(f"{method}:limit", limits, lambda value, method=method: do(method, limit=value), BadRequestError)
    refuse("mark_read:last", numbers, lambda value: do("mark_read", last=value), BadRequestError)
    refuse("mark_read:after", numbers, lambda value: do("mark_read", after=value, last=1), BadRequestError)

    sizes: tuple[object, ...] = (-1, None, "1", 1.5, True)
    refuse("estimate:body_bytes", sizes, lambda value: do("estimate", value, BOB), BadRequestError)
    refuse("estimate:body_bytes", (MAX_BODY_BYTES + 1,), lambda value: do("estimate", value, BOB), TooLongError)
    refuse("estimate:to", NO_TEXTS, lambda value: do("estimate", 1, value), BadRequestError)
    refuse("estimate:to", NO_ADDRESSES, lambda value: do("estimate", 1, value), UnknownContactError)
    refuse("estimate_request:request", sizes, lambda value: do("estimate_request", value, 1), BadRequestError)
    refuse("estimate_request:answer", sizes, lambda value: do("estimate_request", 1, value), BadRequestError)

    refuse("add_contact", (*NO_ADDRESSES, *NO_TEXTS), lambda value: do("add_contact", value), BadRequestError)
    refuse("remove_contact", NO_ADDRESSES, lambda value: do("remove_contact", value), UnknownContactError)
    refuse("remove_contact", NO_TEXTS, lambda value: do("remove_contact", value), BadRequestError)
    refuse("accept_key:address", NO_ADDRESSES, lambda value: do("accept_key", value, "00"), UnknownContactError)
    refuse("accept_key:address", NO_TEXTS, lambda value: do("accept_key", value, "00"), BadRequestError)
    refuse(
        "accept_key:fingerprint",
        ("", "0000-0000", *NO_TEXTS),
        lambda value: do("accept_key", BOB, value),
        BadRequestError,
    )

    names: tuple[object, ...] = ("", "Carol", "a/b", *NO_TEXTS)
    refuse("fetch_tokens:issuer", names, lambda value: do("fetch_tokens", value, "guest", 1), BadRequestError)
    refuse("fetch_tokens:purpose", names, lambda value: do("fetch_tokens", "away", value, 1), BadRequestError)
    counts: tuple[object, ...] = (0, -1, 1001, 10**30, None, "1", 1.0, True)
    refuse("fetch_tokens:count", counts, lambda value: do("fetch_tokens", "away", "guest", value), BadRequestError)
    refuse(
        "fetch_tokens:credential",
        NO_TEXTS,
        lambda value: do("fetch_tokens", "away", "guest", 1, credential=value),
        BadRequestError,
    )
    refuse(
        "fetch_tokens:key",
        (b"key", *NO_BODIES),
        lambda value: do("fetch_tokens", "away", "guest", 1, key=value),
        BadRequestError,
    )
    refuse("take_token", ("", "No Purpose", *NO_TEXTS), lambda value: do("take_token", value), BadRequestError)
    refuse(
        "take_token:key",
        ("k" * 129, *NO_TEXTS),
        lambda value: do("take_token", "guest", idempotency_key=value),
        BadRequestError,
    )
    return table


def refusals_of_a_stranger() -> dict[str, tuple[Try, type[ClientError]]]:
    """Return what is refused of a client that has no account, by a name."""
    names: tuple[object, ...] = ("", "Carol", "a/b", *NO_TEXTS)
    table: dict[str, tuple[Try, type[ClientError]]] = {
        "send": (send(), NotRegisteredError),
        "send_many": (send_many(), NotRegisteredError),
        "request": (ask(), NotRegisteredError),
        "post_request": (post(), NotRegisteredError),
        "estimate": (do("estimate", 1, BOB), NotRegisteredError),
        "estimate_request": (do("estimate_request", 1, 1), NotRegisteredError),
        "add_contact": (do("add_contact", BOB), NotRegisteredError),
    }
    for value in names:
        shown = ascii(value)[:30]
        table[f"register:name={shown}"] = (do("register", value, "home"), BadRequestError)
        table[f"register:provider={shown}"] = (do("register", "carol", value), BadRequestError)
        if value != "":
            table[f"register_guest:provider={shown}"] = (do("register_guest", value), BadRequestError)
    for value in NO_TEXTS:
        table[f"register:invitation={value!a}"] = (
            do("register", "carol", "home", invitation=value),
            BadRequestError,
        )
    for value in NO_BODIES:
        table[f"register_guest:token={ascii(value)[:30]}"] = (
            do("register_guest", "home", token=value),
            BadRequestError,
        )
    return table


REFUSALS, OF_A_STRANGER = refusals(), refusals_of_a_stranger()


class RefusalContract:
    """The tests; see the module's docstring."""

    def test_what_no_client_does_is_refused_by_all_of_them_alike(self, world: World) -> None:
        world.run(world.alice.add_contact(BOB))
        assert wrong(world, world.alice, REFUSALS) == {}
        # Nothing of it was queued, and the client goes on.
        assert world.run(world.alice.status()).queued_messages == 0
        assert world.run(world.alice.request("echo", b"x", timeout_s=60)) == b"x"

    def test_who_reads_what_nobody_can_is_refused_at_once(self, world: World) -> None:
        bob: Any = world.bob
        tries: list[dict[str, object]] = [{"kind": kind} for kind in NO_KINDS]
        tries += [{"reader": reader} for reader in ("A", "a b", "r" * 65, *NO_TEXTS)]
        tries += [{"within_s": within_s} for within_s in (0.5, *NO_TIMEOUTS)]
        for changed in tries:
            with pytest.raises(BadRequestError):
                bob.on_received(callback=lambda message: None, **({"kind": "text"} | changed))

    def test_a_client_without_an_account_refuses_alike(self, world: World) -> None:
        assert wrong(world, world.stranger, OF_A_STRANGER) == {}
        assert not world.run(world.stranger.status()).registered


def wrong(world: World, client: object, table: dict[str, tuple[Try, type[ClientError]]]) -> dict[str, str]:
    """Return what is not refused by the right error, and what came instead."""
    found: dict[str, str] = {}
    for name, (attempt, error) in table.items():
        try:
            result = world.run(attempt(client))
        except error:
            continue
        except Exception as other:
            found[name] = f"{type(other).__name__}: {other}"[:200]
        else:
            found[name] = f"returned {result!r}"[:200]
    return found
