"""Arguments of a wrong form. What each client refuses is in the contract that all of them keep."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from client.api import MAX_TIMEOUT_S, BadRequestError, Client, Letter, UnknownServiceError
from client.core.arguments import MAX_TEXT_LENGTH, check, checked


class Asked:
    """Something with a checked method."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []

    @checked
    async def request(self, service: str, *, timeout_s: float = 5.0) -> str:
        """Ask."""
        self.asked.append((service, timeout_s))
        return service


def test_good_arguments_are_handed_on_and_others_are_not() -> None:
    asked, results = Asked(), []
    for service, timeout_s in (("echo", MAX_TIMEOUT_S), ("echo", MAX_TIMEOUT_S + 1), ("x" * MAX_TEXT_LENGTH, 1)):
        Deferred.fromCoroutine(asked.request(service, timeout_s=timeout_s)).addBoth(results.append)
    assert asked.asked == [("echo", MAX_TIMEOUT_S), ("x" * MAX_TEXT_LENGTH, 1)]
    assert isinstance(results[1], Failure)
    assert results[1].check(BadRequestError)
    assert Asked.request.__doc__ == "Ask."


def test_an_error_says_what_is_wrong_and_what_is_allowed() -> None:
    for arguments, words in (
        ({"to": 5}, "to is a str, not int"),
        ({"to": "x" * 513}, "to has at most 512 characters, not 513"),
        ({"to": "\ud800"}, "surrogate"),
        ({"timeout_s": 3601}, "timeout_s is over 0 and at most 3600 seconds, not 3601"),
        ({"after": -1}, "after is at least 0 and at most 1000000000000000000"),
        ({"limit": 0}, "limit is at least 1$"),
        ({"anonymous": 1}, "anonymous is True or False, not int"),
        ({"letters": [None]}, "letter 0: it is a Letter, not NoneType"),
        ({"letters": [Letter(to="a", body=b"", kind="k", idempotency_key=5)]}, "letter 0: idempotency_key is a str"),  # type: ignore[arg-type]
    ):
        with pytest.raises(BadRequestError, match=words):
            check(arguments)  # type: ignore[arg-type]
    with pytest.raises(UnknownServiceError, match="after the @"):
        check({"service": "echo@"})


def test_every_argument_of_a_client_is_checked_by_its_name() -> None:
    """A new argument is not forgotten: `Client` has none that passes as an object of no use."""
    unchecked = set()
    for name, method in vars(Client).items():
        if name.startswith("_") or not callable(method) or not method.__code__.co_flags & 0x80:
            continue
        code = method.__code__
        for argument in code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]:
            try:
                check({argument: object()})
            except BadRequestError:
                continue
            unchecked.add((name, argument))
    assert unchecked == set()
