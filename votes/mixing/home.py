"""The directory of a mixer for one poll: what is in it, in which order it comes there, and how it is erased.

The order decides about secrecy. What was drawn serves one proof about one list: two proofs about two lists with the
same randomness give away the permutation.

1. `plan`: what the directory is for.
2. `seed`: a secret from which everything drawn follows. It is written once.
3. `prepared/`: multiples of it, sealed under it.
4. `binding`: the input's digest, and which seed serves it. It is on the disk before anything is made of the input.
5. `parts/`: output and proof by chunks, sealed.
6. `output`, `proof`, and then `done`, which says that they are whole and belong to this input.
7. The seed is overwritten and removed, and then the rest.

If the input is another than the one that is bound, the seed is erased before anything else happens. So no seed is ever
there that served a list without saying which.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

import msgspec

from loopixmix.errors import MisuseError, StoreError
from loopixmix.process.files import make_directory, remove_file, sync_directory, write_atomically, write_together
from loopixmix.seams import Rng
from votes.mixing.sealing import remove_files
from votes.mixing.secret import erase, load_seed, new_seed, seed_name
from votes.shuffle.chunks import WorkProgress
from votes.shuffle.proving import Shuffled


class MixPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a directory is for. `about`: a digest of poll, mixer and election."""

    about: str
    rows: int
    chunk_rows: int


class InputBinding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which input a seed serves; both are digests."""

    before: str
    seed: str


class MixDone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was made of which input; all are digests."""

    before: str
    output: str
    proof: str


class MixHome:
    """The directory of a mixer for one poll. The caller holds its lock."""

    def __init__(self, directory: Path, rng: Rng, progress: WorkProgress) -> None:
        """`directory` is made if it is not there."""
        make_directory(directory)
        self.directory = directory
        self.lock = directory / "lock"
        self.prepared = directory / "prepared"
        self.parts = directory / "parts"
        self.output = directory / "output"
        self.proof = directory / "proof"
        self._plan, self._seed = directory / "plan", directory / "seed"
        self._binding, self._done = directory / "binding", directory / "done"
        self._rng = rng
        self._progress = progress

    def plan(self, wanted: MixPlan) -> MixPlan:
        """Return the plan that the directory has, or give it this one.

        The number of rows in a chunk stays what it was at first: the draws depend on it. Raises `MisuseError` if the
        directory is for something else.
        """
        if (found := _read(self._plan, MixPlan)) is None:
            write_atomically(self._plan, msgspec.json.encode(wanted))
            return wanted
        if (found.about, found.rows) != (wanted.about, wanted.rows):
            raise MisuseError(f"{self.directory}: belongs to the mix of another poll, mixer or election")
        return found

    def seed(self) -> bytes:
        """Return the seed, which is drawn if there is none."""
        seed = load_seed(self._seed)
        return seed if seed is not None else new_seed(self._seed, self._rng)

    def bind(self, before: bytes) -> bytes:
        """Return the seed that serves the input with this digest. When this returns, the disk says so."""
        found, seed = _read(self._binding, InputBinding), load_seed(self._seed)
        if found is not None and (seed is None or found != _binding(before, seed)):
            self.erase()
        seed = self.seed()
        self._progress.step("binding what was drawn to the input", 2)
        self._progress.done(1)
        write_atomically(self._binding, msgspec.json.encode(_binding(before, seed)))
        self._progress.done(2)
        return seed

    def finish(self, before: bytes, shuffled: Shuffled) -> None:
        """Put the result on the disk, and then say that it is whole."""
        self._progress.step("writing the output and the proof", 1)
        done = MixDone(before.hex(), _digest(shuffled.output), _digest(shuffled.proof))
        contents = {self.output: bytes(shuffled.output), self.proof: bytes(shuffled.proof)}
        write_together({**contents, self._done: msgspec.json.encode(done)})
        self._progress.done(1)

    def is_done(self, before: bytes) -> bool:
        """Tell whether the result for this input is there, and whole."""
        done = _read(self._done, MixDone)
        if done is None or done.before != before.hex():
            return False
        return [_digest_of(path) for path in (self.output, self.proof)] == [done.output, done.proof]

    def is_done_for_some_input(self) -> bool:
        """Tell whether there is a result."""
        return self._done.exists()

    def forget_result(self) -> None:
        """Remove the result for another input."""
        for path in (self._done, self.output, self.proof):
            remove_file(path)
        sync_directory(self.directory)

    def erase(self) -> None:
        """Erase all that was drawn, and what follows from it; the result stays."""
        self._progress.step("erasing what was drawn", 4)
        # First of all: without it nothing of the rest can be read, nor serve again.
        erase(self._seed)
        self._progress.done(1)
        remove_files(self.prepared)
        self._progress.done(2)
        remove_files(self.parts)
        self._progress.done(3)
        remove_file(self._binding)
        sync_directory(self.directory)
        self._progress.done(4)


def _binding(before: bytes, seed: bytes) -> InputBinding:
    return InputBinding(before.hex(), seed_name(seed).hex())


_Kind = TypeVar("_Kind", MixPlan, InputBinding, MixDone)


def _read(path: Path, kind: type[_Kind]) -> _Kind | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise StoreError(f"{path}: is damaged: {error}") from error


def _digest(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
