from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.worlds.clusters import Cluster
from tests.worlds.election_folders import mixer_folder, write_published
from tests.worlds.vote_commands import VoteCommands
from tests.worlds.whole_elections import WholeElection
from votes.record.entries import EntryKind
from votes.record.phases import Phase
from votes.record.statements import MixAnnouncement, open_statement
from votes.verify.published import RECORD, announcement_of, mix_files


@pytest.fixture
def commands(tmp_path: Path) -> VoteCommands:
    return VoteCommands(tmp_path)


@pytest.fixture
def election() -> WholeElection:
    election = WholeElection()
    election.vote()
    return election


def test_two_mixers_shuffle_one_after_another(commands: VoteCommands, election: WholeElection, tmp_path: Path) -> None:
    published = write_published(election.publish(), tmp_path / "published")
    for number in range(2):
        folder = mixer_folder(election, number, tmp_path / f"mixer {number}")
        assert "prepared for 4 ballots in 2 polls" in commands.good("mixer", "prepare", folder, published / RECORD)
        told = commands.good("mixer", "mix", folder, published, published)
        assert f"mixer {number} (Mixer {number}) has shuffled 4 ballots" in told
        for poll in election.world.election.polls:
            output, _ = mix_files(poll.id, number)
            body = (published / announcement_of(output)).read_bytes()
            election.append(EntryKind.MIX, body, 1_800_086_400)
        write_published(election.publish(), published)
    output, proof = mix_files("board", 1)
    identity = election.world.keys.mixers[1].identity
    said = open_statement((published / announcement_of(output)).read_bytes(), MixAnnouncement, lambda _: identity)
    assert said.proof == hashlib.sha512((published / proof).read_bytes()).digest()


def test_a_mixer_checks_the_mixer_before_it(commands: VoteCommands, election: WholeElection, tmp_path: Path) -> None:
    election.announce_mix(0, 0, election.inputs()[0], b"no proof")
    published = write_published(election.publish(), tmp_path / "published")
    told = commands.refused("mixer", "mix", mixer_folder(election, 1, tmp_path / "m"), published, tmp_path / "out")
    assert "mixer 0 (Mixer 0), poll 0: a proof for 4 rows" in told
    assert not (tmp_path / "out").exists()


def test_a_mixer_of_another_election_is_told(commands: VoteCommands, election: WholeElection, tmp_path: Path) -> None:
    published = write_published(election.publish(), tmp_path / "published")
    assert '"identity"' in commands.good("mixer", "init", tmp_path / "stranger", "--name", "Zoe")
    told = commands.refused("mixer", "mix", tmp_path / "stranger", published, tmp_path / "out")
    assert "this mixer is none of the election's" in told
    assert "a mixer already" in commands.refused("mixer", "init", tmp_path / "stranger", "--name", "Zoe")
    assert "no mixer here" in commands.refused("mixer", "mix", tmp_path / "nobody", published, tmp_path / "out")


def test_a_folder_without_an_election_is_told(commands: VoteCommands, election: WholeElection, tmp_path: Path) -> None:
    folder = mixer_folder(election, 0, tmp_path / "m")
    (tmp_path / "empty").mkdir()
    told = commands.refused("mixer", "mix", folder, tmp_path / "empty", tmp_path / "out")
    assert "no published election here" in told


def test_a_cluster_shares_shuffles_and_checks(commands: VoteCommands, election: WholeElection, tmp_path: Path) -> None:
    published = write_published(election.publish(), tmp_path / "published")
    (tmp_path / "cluster").mkdir()
    cluster = Cluster(tmp_path / "cluster")
    try:
        cluster.wait_for_workers()
        for number in range(2):
            folder = mixer_folder(election, number, tmp_path / f"mixer {number}")
            told = commands.good("mixer", "mix", folder, published, published, "--dask", cluster.address)
            assert "has shuffled 4 ballots" in told
            for poll in election.world.election.polls:
                output, _ = mix_files(poll.id, number)
                election.append(EntryKind.MIX, (published / announcement_of(output)).read_bytes(), 1_800_086_400)
            write_published(election.publish(), published)
        election.go_on(Phase.CLOSED, Phase.MIXED, 1_800_086_400)
        write_published(election.publish(), published)
        shown = commands.run("verify", published, "--dask", cluster.address).output
    finally:
        cluster.stop()
    # It goes no further than the election did, but the mixes are right, and not only for the cluster.
    for told in (shown, commands.run("verify", published).output):
        assert "pass  mixes        2 mixers, 2 polls, 4 rows" in told


def test_what_is_no_address_of_a_cluster_is_refused(
    commands: VoteCommands, election: WholeElection, tmp_path: Path
) -> None:
    published = write_published(election.publish(), tmp_path / "published")
    folder = mixer_folder(election, 0, tmp_path / "mixer")
    told = commands.refused("mixer", "mix", folder, published, tmp_path / "out", "--dask", "nowhere")
    assert "--dask nowhere: must be the address of a scheduler" in told
    # What was drawn waits for the next attempt.
    assert "has shuffled 4 ballots" in commands.good("mixer", "mix", folder, published, tmp_path / "out")


def test_a_key_that_others_may_read_is_refused(commands: VoteCommands, election: WholeElection, tmp_path: Path) -> None:
    published = write_published(election.publish(), tmp_path / "published")
    folder = mixer_folder(election, 0, tmp_path / "mixer")
    (folder / "identity.key").chmod(0o644)
    assert "others may read this private key" in commands.refused("mixer", "mix", folder, published, tmp_path / "out")
    (folder / "identity.key").chmod(0o600)
    (folder / "identity.key").write_bytes(bytes(32))
    assert "is not the key of a mixer" in commands.refused("mixer", "mix", folder, published, tmp_path / "out")
