from __future__ import annotations

import msgspec
import pytest

from loopixmix.errors import MisuseError
from loopixmix.group.ristretto import ristretto255
from tests.worlds.elections import CLOSES_AT, OPENS_AT, changed, new_election
from votes.record.canonical import Hex
from votes.record.election import Election, draft_digest
from votes.trustees.approving import check_frozen, record_lines
from votes.trustees.backup import TrusteeSecrets
from votes.trustees.polynomial import Polynomial

GROUP = ristretto255()
WORLD = new_election(GROUP)
ELECTION = WORLD.election


def secrets(number: int = 2) -> TrusteeSecrets:
    return TrusteeSecrets(
        number=number,
        draft=draft_digest(ELECTION),
        identity_seed=bytes(32),
        decryption_key=bytes(32),
        share=Polynomial(GROUP, WORLD.coefficients).at([number]).encode(),
        commitments=b"".join(ELECTION.key_commitments),
    )


def refusal(election: Election, kept: TrusteeSecrets, now_s: float = OPENS_AT) -> str:
    with pytest.raises(MisuseError) as refused:
        check_frozen(election, GROUP, kept, now_s)
    return str(refused.value)


def test_the_record_of_the_key_is_good_until_the_election_is_over() -> None:
    check_frozen(ELECTION, GROUP, secrets(), CLOSES_AT - 1)
    assert "the election is over" in refusal(ELECTION, secrets(), CLOSES_AT)


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "Autumn"},
        {"closes_at": CLOSES_AT + 1},
        {"mixers": ELECTION.mixers[:1]},
        {"threshold": 1},
        {"voters": 5},
        {"polls": ELECTION.polls[:1]},
    ],
)
def test_a_record_that_is_not_the_draft_is_refused(fields: dict[str, object]) -> None:
    assert "NOT the draft" in refusal(changed(ELECTION, **fields), secrets())


def test_a_key_that_only_keeps_ones_own_share_is_refused() -> None:
    """Whoever knows the secrets of a few trustees finds a key of their own on which one share is the old one."""
    # Through the share of trustee 2, but with another constant term: 2 of 3, so that one share and one secret fix it.
    group, share = GROUP, Polynomial(GROUP, WORLD.coefficients).at([2]).numbers()[0]
    theirs = 4711
    slope = (share - theirs) * pow(2, -1, group.order) % group.order
    false = Polynomial(group, group.scalars_of([theirs, slope]))
    assert false.at([2]).numbers() == [share]
    encoded = false.commitments().encode()
    shares = group.generator.times(false.at([1, 2, 3])).encode()
    election = changed(
        ELECTION,
        key_commitments=(Hex(encoded[:32]), Hex(encoded[32:])),
        trustees=tuple(
            msgspec.structs.replace(each, public_share=Hex(shares[32 * number : 32 * number + 32]))
            for number, each in enumerate(ELECTION.trustees)
        ),
    )
    assert election.trustees[1].public_share == ELECTION.trustees[1].public_share
    assert "NOT the one that trustee 2 made" in refusal(election, secrets())


def test_a_damaged_share_is_told() -> None:
    assert "restore the backup" in refusal(ELECTION, msgspec.structs.replace(secrets(), share=secrets(1).share))


def test_a_person_sees_what_was_agreed() -> None:
    told = "\n".join(record_lines(changed(ELECTION, mixers=ELECTION.mixers[:1], voters=1, rehearsal=True)))
    for words in ("REHEARSAL", "Spring", "15 January 2027, 08:00 UTC", "Mixer 0", "only one mixer", "only one voter"):
        assert words in told
    assert "only one" not in "\n".join(record_lines(ELECTION))
