"""One token for each person, sheet and period, whoever asks how often, and one refusal."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopixmix.tokens import PendingToken, begin_token, finish_token, verify_token
from loopixmix.tokens.exchange import encode_issue_request
from loopixmix.tokens.signing import generate_key, load_signer
from provider.api import ServiceRefusedError
from stats.issue.people import count_signed
from tests.worlds.databases import SQLITE_AND_POSTGRES, new_database
from tests.worlds.stats.issuers import CLOSES_S, OPENS_S, IssuerWorld, survey_draft


@pytest.fixture(params=SQLITE_AND_POSTGRES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[IssuerWorld]:
    made = IssuerWorld(tmp_path, new_database(request.param, tmp_path), draft=survey_draft(questions=2))
    yield made
    made.close()


def refusal(world: IssuerWorld, code: str, pending: PendingToken) -> str:
    with pytest.raises(ServiceRefusedError) as refused:
        world.ask(code, pending)
    return str(refused.value)


def test_a_person_gets_a_token_of_each_sheet_that_counts(world: IssuerWorld) -> None:
    code = world.new_code()
    for sheet in range(2):
        pending = world.begin(sheet)
        verify_token(finish_token(pending, world.ask(code, pending)), world.key(sheet), float(OPENS_S))


def test_a_second_token_is_refused_and_the_first_signed_again_also_after_a_restart(world: IssuerWorld) -> None:
    code, first = world.new_code(), world.begin()
    signature = world.ask(code, first)
    for _ in range(2):
        refusal(world, code, world.begin())
        assert world.ask(code, first) == signature
        world.close()
        world.open()
    assert world.store.read(lambda c: count_signed(c, world.key().key_id)) == 1


def test_a_message_that_was_signed_for_one_person_counts_for_another_as_well(world: IssuerWorld) -> None:
    # Otherwise a person could use up what somebody else is to get, by asking for the same first.
    pending = world.begin()
    assert world.ask(world.new_code(), pending) == world.ask(world.new_code(), pending)
    assert world.store.read(lambda c: count_signed(c, world.key().key_id)) == 2


def test_every_refusal_is_the_same(world: IssuerWorld) -> None:
    code, pending = world.new_code(), world.begin()
    world.ask(code, pending)
    stranger = load_signer(generate_key(), rng=world.rng)
    unknown_key = begin_token(
        type(world.key())(purpose="other", begins_s=0, ends_s=2**40, public=stranger.public), world.rng
    )
    two = encode_issue_request(world.key(), code.encode(), [world.begin().blinded, world.begin().blinded])
    texts = {refusal(world, code, world.begin()), refusal(world, "wrong", pending), refusal(world, "", pending)}
    texts |= {refusal(world, world.new_code(), unknown_key)}
    for body in (b"", b"\x01", two, two[:-1], b"\x02" + two[1:]):
        with pytest.raises(ServiceRefusedError) as refused:
            world.issuing.issue(body, world.now_s)
        texts.add(str(refused.value))
    world.now_s = float(CLOSES_S)
    texts.add(refusal(world, code, pending))
    assert texts == {"no token for this request"}


def test_a_code_of_one_survey_is_none_of_another(world: IssuerWorld, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    elsewhere = IssuerWorld(other, draft=survey_draft(name="coffee"))
    refusal(elsewhere, world.new_code(), elsewhere.begin())
    elsewhere.close()


def test_requests_that_race_get_one_token_together(world: IssuerWorld) -> None:
    code = world.new_code()
    pending = [world.begin() for _ in range(16)]
    begin, signatures = threading.Barrier(len(pending)), []

    def ask(each: PendingToken) -> None:
        begin.wait()
        with contextlib.suppress(ServiceRefusedError):
            signatures.append((each, world.ask(code, each)))

    threads = [threading.Thread(target=ask, args=(each,)) for each in pending]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [(each, signature)] = signatures
    assert world.ask(code, each) == signature
    assert world.store.read(lambda c: count_signed(c, world.key().key_id)) == 1
