from __future__ import annotations

from collections.abc import Callable

import pytest

from loopixmix.group.ristretto import ristretto255
from loopixmix.verdict import Check
from tests.worlds.elections import CLOSES_AT, ERASED_BY, OPENS_AT, new_election
from tests.worlds.whole_elections import CHOICES, FilesInMemory, WholeElection
from votes.ballot.challenging import open_ballot
from votes.ballot.plaintexts import extract_numbers
from votes.record.canonical import Hex
from votes.record.entries import EntryKind
from votes.record.merkle import MerkleTree, leaf_hash
from votes.record.phases import Phase
from votes.record.statements import ErasureStatement, Exclusion
from votes.record.trustees import ListCommitment, TrusteeObjection
from votes.shuffle.chunks import Unwatched
from votes.verify.opened import LieError, SeenBallots
from votes.verify.published import CREDENTIALS, ENTRIES, HEAD, RECORD
from votes.verify.verifier import EXPECTED, Verification, verify

MIX, SHARES = "polls/board/mixes", "polls/trees/shares"
NAMES = (RECORD, CREDENTIALS, ENTRIES, HEAD, f"{MIX}/0/proof", f"{MIX}/1/output", f"{SHARES}/1")
Cheat = Callable[[WholeElection], None]


def checks_of(election: WholeElection) -> tuple[list[Check], Verification]:
    verification = Verification(election.publish(), ristretto255(), Unwatched())
    return list(verify(verification, lambda _: "counted")), verification


def lie(election: WholeElection) -> Check:
    """Return the check that found the lie; no check came after it."""
    checks, _ = checks_of(election)
    assert all(check.passed for check in checks[:-1])
    assert not checks[-1].passed
    return checks[-1]


@pytest.fixture
def election() -> WholeElection:
    return WholeElection()


@pytest.fixture(scope="module")
def held_once() -> WholeElection:
    election = WholeElection()
    election.vote()
    election.mix()
    election.decrypt()
    return election


@pytest.fixture
def held(held_once: WholeElection) -> WholeElection:
    """An election that was held, in a copy that a test may change."""
    return held_once.copy()


def test_an_honest_election_passes_every_check(held: WholeElection) -> None:
    checks, verification = checks_of(held)
    assert [(check.name, check.passed) for check in checks] == [(name, True) for name in EXPECTED]
    assert verification.faults == []
    for poll, coding in enumerate(held.voters.form.codings):
        numbers = extract_numbers(held.group, verification.plaintexts[poll])
        assert sorted(numbers, key=repr) == sorted((coding.encode(each[poll]) for each in CHOICES), key=repr)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(held: WholeElection, name: str) -> None:
    published = held.publish()
    del published.files[name]
    checks = list(verify(Verification(published, ristretto255(), Unwatched()), lambda _: ""))
    assert not checks[-1].passed
    assert f"{name} is missing" in checks[-1].detail


@pytest.mark.parametrize(
    "name",
    [
        RECORD,
        CREDENTIALS,
        ENTRIES,
        HEAD,
        "polls/board/mixes/0/proof",
        "polls/board/mixes/1/output",
        "polls/trees/shares/1",
    ],
)
@pytest.mark.parametrize("place", [0, 0.5, -1])
def test_a_changed_byte_anywhere_is_found(held: WholeElection, name: str, place: float) -> None:
    published = held.publish()
    content = bytearray(published.files[name])
    content[-1 if place < 0 else int(place * len(content))] ^= 1
    published.files[name] = bytes(content)
    checks = list(verify(Verification(published, ristretto255(), Unwatched()), lambda _: ""))
    assert not checks[-1].passed


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("polls/board/mixes/1/output", "mixes"),
        ("polls/trees/mixes/0/proof", "mixes"),
        ("polls/board/shares/3", "shares"),
    ],
)
def test_a_file_is_the_one_that_was_announced_whatever_else_is_wrong_with_it(
    held: WholeElection, name: str, check: str
) -> None:
    """Otherwise a board could show each of those who verify a file of their own."""
    held.published.files[name] += b"\0"
    found = lie(held)
    assert (found.name, found.detail) == (check, f"{name} is not the file that was announced on the board")


def test_a_ballot_that_the_board_drops_is_found(held: WholeElection) -> None:
    del held.entries[5]
    assert lie(held).name == "mixes"


def test_a_ballot_before_the_election_opens_is_found(election: WholeElection) -> None:
    election.append(EntryKind.BALLOT, election.voters.cast(0, CHOICES[0]), OPENS_AT - 5)
    assert "ballot in the phase frozen" in lie(election).detail


def test_a_ballot_after_the_election_closed_is_found(election: WholeElection) -> None:
    election.vote()
    election.append(EntryKind.BALLOT, election.voters.cast(0, CHOICES[0], counter=2), CLOSES_AT + 5)
    assert "ballot in the phase closed" in lie(election).detail


def test_a_late_ballot_in_an_election_that_closes_late_is_found(election: WholeElection) -> None:
    election.open()
    election.append(EntryKind.BALLOT, election.voters.cast(0, CHOICES[0]), CLOSES_AT)
    election.go_on(Phase.OPEN, Phase.CLOSED, CLOSES_AT, election.world.keys.board)
    assert "was not open" in lie(election).detail


def test_a_wrong_ballot_that_nobody_excluded_is_a_lie_of_the_board(election: WholeElection) -> None:
    election.open()
    stuffed = bytearray(election.voters.cast(0, CHOICES[0]))
    stuffed[-40] ^= 1
    election.append(EntryKind.BALLOT, bytes(stuffed), OPENS_AT)
    election.close()
    found = lie(election)
    assert found.name == "ballots"
    assert "stored, and not excluded" in found.detail


def test_a_wrong_ballot_that_was_excluded_stops_nothing(election: WholeElection) -> None:
    election.open()
    broken = election.append(EntryKind.BALLOT, b"\1 no ballot at all", OPENS_AT)
    election.append(EntryKind.BALLOT, election.voters.cast(1, CHOICES[1]), OPENS_AT)
    election.exclude(broken, "it is no ballot")
    election.close()
    checks, verification = checks_of(election)
    assert checks[3].value == "1 count of 2"
    assert verification.faults == [f"entry {broken} was excluded: it is no ballot"]


def test_mixing_a_single_ballot_is_told_to_hide_nothing(election: WholeElection) -> None:
    election.open()
    election.append(EntryKind.BALLOT, election.voters.cast(1, CHOICES[1]), OPENS_AT)
    election.close()
    election.mix()
    checks, verification = checks_of(election)
    assert checks[4].passed
    assert verification.faults == ["only one ballot counts: mixing does not hide whose it is"]


def test_the_highest_counter_counts_in_whatever_order_ballots_came(election: WholeElection) -> None:
    election.open()
    for counter, choices in ((2, CHOICES[1]), (1, CHOICES[0])):
        election.append(EntryKind.BALLOT, election.voters.cast(0, choices, counter=counter), OPENS_AT)
    election.close()
    election.mix()
    election.decrypt()
    checks, verification = checks_of(election)
    assert checks[3].value == "1 count of 2"
    [number] = extract_numbers(election.group, verification.plaintexts[0])
    assert number == election.voters.form.codings[0].encode(CHOICES[1][0])


def test_two_ballots_with_one_counter_are_told(election: WholeElection) -> None:
    election.open()
    for choices in CHOICES[:2]:
        election.append(EntryKind.BALLOT, election.voters.cast(0, choices), OPENS_AT)
    election.close()
    _, verification = checks_of(election)
    assert verification.faults == ["entries 5, 6: different ballots with one counter, 1"]


def _exchange_output(election: WholeElection) -> None:
    [first, _] = election.inputs()
    output = election.mix_one(0, 0, first)
    election.mix_one(0, 1, first if output != first else output)
    election.mix_one(1, 1, election.mix_one(1, 0, election.inputs()[1]))


def _skip_a_mixer(election: WholeElection) -> None:
    election.mix_one(0, 0, election.inputs()[0])


def _announce_other_files(election: WholeElection) -> None:
    election.announce_mix(0, 0, election.inputs()[0], b"proof")


@pytest.mark.parametrize(
    ("cheat", "why"),
    [
        (_exchange_output, "mixer 1 (Mixer 1), poll 0: wrong equations"),
        (_skip_a_mixer, "mixer 1 (Mixer 1) announced no output for poll 0"),
        (_announce_other_files, "mixer 0 (Mixer 0), poll 0: a proof for 4 rows"),
    ],
)
def test_a_mixer_that_cheats_is_named(election: WholeElection, cheat: Cheat, why: str) -> None:
    election.vote()
    cheat(election)
    election.go_on(Phase.CLOSED, Phase.MIXED, CLOSES_AT)
    found = lie(election)
    assert found.name == "mixes"
    assert why in found.detail


def test_one_bad_trustee_is_named_and_does_not_stop_the_tally(election: WholeElection) -> None:
    election.vote()
    election.mix()
    wrong = election.share(0, 2)[::-1]
    election.announce_share(0, 2, wrong)
    election.decrypt()
    checks, verification = checks_of(election)
    assert all(check.passed for check in checks)
    assert any("trustee 2" in fault for fault in verification.faults)


def test_too_few_good_trustees_are_told(election: WholeElection) -> None:
    election.vote()
    election.mix()
    election.decrypt((1,))
    assert lie(election).detail == "poll 0: 1 of 2 trustees decrypted rightly"


def test_an_election_that_still_goes_on_is_told(election: WholeElection) -> None:
    election.vote()
    assert lie(election).detail == "the election is closed, and not yet mixed"


def test_an_election_that_a_trustee_did_not_sign_is_told(election: WholeElection) -> None:
    election.sign((1, 3))
    election.go_on(Phase.FROZEN, Phase.OPEN, OPENS_AT, election.world.keys.board)
    found = lie(election)
    assert found.name == "log"
    assert found.detail == (
        "entry 3: the board opened the election, but the record is not signed by trustee 2 (Trustee 2)"
    )


def test_a_signature_that_is_not_the_trustees_is_told(election: WholeElection) -> None:
    first, second, _ = election.world.approvals()
    election.append(EntryKind.APPROVAL, first[:64] + second[64:], OPENS_AT - 5)
    found = lie(election)
    assert found.name == "log"
    assert found.detail.startswith("entry 1: it is no trustee's signature under the record")


def test_a_trustee_that_gives_a_share_before_it_bound_itself_is_found(election: WholeElection) -> None:
    election.vote()
    election.mix()
    election.bound.add(1)
    election.announce_share(0, 1, election.share(0, 1))
    found = lie(election)
    assert (found.name, found.detail.partition(": ")[2]) == (
        "log",
        "trustee 1 announces a share before it bound itself to its lists",
    )


def test_a_second_binding_of_one_trustee_is_found(election: WholeElection) -> None:
    election.vote()
    election.mix()
    election.bind(1)
    other = ListCommitment(fingerprint=Hex(election.world.fingerprint), trustee=1, lists=(Hex(bytes(32)),) * 2)
    election.say(EntryKind.LISTS, other, election.world.keys.trustees[0])
    assert lie(election).detail.endswith("trustee 1 binds itself to lists a second time")


def test_a_trustee_bound_to_other_lists_is_told_and_stops_nothing(election: WholeElection) -> None:
    election.vote()
    election.mix()
    other = ListCommitment(fingerprint=Hex(election.world.fingerprint), trustee=2, lists=(Hex(bytes(32)),) * 2)
    election.say(EntryKind.LISTS, other, election.world.keys.trustees[1])
    election.decrypt()
    checks, verification = checks_of(election)
    assert all(check.passed for check in checks)
    assert verification.faults == ["trustee 2 (Trustee 2) bound itself to other lists than those of the last mixer"]


@pytest.mark.parametrize("entry", [0, 4, 6, 99])
def test_an_exclusion_of_what_is_no_ballot_before_it_is_found(election: WholeElection, entry: int) -> None:
    election.open()
    election.append(EntryKind.BALLOT, election.voters.cast(0, CHOICES[0]), OPENS_AT)
    statement = Exclusion(fingerprint=Hex(election.world.fingerprint), entry=entry, reason="sold")
    election.say(EntryKind.EXCLUSION, statement, election.world.keys.administrator, OPENS_AT)
    election.append(EntryKind.BALLOT, election.voters.cast(1, CHOICES[1]), OPENS_AT)
    found = lie(election)
    assert found.name == "log"
    assert found.detail == f"entry 6: it excludes entry {entry}, which is no ballot before it"


def test_a_false_challenge_that_the_board_stored_is_named_and_challenges_nothing(election: WholeElection) -> None:
    election.open()
    cast = election.voters.made(0, CHOICES[0])
    opening = bytearray(open_ballot(cast))
    opening[-1] ^= 1
    for false in (bytes(opening), b"no opening"):
        index = election.append(EntryKind.CHALLENGE, false, OPENS_AT)
    election.append(EntryKind.BALLOT, cast.ballot.encoding, OPENS_AT)
    election.close()
    checks, verification = checks_of(election)
    assert checks[3].value == "1 count of 1"
    assert [fault.partition(": ")[0] for fault in verification.faults] == [f"entry {index - 1}", f"entry {index}"]
    assert "is wrong, and challenges nothing" in verification.faults[0]


def seen_by(election: WholeElection, wrong: dict[int, str]) -> SeenBallots:
    tree = MerkleTree(map(leaf_hash, election.entries))
    return SeenBallots(len(tree), tree.root(), wrong)


def verified(election: WholeElection, seen: SeenBallots) -> Verification:
    verification = Verification(election.publish(), ristretto255(), Unwatched(), seen=seen)
    for step in (verification.record, verification.list_of_credentials, verification.entries, verification.ballots):
        step()
    return verification


def test_ballots_that_were_checked_while_they_came_are_not_checked_again(election: WholeElection) -> None:
    election.open()
    wrong = bytearray(election.voters.cast(0, CHOICES[0]))
    wrong[-300] ^= 1
    stored = election.append(EntryKind.BALLOT, bytes(wrong), OPENS_AT)
    seen_right, seen_wrong = seen_by(election, {}), seen_by(election, {stored: "its proof"})
    election.append(EntryKind.BALLOT, election.voters.cast(1, CHOICES[1]), OPENS_AT)
    election.close()
    assert len(verified(election, seen_right).ballot_box.counting) == 2
    with pytest.raises(LieError, match=f"entry {stored}: its proof; it was stored, and not excluded"):
        verified(election, seen_wrong)


def test_what_was_checked_counts_for_this_log_only(election: WholeElection) -> None:
    election.vote()
    seen = seen_by(election, {})
    with pytest.raises(LieError, match="others than before: the board signed two logs"):
        verified(election, SeenBallots(seen.size, bytes(32), {}))
    with pytest.raises(LieError, match="the board shortened it"):
        verified(election, SeenBallots(seen.size + 1, seen.root, {}))


def erased_at(election: WholeElection, at_s: int, said_s: int) -> None:
    statement = ErasureStatement(fingerprint=Hex(election.world.fingerprint), at_s=said_s, erased=())
    election.say(EntryKind.ERASURE, statement, election.world.keys.credential_authority, at_s)


@pytest.mark.parametrize(("at_s", "said_s"), [(ERASED_BY + 1, CLOSES_AT), (ERASED_BY, ERASED_BY + 1)])
def test_a_late_erasure_is_told(election: WholeElection, at_s: int, said_s: int) -> None:
    election.vote()
    erased_at(election, at_s, said_s)
    _, verification = checks_of(election)
    assert verification.faults == [
        "who has which credential was erased 1 s late; it was due by 22 January 2027, 06:40 UTC"
    ]


def test_an_erasure_in_time_is_not_told(election: WholeElection) -> None:
    election.vote()
    erased_at(election, ERASED_BY, CLOSES_AT)
    _, verification = checks_of(election)
    assert verification.faults == []


@pytest.mark.parametrize(("now_s", "is_told"), [(None, False), (ERASED_BY, False), (ERASED_BY + 1, True)])
def test_a_missing_erasure_is_told_when_it_is_due(election: WholeElection, now_s: float | None, is_told: bool) -> None:
    election.vote()
    verification = Verification(election.publish(), ristretto255(), Unwatched(), now_s=now_s)
    list(verify(verification, lambda _: ""))
    told = [fault for fault in verification.faults if "(Credentials) has not said that it erased" in fault]
    assert len(told) == len(verification.faults) == int(is_told)


def test_one_mixer_or_one_voter_is_told_to_hide_nothing() -> None:
    world = new_election(ristretto255(), mixers=1, voters=1, credential_root=bytes(32))
    published = FilesInMemory()
    published.files[RECORD] = world.record
    verification = Verification(published, ristretto255(), Unwatched())
    verification.record()
    assert verification.faults == [
        "there is only one mixer: it knows whose ballot is whose, and no other hides it",
        "there is only one voter: the result is that voter's ballot",
    ]


def test_objections_of_trustees_are_told(election: WholeElection) -> None:
    election.vote()
    objection = TrusteeObjection(
        fingerprint=Hex(election.world.fingerprint), trustee=3, at_s=CLOSES_AT, reason="it closed late"
    )
    election.say(EntryKind.OBJECTION, objection, election.world.keys.trustees[2])
    _, verification = checks_of(election)
    assert verification.faults == ["trustee 3 (Trustee 3) objects: it closed late"]


def test_a_statement_by_another_party_is_refused(election: WholeElection) -> None:
    election.go_on(Phase.FROZEN, Phase.OPEN, OPENS_AT, election.world.keys.administrator)
    found = lie(election)
    assert found.name == "log"
    assert found.detail.startswith("entry 1: the signature (transition)")


def test_an_older_mix_that_the_board_brings_back_is_found(election: WholeElection) -> None:
    election.vote()
    election.mix_one(0, 0, election.inputs()[0])
    first = election.entries[-1]
    election.mix_one(0, 0, election.inputs()[0])
    election.entries.append(first)
    found = lie(election)
    assert (found.name, found.detail) == ("log", f"entry {len(election.entries) - 1}: the same mix is there twice")


def test_a_mixer_that_announces_before_the_one_ahead_is_found(election: WholeElection) -> None:
    election.vote()
    election.mix_one(0, 1, election.inputs()[0])
    found = lie(election)
    assert found.name == "log"
    assert found.detail.endswith("mixer 0 has not mixed poll 0 yet")


def test_counting_has_the_last_word(held: WholeElection) -> None:
    def count(_: Verification) -> str:
        raise LieError("7 votes for Ada, not 8")

    checks = list(verify(Verification(held.publish(), ristretto255(), Unwatched()), count))
    assert (checks[-1].name, checks[-1].passed, checks[-1].detail) == ("result", False, "7 votes for Ada, not 8")
