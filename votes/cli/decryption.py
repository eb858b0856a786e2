"""`loopixmix vote trustee decrypt`: a trustee's part of the tally."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from votes.cli.outside import DIRECTORY, OUT, PUBLISHED, vote_outside

if TYPE_CHECKING:
    from loopixmix.progress import Steps
    from votes.public.calls import PublicBoard
    from votes.trustees.decryption import DecryptionStatement
    from votes.trustees.directory import TrusteeDirectory
    from votes.trustees.generation import KeyShare
    from votes.verify.opened import OpenedRecord
    from votes.verify.verifier import Verification


@click.command()
@DIRECTORY
@PUBLISHED
@OUT
@click.option(
    "--head",
    "heads",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The file `head` of what somebody else has just fetched; a trustee that was restored needs one at least.",
)
@click.option("--board", "url", metavar="URL", help="Bind yourself to the lists on this board, and decrypt in one go.")
def decrypt(directory: Path, published: Path, out: Path, heads: tuple[Path, ...], url: str | None) -> None:
    """Verify the election in PUBLISHED up to the last mixer, decrypt this trustee's part of it, and put it into OUT.

    Before anything is decrypted, the board's log has to say to which lists this trustee binds itself: no other list of
    this election is ever decrypted, also after a backup was restored. Without `--board` the first call makes that
    statement, and decrypts nothing: hand OUT in, `fetch`, and call it again.
    """
    from rich.console import Console

    from loopixmix.progress import Steps
    from votes.administration.freezing import ceremony_of
    from votes.cli.inputs import verified_ballots
    from votes.trustees.directory import TrusteeDirectory
    from votes.trustees.guard import commit_to_list

    own = TrusteeDirectory(directory)
    with own.lock, Steps(Console(stderr=True)) as steps:
        verification = verified_ballots(published, steps, watched=directory)
        _compare_heads(verification, heads, is_restored=own.is_restored)
        verification.mixes()
        known = verification.known
        share = own.share(ceremony_of(known.election, known.group))
        statements = [verification.decryption(poll) for poll in range(len(known.election.polls))]
        _refuse_others(verification, share.number, statements)
        for statement in statements:
            commit_to_list(directory, statement)
        is_bound = share.number in verification.log.lists
        if not is_bound:
            _bind(own, known, share.number, statements, out)
        if not is_bound and url is not None:
            _bind_at(url, published, verification, share.number, statements, out)
            is_bound = True
        if is_bound:
            _decrypt(own, known, share, statements, out, steps)
    if is_bound:
        click.echo(f"{out}: trustee {share.number} has decrypted its part of {len(statements)} polls")
        return
    click.echo(f"{out}: trustee {share.number} binds itself to these lists; nothing is decrypted yet")
    click.echo(f"next:  loopixmix vote submit URL {out};  fetch into {published};  then call this again")


def _compare_heads(verification: Verification, heads: tuple[Path, ...], *, is_restored: bool) -> None:
    """Compare the log with heads that others have. Whoever has no memory of its own needs theirs."""
    from loopixmix.errors import MisuseError
    from votes.record.heads import decode_head
    from votes.record.phases import Phase
    from votes.verify.opened import SeenBallots

    mixed = next((index for index, each in verification.log.transitions if each.after is Phase.MIXED), None)
    newest = 0
    for path in heads:
        head = decode_head(path.read_bytes(), verification.known.election.board.identity).head
        SeenBallots(head.size, head.root, {}).check(verification.tree)
        newest = max(newest, head.size)
    if is_restored and mixed is not None and newest <= mixed:
        raise MisuseError(
            "this trustee was restored, and does not know what it decrypted before. Give `--head FILE`: the file "
            "`head` that another trustee or an auditor has fetched just now, after the mixing. It shows whether the "
            "board has shown them the same log"
        )


def _refuse_others(verification: Verification, number: int, statements: list[DecryptionStatement]) -> None:
    """Refuse lists other than those that the log says this trustee decrypts, whatever its own folder remembers."""
    from votes.trustees.guard import OtherListError, list_digest

    bound = verification.log.lists.get(number)
    if bound is not None and [bytes(each) for each in bound.lists] != [list_digest(each) for each in statements]:
        raise OtherListError(
            f"the board's log says that trustee {number} decrypts other lists than these, and it never decrypts two"
        )


def _bind(
    own: TrusteeDirectory, known: OpenedRecord, number: int, statements: list[DecryptionStatement], out: Path
) -> None:
    from loopixmix.process.files import PUBLIC_FILE, make_directory, write_atomically
    from votes.record.canonical import Hex
    from votes.record.statements import sign_statement
    from votes.record.trustees import ListCommitment
    from votes.trustees.guard import list_digest
    from votes.verify.published import LISTS, announcement_of

    lists = tuple(Hex(list_digest(each)) for each in statements)
    commitment = ListCommitment(fingerprint=Hex(known.fingerprint), trustee=number, lists=lists)
    make_directory(out)
    write_atomically(out / announcement_of(LISTS), sign_statement(commitment, own.signing_key), mode=PUBLIC_FILE)


def _bind_at(
    url: str,
    published: Path,
    verification: Verification,
    number: int,
    statements: list[DecryptionStatement],
    out: Path,
) -> None:
    """Hand the statement in, and see it in a log that the board signed and that continues the verified one."""
    from loopixmix.errors import PeerError
    from votes.cli.folder import FolderElection
    from votes.cli.public import perform_at
    from votes.record.entries import EntryKind
    from votes.verify.opened import open_log
    from votes.verify.published import ENTRIES, LISTS, announcement_of

    before = bytes(verification.published.read(ENTRIES))

    async def work(board: PublicBoard) -> None:
        from votes.public.fetching import fetch

        await board.announce(EntryKind.LISTS, (out / announcement_of(LISTS)).read_bytes())
        await fetch(board, published, verification.group, lambda _: None)

    perform_at(url, work)
    renewed = FolderElection(published)
    if not bytes(renewed.read(ENTRIES)).startswith(before):
        raise PeerError(f"{url}: the board's log does not continue the one that was verified")
    verification.log, _ = open_log(renewed, verification.known)
    if number not in verification.log.lists:
        raise PeerError(f"{url}: the board did not write down to which lists trustee {number} binds itself")
    _refuse_others(verification, number, statements)


def _decrypt(
    own: TrusteeDirectory,
    known: OpenedRecord,
    share: KeyShare,
    statements: list[DecryptionStatement],
    out: Path,
    steps: Steps,
) -> None:
    from loopixmix.process.files import PUBLIC_FILE, make_directory, write_atomically
    from votes.record.canonical import Hex
    from votes.record.statements import SharesAnnouncement, sign_statement
    from votes.trustees.decryption import decrypt_partially
    from votes.verify.opened import file_digest
    from votes.verify.published import announcement_of, shares_file

    for statement in statements:
        planned = known.election.polls[statement.poll]
        steps.step(f"decrypting {planned.id}", len(statement.ciphertexts) * statement.ciphertexts.width)
        made = decrypt_partially(statement, share, vote_outside().rng, steps.done).encode()
        name = shares_file(planned.id, share.number)
        announcement = SharesAnnouncement(
            fingerprint=Hex(known.fingerprint), poll=statement.poll, trustee=share.number, shares=Hex(file_digest(made))
        )
        make_directory((out / name).parent)
        write_atomically(out / name, made, mode=PUBLIC_FILE)
        signed = sign_statement(announcement, own.signing_key)
        write_atomically(out / announcement_of(name), signed, mode=PUBLIC_FILE)
