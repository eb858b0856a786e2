from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from loopixmix.errors import ConfigError
from loopixmix.process.files import make_directory
from loopixmix.requests.single import ReplyStatus, decode_reply
from loopixmix.tokens import begin_token, encode_token, finish_token
from loopixmix.tokens.exchange import encode_issue_request, split_messages
from loopixmix.tokens.keyfile import read_public_keys
from provider.api import ServiceContext, ServiceRefusedError, Setting, declaration_of
from provider.tokens.codes import make_codes
from provider.tokens.keys import PUBLIC_FILE
from provider.tokens.services import IssuerInDocument, IssuerService, RedeemerService
from tests.worlds.mailboxes.hosted_services import NoKeys, result_of
from tests.worlds.networks.towns import Town

WEEK_S = 168 * 3600
NOW_S = 10.5 * WEEK_S


class Agreement:
    """Whether the network agrees about the time; a test says so."""

    def __init__(self) -> None:
        self.is_there = True

    def __call__(self) -> bool:
        return self.is_there


def context(
    provider: Path, name: str, clock: Clock, *, agreement: Agreement | None = None, **settings: Setting
) -> ServiceContext:
    directory = provider / "services" / name
    make_directory(directory)
    return ServiceContext(
        provider=bytes(32),
        directory=directory,
        clock=clock,
        rng=random.Random(1),
        keys=NoKeys(),
        settings=settings,
        is_time_agreed=agreement or Agreement(),
    )


def clock_at(now_s: float) -> Clock:
    clock = Clock()
    clock.advance(now_s)
    return clock


class TokenProvider:
    """A provider with an issuer and a redeemer of tokens for answers."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = clock_at(NOW_S)
        self.agreement = agreed = Agreement()
        self.issuer = IssuerService(context(directory, "issuer", self.clock, agreement=agreed, purposes=["answer"]))
        self.redeemer = RedeemerService(context(directory, "redeemer", self.clock, agreement=agreed, purpose="answer"))

    def close(self) -> None:
        result_of(self.issuer.close())
        result_of(self.redeemer.close())
        assert self.clock.getDelayedCalls() == []


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[TokenProvider]:
    provider = TokenProvider(tmp_path)
    yield provider
    provider.close()


def test_a_token_is_issued_for_a_code_and_taken_once(provider: TokenProvider) -> None:
    (code,) = make_codes(provider.directory, tokens=1, last_day=10_000, count=1, rng=random.Random(1))
    key = read_public_keys(provider.directory / "services" / "issuer" / PUBLIC_FILE)[0]
    pending = begin_token(key, random.Random(2))
    body = encode_issue_request(key, code.encode(), [pending.blinded])
    answer = provider.issuer.answer(body)
    # The provider does not keep the answers of a service that recognises repetitions, and asks it again.
    assert declaration_of(provider.issuer).recognises_repetition
    assert provider.issuer.answer_again(bytes(16), body) == answer
    token = finish_token(pending, split_messages(answer, key)[0])
    assert provider.redeemer.answer(encode_token(token)) == b""
    with pytest.raises(ServiceRefusedError):
        provider.redeemer.answer(encode_token(token))


def test_keys_and_records_turn_over_by_themselves(provider: TokenProvider) -> None:
    path = provider.directory / "services" / "issuer" / PUBLIC_FILE
    old, following = read_public_keys(path)
    provider.clock.advance(WEEK_S)
    provider.issuer._tidying.stop()
    keys = read_public_keys(path)
    assert keys[0] == following
    assert old not in keys
    assert len(keys) == 2


def test_a_clock_that_the_network_does_not_agree_with_costs_no_key_and_no_record(provider: TokenProvider) -> None:
    (code,) = make_codes(provider.directory, tokens=2, last_day=10_000, count=1, rng=random.Random(1))
    path, wrong_s = provider.directory / "services" / "issuer" / PUBLIC_FILE, NOW_S + 10 * WEEK_S
    old, following = read_public_keys(path)
    pending = [begin_token(old, random.Random(seed)) for seed in (2, 3)]
    body = encode_issue_request(old, code.encode(), [each.blinded for each in pending])
    signed = split_messages(provider.issuer.answer(body), old)
    spent, unspent = (encode_token(finish_token(*each)) for each in zip(pending, signed, strict=True))
    provider.redeemer.answer(spent)
    in_document = IssuerInDocument({"purposes": ["answer"]}, random.Random(1))
    provider.agreement.is_there = False
    # It enrols by the wrong clock, and tidies.
    assert old not in in_document(provider.directory, wrong_s)
    provider.issuer._tidy(wrong_s)
    provider.redeemer._tidy(wrong_s)
    # It is set right.
    assert in_document(provider.directory, NOW_S) == (old, following)
    with pytest.raises(ServiceRefusedError):
        provider.redeemer.answer(spent)
    assert provider.redeemer.answer(unspent) == b""
    assert len(list(path.parent.glob("*.pkcs8"))) == len(read_public_keys(path)) == 4
    provider.agreement.is_there = True
    provider.issuer._tidy(NOW_S)
    assert read_public_keys(path) == (old, following)


@pytest.mark.parametrize(
    "settings",
    [
        {"purposes": "guest"},
        {"purposes": []},
        {"purposes": ["a", "b", "c", "d", "e"]},
        {"purposes": ["guest", "guest"]},
        {"purposes": ["Guest"]},
        {"period_hours": 0},
        {"period_hours": 1.5},
        {"period_hours": True},
        {"period_hours": 9000},
        {"perods": 1},
    ],
)
def test_a_wrong_setting_of_the_issuer_is_named(tmp_path: Path, settings: dict[str, Setting]) -> None:
    with pytest.raises(ConfigError, match=r"purpose|period_hours|no setting"):
        IssuerService(context(tmp_path, "issuer", Clock(), **settings))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"purpose": "guest"},
        {"purpose": ["answer"]},
        {"purpose": "A"},
        {"purpose": "answer", "keys": 1},
        {"key": "a"},
    ],
)
def test_a_wrong_setting_of_the_redeemer_is_named(tmp_path: Path, settings: dict[str, Setting]) -> None:
    with pytest.raises(ConfigError, match=r"purpose|no setting"):
        RedeemerService(context(tmp_path, "redeemer", Clock(), **settings))


def test_the_document_gets_keys_before_there_are_services_and_the_same_ones_later(tmp_path: Path) -> None:
    in_document = IssuerInDocument({}, random.Random(1))
    keys = in_document(tmp_path, NOW_S)
    assert [key.holds_at(NOW_S) for key in keys] == [True, False]
    service = IssuerService(context(tmp_path, "issuer", clock_at(NOW_S)))
    assert in_document(tmp_path, NOW_S) == keys
    result_of(service.close())
    # Months later the provider starts again.
    later = in_document(tmp_path, NOW_S + 20 * WEEK_S)
    assert [key.holds_at(NOW_S + 20 * WEEK_S) for key in later] == [True, False]


def test_a_provider_whose_keys_are_damaged_goes_on_with_those_it_knows(tmp_path: Path) -> None:
    in_document = IssuerInDocument({}, random.Random(1))
    keys = in_document(tmp_path, NOW_S)
    (tmp_path / "services" / "issuer" / PUBLIC_FILE).write_bytes(b"damaged")
    assert in_document(tmp_path, NOW_S) == keys
    assert in_document(tmp_path, NOW_S + WEEK_S) == keys[1:]


def test_a_token_goes_its_whole_way_in_packets(tmp_path: Path) -> None:
    settings: dict[str, dict[str, Setting]] = {"issuer": {"purposes": ["answer"]}, "redeemer": {"purpose": "answer"}}
    town = Town(tmp_path, services=("issuer", "redeemer"), settings=settings)
    (code,) = make_codes(tmp_path, tokens=1, last_day=100_000, count=1, rng=random.Random(1))
    key = read_public_keys(tmp_path / "services" / "issuer" / PUBLIC_FILE)[0]
    pending = begin_token(key, random.Random(2))
    body = encode_issue_request(key, code.encode(), [pending.blinded])
    # Asked twice: the second answer is the same, and the token is counted once.
    for _ in range(2):
        town.alice.request("issuer", body, at=town.p1.identity)
        town.settle()
    answers = [decode_reply(payload) for payload in town.alice.replies()]
    assert [answer.status for answer in answers] == [ReplyStatus.OK] * 2
    assert answers[0] == answers[1]
    token = finish_token(pending, split_messages(answers[0].body, key)[0])
    # Bob may have it from Alice, and spends it; then it is gone.
    for _ in range(2):
        town.bob.request("redeemer", encode_token(token), at=town.p1.identity)
        town.settle()
    assert [decode_reply(payload).status for payload in town.bob.replies()] == [ReplyStatus.OK, ReplyStatus.FAILED]
    town.stop()
