from __future__ import annotations

import itertools

import pytest

from loopixmix.errors import FormatError, SignatureError
from loopixmix.group.ristretto import ristretto255
from tests.worlds.elections import CLOSES_AT, OPENS_AT, new_election
from votes.record.canonical import Hex, encode_canonical
from votes.record.phases import SIGNED_BY, Phase, SignerRole, Transition, TransitionError, open_transition
from votes.record.statements import sign_statement

WORLD = new_election(ristretto255())
KEYS = {
    SignerRole.ADMINISTRATOR: WORLD.keys.administrator,
    SignerRole.CREDENTIAL_AUTHORITY: WORLD.keys.credential_authority,
    SignerRole.BOARD: WORLD.keys.board,
}


def transition(before: Phase, after: Phase, at_s: int = CLOSES_AT, reason: str | None = None) -> Transition:
    if reason is None:
        reason = "too few candidates" if after is Phase.ABANDONED else ""
    return Transition(fingerprint=Hex(WORLD.fingerprint), before=before, after=after, at_s=at_s, reason=reason)


def opened(body: bytes, phase: Phase, fingerprint: bytes = WORLD.fingerprint) -> Transition:
    return open_transition(body, WORLD.election, fingerprint, phase=phase)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(Phase, Phase)))
def test_the_phase_table_has_the_only_transitions_and_who_signs_them(before: Phase, after: Phase) -> None:
    step = transition(before, after)
    role = SIGNED_BY.get((before, after))
    if role is None:
        with pytest.raises(FormatError, match="phase table"):
            sign_statement(step, WORLD.keys.administrator)
        message = encode_canonical(step)
        with pytest.raises(FormatError, match="phase table"):
            opened(WORLD.keys.administrator.sign(step.purpose, message) + message, before)
        return
    assert opened(sign_statement(step, KEYS[role]), before) == step
    for other in set(KEYS) - {role}:
        with pytest.raises(SignatureError):
            opened(sign_statement(step, KEYS[other]), before)


def test_every_phase_but_the_last_can_be_abandoned_and_nothing_comes_after() -> None:
    last = (Phase.PUBLISHED, Phase.ABANDONED)
    assert {before for before, after in SIGNED_BY if after is Phase.ABANDONED} == set(Phase) - set(last)
    assert not any(before in last for before, _ in SIGNED_BY)


def test_the_bytes_are_those_of_the_page() -> None:
    body = sign_statement(transition(Phase.FROZEN, Phase.OPEN, OPENS_AT), WORLD.keys.board)
    fingerprint = WORLD.fingerprint.hex()
    expected = f'{{"fingerprint":"{fingerprint}","from":"frozen","reason":"","time":{OPENS_AT},"to":"open"}}'
    assert body[64:] == expected.encode()


def test_the_board_neither_opens_nor_closes_before_its_time() -> None:
    for before, after, at_s in ((Phase.FROZEN, Phase.OPEN, OPENS_AT), (Phase.OPEN, Phase.CLOSED, CLOSES_AT)):
        assert opened(sign_statement(transition(before, after, at_s), WORLD.keys.board), before).at_s == at_s
        with pytest.raises(TransitionError, match=f"{after.value} from {at_s} on"):
            opened(sign_statement(transition(before, after, at_s - 1), WORLD.keys.board), before)


def test_a_transition_of_another_phase_or_election_is_refused() -> None:
    body = sign_statement(transition(Phase.FROZEN, Phase.OPEN), WORLD.keys.board)
    with pytest.raises(TransitionError, match="the election is open"):
        opened(body, Phase.OPEN)
    with pytest.raises(TransitionError, match="another election"):
        opened(body, Phase.FROZEN, bytes(32))


def test_there_is_a_reason_for_the_end_of_an_election_and_for_nothing_else() -> None:
    administrator = WORLD.keys.administrator
    with pytest.raises(FormatError, match="reason"):
        sign_statement(transition(Phase.OPEN, Phase.ABANDONED, reason=""), administrator)
    with pytest.raises(FormatError, match="reason"):
        sign_statement(transition(Phase.CLOSED, Phase.MIXED, reason="why not"), administrator)
    with pytest.raises(FormatError, match="time is -1"):
        sign_statement(transition(Phase.CLOSED, Phase.MIXED, at_s=-1), administrator)
