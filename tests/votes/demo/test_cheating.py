from __future__ import annotations

from pathlib import Path

import pytest

from tests.worlds.election_folders import mixer_folder, trustee_folder, write_published
from tests.worlds.vote_commands import VoteCommands
from tests.worlds.whole_elections import WholeElection
from votes.cli.folder import FolderElection
from votes.demo.cheating import falsify_share, stuff_mix
from votes.record.entries import EntryKind
from votes.shuffle.chunks import Unwatched
from votes.verify.published import announcement_of, mix_files, shares_file
from votes.verify.verifier import Verification, verify

ELEMENT = 32


@pytest.fixture
def election() -> WholeElection:
    made = WholeElection()
    made.vote()
    return made


def checked(election: WholeElection, path: Path) -> tuple[list[str], Verification]:
    """Return what the failed check says, and what else was found."""
    verification = Verification(FolderElection(write_published(election.publish(), path)), election.group, Unwatched())
    checks = list(verify(verification, lambda _: ""))
    return [check.detail for check in checks if not check.passed], verification


def test_a_stuffed_mix_is_taken_by_the_board_and_names_its_mixer_to_the_verifier(
    election: WholeElection, tmp_path: Path
) -> None:
    published = write_published(election.publish(), tmp_path / "published")
    honest, cheat = tmp_path / "honest", tmp_path / "cheat"
    VoteCommands(tmp_path).good("mixer", "mix", mixer_folder(election, 0, tmp_path / "mixer"), published, honest)
    poll = election.world.election.polls[0].id
    stuff_mix(honest, cheat, poll, 0, election.world.keys.mixers[0], ELEMENT)
    output, proof = mix_files(poll, 0)
    assert (cheat / output).read_bytes() != (honest / output).read_bytes()
    for name in (output, proof):
        election.published.files[name] = (cheat / name).read_bytes()
    # As if the board had stored it.
    body = (cheat / announcement_of(output)).read_bytes()
    election.append(EntryKind.MIX, body, election.world.election.closes_at)
    refused = VoteCommands(tmp_path).refused(
        "mixer",
        "mix",
        mixer_folder(election, 1, tmp_path / "second"),
        write_published(election.publish(), tmp_path / "again"),
        tmp_path / "out",
    )
    assert "mixer 0" in refused
    assert "poll 0" in refused


def test_a_false_share_names_its_trustee_and_the_others_decrypt(election: WholeElection, tmp_path: Path) -> None:
    election.mix()
    election.bind(1)
    published = write_published(election.publish(), tmp_path / "published")
    honest, cheat = tmp_path / "honest", tmp_path / "cheat"
    VoteCommands(tmp_path).good("trustee", "decrypt", trustee_folder(election, 1, tmp_path / "one"), published, honest)
    poll = election.world.election.polls[0].id
    falsify_share(honest, cheat, poll, 1, election.world.keys.trustees[0], ELEMENT)
    name = shares_file(poll, 1)
    assert (cheat / name).read_bytes() != (honest / name).read_bytes()
    election.published.files[name] = (cheat / name).read_bytes()
    election.append(EntryKind.SHARES, (cheat / announcement_of(name)).read_bytes(), election.world.election.closes_at)
    election.decrypt((2, 3))
    failed, verification = checked(election, tmp_path / "decrypted")
    assert failed == []
    assert [fault for fault in verification.faults if "trustee 1" in fault]
