"""`loopixmix vote mixer`: part the ballots from their voters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopixmix.errors import MisuseError
from votes.cli.outside import DASK, DIRECTORY, OUT, PUBLISHED, vote_outside

if TYPE_CHECKING:
    from votes.mixing.generators import KeptGenerators
    from votes.mixing.mixer import BallotMixer
    from votes.record.signing import PartyKey
    from votes.shuffle.chunks import WorkProgress
    from votes.shuffle.tasks import Elsewhere
    from votes.verify.opened import OpenedRecord

KEY = "identity.key"


@click.group()
def mixer() -> None:
    """Shuffle the ballots of an election, and prove that nothing else was done.

    `init` makes a mixer, `prepare` computes before the election closes what needs no ballots, `mix` does the rest.
    """


@mixer.command()
@DIRECTORY
@click.option("--name", required=True, help="Your name, as the record of the election will show it.")
def init(directory: Path, name: str) -> None:
    """Make a mixer in DIR, and print the lines that the administrator needs."""
    from loopixmix.process.files import create_secret, make_directory
    from votes.record.signing import PartyKey

    path = directory / KEY
    if path.exists():
        raise MisuseError(f"{directory}: there is a mixer already")
    make_directory(directory)
    key = PartyKey.generate(vote_outside().rng)
    create_secret(path, key.seed)
    click.echo(json.dumps({"name": name, "identity": key.identity.hex()}))


@mixer.command()
@DIRECTORY
@click.argument("record", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def prepare(directory: Path, record: Path) -> None:
    """Compute all that needs no ballots, for as many as there are voters in RECORD.

    It may be stopped and called again. What is drawn is secret, and serves one list of ballots.
    """
    from rich.console import Console

    from loopixmix.group.ristretto import ristretto255
    from loopixmix.progress import Steps
    from votes.verify.opened import opened_record

    opened = opened_record(record.read_bytes(), ristretto255())
    own = _own_number(directory, opened)
    with Steps(Console(stderr=True)) as steps:
        generators = _generators_of(directory, opened, steps)
        for poll in range(len(opened.election.polls)):
            _mixer_of(directory, opened, poll, own, generators, steps).prepare()
    click.echo(f"{directory}: prepared for {opened.election.voters:,} ballots in {len(opened.election.polls)} polls")


@mixer.command()
@DIRECTORY
@PUBLISHED
@OUT
@DASK
def mix(directory: Path, published: Path, out: Path, dask: str | None) -> None:
    """Verify the election in PUBLISHED as far as it went, shuffle what this mixer gets, and put the result into OUT.

    Stopped, it goes on where it was when it is called again. OUT has the form of a published election; the board takes
    it from there. A cluster must be yours alone: its machines can link ballots.
    """
    from rich.console import Console

    from loopixmix.process.files import PUBLIC_FILE, make_directory, write_atomically
    from loopixmix.progress import Steps
    from votes.cli.inputs import machines, verified_ballots
    from votes.record.canonical import Hex
    from votes.record.statements import MixAnnouncement, sign_statement
    from votes.verify.opened import file_digest
    from votes.verify.published import announcement_of, mix_files

    with Steps(Console(stderr=True)) as steps:
        verification = verified_ballots(published, steps, dask)
        opened = verification.known
        own = _own_number(directory, opened)
        verification.generators = generators = _generators_of(directory, opened, steps)
        for poll, before in enumerate(verification.chain(own)):
            working = _mixer_of(directory, opened, poll, own, generators, steps, machines(dask))
            made = working.shuffle(bytes(before))
            output, proof = made.output.read_bytes(), made.proof.read_bytes()
            output_name, proof_name = mix_files(opened.election.polls[poll].id, own)
            statement = MixAnnouncement(
                fingerprint=Hex(opened.fingerprint),
                poll=poll,
                mixer=own,
                output=Hex(file_digest(output)),
                proof=Hex(file_digest(proof)),
            )
            make_directory((out / output_name).parent)
            write_atomically(out / output_name, output, mode=PUBLIC_FILE)
            write_atomically(out / proof_name, proof, mode=PUBLIC_FILE)
            signed = sign_statement(statement, _key(directory))
            write_atomically(out / announcement_of(output_name), signed, mode=PUBLIC_FILE)
    rows, name = len(verification.ballot_box.counting), opened.election.mixers[own].name
    click.echo(f"{out}: mixer {own} ({name}) has shuffled {rows:,} ballots")


def _key(directory: Path) -> PartyKey:
    from loopixmix.process.files import load_secret
    from votes.record.signing import SEED_BYTES, PartyKey

    path = directory / KEY
    if not path.is_file():
        raise MisuseError(f"{directory}: there is no mixer here; `loopixmix vote mixer init` makes one")
    return PartyKey(load_secret(path, SEED_BYTES, called="the key of a mixer"))


def _own_number(directory: Path, opened: OpenedRecord) -> int:
    identities = [bytes(each.identity) for each in opened.election.mixers]
    identity = _key(directory).identity
    if identity not in identities:
        raise MisuseError(f"{directory}: this mixer is none of the election's")
    return identities.index(identity)


def _generators_of(directory: Path, opened: OpenedRecord, progress: WorkProgress) -> KeptGenerators:
    """Return as many generators as there are voters; they are derived if they were not."""
    from votes.mixing.generators import KeptGenerators

    generators = KeptGenerators(directory / "generators", opened.group, opened.fingerprint, opened.election.voters)
    generators.derive(progress)
    return generators


def _mixer_of(
    directory: Path,
    opened: OpenedRecord,
    poll: int,
    own: int,
    generators: KeptGenerators,
    progress: WorkProgress,
    elsewhere: Elsewhere | None = None,
) -> BallotMixer:
    from votes.mixing.mixer import BallotMixer
    from votes.shuffle.statement import ShuffleStatement

    width, voters = opened.form.codings[poll].width, opened.election.voters
    key = opened.key.public_key
    statement = ShuffleStatement(opened.group, opened.fingerprint, poll, own, key, width, voters)
    folder = directory / "polls" / opened.fingerprint.hex()[:16] / opened.election.polls[poll].id
    rng = vote_outside().rng
    return BallotMixer(folder, statement, generators, rng=rng, progress=progress, elsewhere=elsewhere)
