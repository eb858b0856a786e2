"""What a client makes of the daemon's answers, without a daemon."""

from __future__ import annotations

from typing import TypeVar, cast

from twisted.internet.defer import Deferred

from client.api import Following, UnknownMessageError, Verified
from client.feeds.failures import CallbackFailures
from client.http.calling.call import Call, Query
from client.http.calling.client import CallingClient
from client.http.calling.follower import Refused, Take, Where, log_refusal
from client.http.messages import Received

T = TypeVar("T")


class Canned(CallingClient):
    """Lists three long messages, of which the second one is gone when its body is asked for."""

    async def ask(self, made: Call[T]) -> T:
        if made.path == "/v1/inbox":
            listed = [long_one(number) for number in (1, 2, 3) if number > int(made.query["after"])]
            return cast(T, listed[: int(made.query["limit"])])
        if made.path == "/v1/inbox/2/body":
            raise UnknownMessageError("there is no received message 2")
        return cast(T, made.path.encode())

    def follow(self, path: str, query: Query | Where, take: Take, *, refused: Refused = log_refusal) -> Following:
        raise NotImplementedError


def long_one(number: int) -> Received:
    return Received(
        number=number,
        message_id=f"{number:032x}",
        sender=None,
        verified=Verified.UNKNOWN,
        kind="text",
        length_bytes=100_000,
        received_at_s=0.0,
        reply_to="",
        body=None,
    )


def test_a_message_that_is_deleted_while_the_inbox_is_read_is_left_out() -> None:
    client, results = Canned(CallbackFailures()), []
    for limit in (2, 100):
        Deferred.fromCoroutine(client.inbox(limit=limit)).addBoth(results.append)  # type: ignore[arg-type]
    assert [[message.number for message in found] for found in results] == [[1, 3], [1, 3]]
