from __future__ import annotations

from pathlib import Path

import pytest

from loopixmix.process.files import LockedError
from tests.worlds.election_folders import trustee_folder, write_published
from tests.worlds.vote_commands import VoteCommands
from tests.worlds.whole_elections import WholeElection
from votes.record.entries import EntryKind
from votes.shuffle.chunks import Unwatched
from votes.trustees.directory import TrusteeDirectory
from votes.verify.published import HEAD, LISTS, announcement_of, shares_file
from votes.verify.verifier import Verification, verify


@pytest.fixture
def commands(tmp_path: Path) -> VoteCommands:
    return VoteCommands(tmp_path)


@pytest.fixture
def election() -> WholeElection:
    made = WholeElection()
    made.vote()
    return made


def hand_in_lists(election: WholeElection, out: Path) -> None:
    """Put a trustee's statement into the log, as the board does."""
    election.append(EntryKind.LISTS, (out / announcement_of(LISTS)).read_bytes(), election.world.election.closes_at)


def test_a_trustee_binds_itself_and_then_decrypts_what_it_verified(
    commands: VoteCommands, election: WholeElection, tmp_path: Path
) -> None:
    election.mix()
    published = write_published(election.publish(), tmp_path / "published")
    folder, out = trustee_folder(election, 2, tmp_path / "trustee"), tmp_path / "out"
    assert "nothing is decrypted yet" in commands.good("trustee", "decrypt", folder, published, out)
    assert not (out / shares_file("board", 2)).exists()
    hand_in_lists(election, out)
    election.bound.add(2)
    write_published(election.publish(), published)
    assert "trustee 2 has decrypted its part of 2 polls" in commands.good("trustee", "decrypt", folder, published, out)
    for number, poll in enumerate(election.world.election.polls):
        election.announce_share(number, 2, (out / shares_file(poll.id, 2)).read_bytes())
    election.decrypt((1,))
    verification = Verification(election.publish(), election.group, Unwatched())
    assert all(check.passed for check in verify(verification, lambda _: ""))


def test_a_trustee_never_decrypts_a_second_list(
    commands: VoteCommands, election: WholeElection, tmp_path: Path
) -> None:
    other = election.copy()
    folder = trustee_folder(election, 1, tmp_path / "trustee")
    for number, each in enumerate((election, other)):
        each.mix()
        published = write_published(each.publish(), tmp_path / f"published {number}")
        arguments = ("trustee", "decrypt", folder, published, tmp_path / f"out {number}")
        if number == 0:
            commands.good(*arguments)
        else:
            assert "not the list that was decrypted before" in commands.refused(*arguments)
            assert not (tmp_path / "out 1").exists()


def test_a_restored_trustee_is_held_by_what_it_said_on_the_board(
    commands: VoteCommands, election: WholeElection, tmp_path: Path
) -> None:
    """The folder that knew the list is lost; the log is the same, with another list at its end."""
    other = election.copy()
    election.mix()
    other.mix()
    published = write_published(election.publish(), tmp_path / "published")
    first, out = trustee_folder(election, 1, tmp_path / "first"), tmp_path / "out"
    commands.good("trustee", "decrypt", first, published, out)
    first.rename(tmp_path / "lost")
    hand_in_lists(other, out)
    restored = trustee_folder(election, 1, tmp_path / "restored")
    shown = write_published(other.publish(), tmp_path / "shown")
    told = commands.refused("trustee", "decrypt", restored, shown, tmp_path / "second")
    assert told == "the board's log says that trustee 1 decrypts other lists than these, and it never decrypts two"
    assert not (tmp_path / "second").exists()
    # Shown the true log, it goes on.
    hand_in_lists(election, out)
    write_published(election.publish(), published)
    assert "has decrypted" in commands.good("trustee", "decrypt", restored, published, tmp_path / "third")


def test_a_restored_trustee_needs_the_head_that_somebody_else_has(
    commands: VoteCommands, election: WholeElection, tmp_path: Path
) -> None:
    """A board may show it a log of its own, in which it has not bound itself to a list yet."""
    before = election.copy()
    forked = election.copy()
    election.mix()
    forked.mix()
    theirs = write_published(election.publish(), tmp_path / "theirs") / HEAD
    folder = trustee_folder(election, 1, tmp_path / "trustee")
    restored = TrusteeDirectory.restore(tmp_path / "restored", TrusteeDirectory(folder).secrets()).path
    words = ("trustee", "decrypt", restored, write_published(forked.publish(), tmp_path / "shown"), tmp_path / "out")
    assert "this trustee was restored" in commands.refused(*words)
    old = write_published(before.publish(), tmp_path / "old") / HEAD
    assert "this trustee was restored" in commands.refused(*words, "--head", old)
    assert "the board signed two logs" in commands.refused(*words, "--head", old, "--head", theirs)
    assert not (tmp_path / "out").exists()
    honest = (*words[:3], theirs.parent, tmp_path / "out")
    assert "binds itself" in commands.good(*honest, "--head", theirs)


def test_a_trustee_decrypts_nothing_that_is_not_verified(
    commands: VoteCommands, election: WholeElection, tmp_path: Path
) -> None:
    election.mix()
    del election.entries[5]
    published = write_published(election.publish(), tmp_path / "published")
    folder = trustee_folder(election, 1, tmp_path / "trustee")
    assert "mixer 0" in commands.refused("trustee", "decrypt", folder, published, tmp_path / "out")
    assert not list(folder.glob("decrypted-*"))


def test_two_programs_never_decrypt_for_one_trustee(
    commands: VoteCommands, election: WholeElection, tmp_path: Path
) -> None:
    """Each would write down a list of its own, where the other has not looked yet."""
    published = write_published(election.publish(), tmp_path / "published")
    folder = trustee_folder(election, 1, tmp_path / "trustee")
    with TrusteeDirectory(folder).lock:
        result = commands.run("trustee", "decrypt", folder, published, tmp_path / "out")
    assert isinstance(result.exception, LockedError)
