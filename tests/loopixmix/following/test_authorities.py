"""Asking authorities in turn, until one gives what is wanted."""

from __future__ import annotations

import random
from collections.abc import Coroutine

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from loopixmix.directory import Document, TrustedAuthority, TrustRoot
from loopixmix.errors import UnavailableError
from loopixmix.following.authorities import Authorities, NoDocumentYet
from loopixmix.following.fetcher import Answer
from tests.worlds.networks.models import NOW_S, model_network

NETWORK = model_network(random.Random(1))
NOT_YET = Answer(404, b"there is no such document yet\n")
SIGNED = Answer(200, NETWORK.signed_document)


class Answers:
    """A fetcher that answers each authority as it was told, and keeps the order of the questions."""

    def __init__(self, answers: dict[str, Answer | UnavailableError]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.put_bodies: list[bytes] = []

    async def get(self, url: str, *, limit_bytes: int) -> Answer:
        assert url.endswith(("/v1/documents/current", "/v1/documents/7"))
        self.asked.append(url.split("/v1")[0])
        answer = self.answers[self.asked[-1]]
        if isinstance(answer, UnavailableError):
            raise answer
        return answer

    async def put(self, url: str, body: bytes, *, limit_bytes: int) -> Answer:
        assert url == "http://one/v1/descriptors"
        self.put_bodies.append(body)
        return await self.get("http://one/v1/documents/7", limit_bytes=limit_bytes)


def authorities(answers: Answers, seed: int = 1) -> Authorities:
    """Return the authorities of the model under several addresses; the key of one signs for all."""
    [first, *_] = NETWORK.trust_root.authorities
    keys = [first.public_key, *(f"{number:064x}" for number in range(1, len(answers.answers)))]
    trusted = tuple(
        TrustedAuthority(public_key=key, url=f"{url}/") for key, url in zip(keys, answers.answers, strict=True)
    )
    root: TrustRoot = msgspec.structs.replace(NETWORK.trust_root, authorities=trusted)
    return Authorities(root, fetcher=answers, rng=random.Random(seed))


def result(work: Coroutine[Deferred[object], object, object]) -> object:
    found: list[object] = []
    Deferred.fromCoroutine(work).addBoth(found.append)
    [value] = found
    return value.value if isinstance(value, Failure) else value


def test_all_are_asked_before_giving_up_and_each_is_named() -> None:
    answers = Answers({"http://one": UnavailableError("no route"), "http://two": Answer(500, b"a defect\nand more")})
    error = result(authorities(answers).document("current", now_s=NOW_S, newest_seen_epoch=None))
    assert type(error) is UnavailableError
    assert "http://one/: no route" in str(error)
    assert "http://two/: HTTP status 500: a defect" in str(error)
    assert "and more" not in str(error)
    assert sorted(answers.asked) == ["http://one", "http://two"]


def test_only_if_all_say_so_there_is_no_document_yet() -> None:
    answers = Answers({"http://one": NOT_YET, "http://two": NOT_YET})
    assert isinstance(result(authorities(answers).document("7", now_s=NOW_S, newest_seen_epoch=None)), NoDocumentYet)
    answers.answers["http://two"] = UnavailableError("no route")
    error = result(authorities(answers).document("7", now_s=NOW_S, newest_seen_epoch=None))
    assert type(error) is UnavailableError


def test_a_document_that_is_not_signed_counts_as_none() -> None:
    answers = Answers({"http://one": Answer(200, b"nonsense"), "http://two": Answer(200, b"")})
    error = result(authorities(answers).document("current", now_s=NOW_S, newest_seen_epoch=None))
    assert type(error) is UnavailableError


@pytest.mark.parametrize("seed", range(3))
def test_the_first_good_answer_counts(seed: int) -> None:
    answers = Answers({"http://one": SIGNED})
    found = result(authorities(answers, seed).document("current", now_s=NOW_S + 1, newest_seen_epoch=None))
    # The addresses of authorities are no part of a network's identity: the model's document is good here, too.
    assert isinstance(found, tuple), found
    document, signed = found
    assert isinstance(document, Document)
    assert (document, signed) == (NETWORK.document, SIGNED.body)
    assert answers.asked == ["http://one"]


def test_the_order_is_drawn() -> None:
    names = [f"http://{number}" for number in range(6)]
    orders = set()
    for seed in range(5):
        answers = Answers(dict.fromkeys(names, NOT_YET))
        result(authorities(answers, seed).document("7", now_s=NOW_S, newest_seen_epoch=None))
        orders.add(tuple(answers.asked))
    assert len(orders) > 1


def test_an_upload_is_taken_or_refused_with_a_reason() -> None:
    answers = Answers({"http://one": Answer(204, b"")})
    assert result(authorities(answers).upload("http://one/", b"signed")) == Answer(204, b"")
    assert answers.put_bodies == [b"signed"]
    answers.answers["http://one"] = Answer(403, b"who are you?\x1b[2J")
    error = result(authorities(answers).upload("http://one/", b"signed"))
    assert str(error) == "HTTP status 403: who are you?[2J"
