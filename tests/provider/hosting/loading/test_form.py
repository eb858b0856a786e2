"""What is no hosted service is told before it is asked, with its class, its method and the cure."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from loopixmix.errors import ConfigError
from provider.api import Declaration, ServiceContext
from provider.builtin.echo import EchoService
from provider.builtin.keys import KeysService
from provider.builtin.loop import LoopService
from provider.hosting.loading.form import class_faults, faults, refuse
from provider.tokens.services import IssuerService, RedeemerService


class Good:
    name = "good"

    async def answer(self, body: bytes) -> bytes:
        return body

    async def close(self) -> None: ...


class PlainClose(Good):
    def close(self) -> None: ...  # type: ignore[override]


class Replying(Good):
    def reply(self, text: str) -> bytes:
        return text.encode()


class ReplyingAgain:
    name = "good"
    declaration = Declaration(recognises_repetition=True)
    reply = b"no method at all"

    async def answer_again(self, repetition_key: bytes, body: bytes) -> bytes:
        return body


class AwaitedReply:
    name = "good"

    async def reply(self, payload: bytes) -> bytes:
        return payload


class SlipOfThePen:
    name = "good"

    async def anwser(self, body: bytes) -> bytes:
        return body


class Nothing:
    name = "good"


class AnswerIsNoMethod:
    name = "good"
    answer = b"yes"


class NoArguments(Good):
    async def answer(self) -> bytes:  # type: ignore[override]
        return b""


class AgainWithoutKey:
    name = "good"
    declaration = Declaration(recognises_repetition=True)

    async def answer_again(self, body: bytes) -> bytes:
        return body


class NeverAgain(Good):
    async def answer_again(self, repetition_key: bytes, body: bytes) -> bytes:
        return body


class NoAgain(Good):
    declaration = Declaration(recognises_repetition=True)


class CamelAgain(Good):
    declaration = Declaration(recognises_repetition=True)

    async def answerAgain(self, repetition_key: bytes, body: bytes) -> bytes:
        return body


class MisnamedDeclaration(Good):
    limits = Declaration(at_once=3)


class NoDeclaration(Good):
    declaration = ("at_once", 3)


class OtherName(Good):
    name = "bad"


class NoName:
    async def answer(self, body: bytes) -> bytes:
        return body


class Yielding(Good):
    async def answer(self, body: bytes) -> AsyncIterator[bytes]:  # type: ignore[override]
        yield body


class PlainYielding(Good):
    def answer(self, body: bytes) -> Iterator[bytes]:  # type: ignore[override]
        yield body


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (PlainClose, 'has a plain "def close", and the provider awaits it: write "async def close(self)"'),
        (Replying, 'has a method "reply" besides "answer"'),
        (ReplyingAgain, 'has an attribute "reply" that is no method'),
        (ReplyingAgain, 'has a method "reply" besides "answer_again"'),
        (AwaitedReply, 'has an "async def reply"'),
        (SlipOfThePen, 'has no method "answer": is "anwser" meant? Then call it answer'),
        (Nothing, 'has no method "answer": write  async def answer(self, body)'),
        (AnswerIsNoMethod, 'has an attribute "answer" that is no method'),
        (NoArguments, 'has a method "answer" with other arguments: write  answer(self, body)'),
        (AgainWithoutKey, "write  answer_again(self, repetition_key, body)"),
        (NeverAgain, 'has a method "answer_again", which is never called: write  declaration = Declaration(recog'),
        (NoAgain, "recognises repetition, but has no answer_again"),
        (CamelAgain, 'has a method "answerAgain", which is never called: call it answer_again'),
        (MisnamedDeclaration, 'has a Declaration in "limits", where it does not count: call it declaration'),
        (NoDeclaration, "is no provider.api.Declaration"),
        (OtherName, 'calls itself "bad": write  name = "good"'),
        (NoName, 'has no attribute "name": write  name = "good"'),
        (Yielding, 'has a method "answer" that yields'),
        (PlainYielding, 'has a method "answer" that yields'),
    ],
)
def test_what_is_wrong_is_told_with_class_and_cure(wrong: type, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        refuse(faults(wrong(), "good"))
    assert f'the service "good": class {wrong.__module__}.{wrong.__qualname__} ' in str(error.value)
    assert told in str(error.value)


def decorated(method: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @functools.wraps(method)
    def around(*arguments: object) -> Awaitable[None]:
        return method(*arguments)

    return around


class DecoratedClose(Good):
    @decorated
    async def close(self) -> None: ...


class Threaded:
    name = "good"
    closed = False
    answers = 0

    def answer(self, body: bytes, limit: int = 3) -> bytes:
        return body[:limit]


class Eager:
    name = "good"
    declaration = Declaration(recognises_repetition=True)

    def answer(self, body: bytes) -> bytes:
        return body

    def answer_again(self, *both: bytes) -> bytes:
        return both[1]


@pytest.mark.parametrize("right", [Good, DecoratedClose, Threaded, Eager])
def test_what_is_right_is_left_alone(right: type) -> None:
    assert faults(right(), "good") == class_faults(right, "good") == []


@pytest.mark.parametrize("right", [EchoService, KeysService, LoopService, IssuerService, RedeemerService])
def test_our_own_services_are_right(right: type) -> None:
    assert class_faults(right, right.name) == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("wrong", [PlainClose, Replying, AwaitedReply, Yielding])
def test_a_wrong_method_shows_before_one_is_made(wrong: type) -> None:
    assert class_faults(wrong, "good") != []


def test_what_only_an_object_shows_is_not_held_against_its_class() -> None:
    assert class_faults(Nothing, "good") == class_faults(lambda _context: None, "good") == []


def test_several_faults_are_told_at_once() -> None:
    class Both(PlainClose, Replying): ...

    with pytest.raises(ConfigError, match=r'plain "def close".*; .*besides "answer"'):
        refuse(faults(Both(), "good"))
    refuse([])


def test_a_service_that_is_made_by_a_coroutine_is_told() -> None:
    async def make(context: ServiceContext | None) -> Good:
        return Good()

    assert 'made by an "async def"' in faults(make(None), "good")[0]
