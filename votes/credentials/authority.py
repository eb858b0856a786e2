"""The work of a credential authority, from voters to the day on which it forgets who has which credential."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from loopixmix.errors import MisuseError
from loopixmix.group.group import Group
from loopixmix.seams import Rng
from votes.credentials.codes import SECRET_BYTES, code_of, draw_secret, shown_code
from votes.credentials.derivation import credentials_of, secrets_of
from votes.credentials.folder import ERASURE_FILE, LIST_FILE, RECORD_FILE, AuthorityFolder, RemovedVoter, write_private
from votes.credentials.invitation import Invitation
from votes.credentials.listing import CredentialList
from votes.credentials.voters import ADDED, VoterRules, VoterTable, read_voters, write_mailing
from votes.record.canonical import Hex
from votes.record.election import Election, decode_draft, draft_digest
from votes.record.fingerprint import fingerprint_of, shown
from votes.record.phases import Phase, Transition
from votes.record.rules.reading import decode_election
from votes.record.statements import ErasureStatement, sign_statement

CHUNK = 10_000
"""Codes that become credentials in one go, and then progress is told."""

NOWHERE = 2**32 - 1
"""Where the credential of a voter stands who was taken out before the freeze."""

Progress = Callable[[str, int, int], object]
"""Hears what is done, how many of it, and of how many."""


def untold(text: str, done: int, of: int) -> None:
    """Tell nobody."""


class CredentialAuthority:
    """An authority in its folder; one process at a time uses it."""

    def __init__(self, folder: AuthorityFolder, group: Group, *, rng: Rng) -> None:
        """`group`: that of the election."""
        self.folder = folder
        self._group = group
        self._rng = rng
        self._facts = folder.facts()
        if self._facts.group != group.name:
            raise MisuseError(f"the authority is made for {self._facts.group}, not for {group.name}")
        self.salt = bytes.fromhex(self._facts.salt)

    @property
    def name(self) -> str:
        """How the record names the authority."""
        return self._facts.name

    def take_voters(self, data: bytes, rules: VoterRules, progress: Progress = untold) -> int:
        """Replace the voters by those of a CSV file; return how many there are.

        Raises `VoterFileError` with all faults, and has changed nothing then.
        """
        self._refuse_after_freeze("voters cannot change any more")
        lines = data.count(b"\n")
        table = read_voters(data, rules, lambda line: progress("Lines read", line, lines))
        self.folder.drop_list()
        self.folder.codes.erase()
        self.folder.places.erase()
        self.folder.put_removed([])
        self.folder.put_voters(table)
        return len(table.rows)

    def draw_codes(self, progress: Progress = untold) -> CredentialList:
        """Draw a code for each voter who has none, and make the list of credentials.

        After a crash it makes the list anew, of the codes that there are.
        """
        self._refuse_after_freeze("codes cannot change any more")
        if not self.folder.codes.is_there:
            self.folder.codes.write(b"".join(draw_secret(self._rng) for _ in self._voters().rows), self._rng)
        return self._make_list(progress)

    def renew(self, voter: str, progress: Progress = untold) -> str:
        """Draw a new code for a voter who lost theirs, and return it; the old one is worth nothing any more."""
        self._refuse_after_freeze("a lost code cannot be replaced, because the list of credentials is in the record")
        number = self._voters().find(voter)
        self._refuse_removed(voter)
        secrets = self._secrets()
        secrets[number] = draw_secret(self._rng)
        self.folder.drop_list()
        self.folder.codes.write(b"".join(secrets), self._rng)
        self._make_list(progress)
        return code_of(secrets[number])

    def remove(self, voter: str, reason: str, now_s: float, progress: Progress = untold) -> RemovedVoter:
        """Take out a voter, for a reason that is written down.

        After the freeze the credential stays in the list; the administrator excludes the ballots that it casts.
        """
        if not reason.strip():
            raise MisuseError("say for what reason the voter is taken out")
        number = self._voters().find(voter)
        self._refuse_removed(voter)
        is_frozen = self.frozen_record() is not None
        credential = self.credentials()[self._places()[number]] if is_frozen else b""
        removed = RemovedVoter(voter=voter, reason=reason, at_s=int(now_s), credential=credential.hex())
        if not is_frozen:
            self.folder.drop_list()
        self.folder.put_removed([*self.folder.removed(), removed])
        if not is_frozen and self.folder.codes.is_there:
            self._make_list(progress)
        return removed

    def credentials(self) -> CredentialList:
        """Return the list of credentials; raise `MisuseError` if it is not made yet."""
        data = self.folder.optional(LIST_FILE)
        if data is None:
            raise MisuseError("there is no list of credentials yet: draw the codes first")
        return CredentialList(data, self._group.element_bytes)

    def sign_list(self, draft: bytes, now_s: float) -> bytes:
        """Return the signed transition of a draft that has this authority's list, from `draft` to `listed`."""
        election = decode_draft(draft)
        self._check_ours(election)
        transition = Transition(
            fingerprint=Hex(draft_digest(election)), before=Phase.DRAFT, after=Phase.LISTED, at_s=int(now_s), reason=""
        )
        return sign_statement(transition, self.folder.key())

    def freeze(self, record: bytes) -> bytes:
        """Keep the record of the election; return its fingerprint. From now on nothing changes any more."""
        before = self.folder.optional(RECORD_FILE)
        if before is not None and before != record:
            raise MisuseError("the election is frozen, with another record")
        self._check_ours(decode_election(record, self._group))
        self.folder.put(RECORD_FILE, record)
        return fingerprint_of(record)

    def frozen_record(self) -> bytes | None:
        """Return the record of the election; None before the freeze."""
        return self.folder.optional(RECORD_FILE)

    def write_invitations(self, path: Path, progress: Progress = untold) -> None:
        """Write the file from which invitations are mailed: all that the file of voters had, and the code.

        After the freeze also fingerprint and invitation, which has the proof that the credential is in the list.
        """
        table, secrets = self._voters(), self._secrets()
        record = self.frozen_record()
        credentials, places = self.credentials(), self._places()
        fingerprint = b"" if record is None else fingerprint_of(record)

        def rows() -> Iterator[Sequence[str]]:
            for number in self._remaining(table):
                row = table.rows[number]
                added = [shown_code(code_of(secrets[number])), "", ""]
                if fingerprint:
                    place = places[number]
                    added[1] = Invitation(fingerprint, place, credentials.path(place)).encode()
                    added[2] = shown(fingerprint)
                if number % CHUNK == 0:
                    progress("Invitations", number, len(table.rows))
                yield *row, *added

        write_private(path, write_mailing((*table.columns, *ADDED), rows()))

    def write_reminders(self, path: Path) -> None:
        """Write the file from which reminders are mailed, to every voter alike, whether they have voted or not."""
        table = self._voters()
        write_private(path, write_mailing(table.columns, (table.rows[number] for number in self._remaining(table))))

    def erase(self, now_s: float) -> bytes:
        """Erase codes, and who has which credential; return the signed statement of that.

        If it is done again, the same statement is returned.
        """
        record = self.frozen_record()
        if record is None:
            raise MisuseError("before the freeze nothing is erased: voters could not be invited")
        before = self.folder.optional(ERASURE_FILE)
        if before is None:
            digests = (self.folder.codes.digest(), self.folder.places.digest())
            statement = ErasureStatement(
                fingerprint=Hex(fingerprint_of(record)),
                at_s=int(now_s),
                erased=tuple(Hex(each) for each in digests if each is not None),
            )
            before = sign_statement(statement, self.folder.key())
            # Before the erasure: after a crash it is known what there was, and the erasure is done again.
            self.folder.put(ERASURE_FILE, before)
        self.folder.codes.erase()
        self.folder.places.erase()
        return before

    def _make_list(self, progress: Progress) -> CredentialList:
        """Make the list of the codes that there are, and of the voters who were not taken out."""
        table = self._voters()
        secrets, remaining = self._codes(), self._remaining(table)
        encoded = list(self._encoded([secrets[number] for number in remaining], progress))
        credentials = CredentialList.of(encoded, self._group.element_bytes)
        places = array("I", [NOWHERE]) * len(table.rows)
        for place, which in enumerate(sorted(range(len(encoded)), key=encoded.__getitem__)):
            places[remaining[which]] = place
        self.folder.places.write(places.tobytes(), self._rng)
        # Last: where there is a list, there is all that belongs to it.
        self.folder.put(LIST_FILE, credentials.data)
        return credentials

    def _remaining(self, table: VoterTable) -> list[int]:
        gone, place = {each.voter for each in self.folder.removed()}, table.id_column
        return [number for number, row in enumerate(table.rows) if row[place] not in gone]

    def _encoded(self, secrets: Sequence[bytes], progress: Progress) -> Iterator[bytes]:
        base, size = self._group.fixed_base(self._group.generator), self._group.element_bytes
        for start in range(0, len(secrets), CHUNK):
            codes = [code_of(each) for each in secrets[start : start + CHUNK]]
            scalars = secrets_of(self._group, self.salt, codes)
            column = credentials_of(self._group, scalars, base=base).encode()
            yield from (column[at : at + size] for at in range(0, len(column), size))
            progress("Codes", start + len(codes), len(secrets))

    def _secrets(self) -> list[bytes]:
        self.credentials()
        return self._codes()

    def _codes(self) -> list[bytes]:
        if not self.folder.codes.is_there:
            raise MisuseError("there are no codes: they were not drawn yet, or are erased")
        data = self.folder.codes.read()
        return [data[at : at + SECRET_BYTES] for at in range(0, len(data), SECRET_BYTES)]

    def _places(self) -> array[int]:
        if not self.folder.places.is_there:
            raise MisuseError("who has which credential is erased, and nobody knows it any more")
        places = array("I")
        places.frombytes(self.folder.places.read())
        return places

    def _voters(self) -> VoterTable:
        table = self.folder.voters()
        if table is None:
            raise MisuseError("there are no voters yet: take them from a CSV file first")
        return table

    def _check_ours(self, election: Election) -> None:
        credentials = self.credentials()
        ours = (len(credentials), credentials.root, self.salt, self.folder.key().identity)
        theirs = (election.voters, election.credential_root, election.salt, election.credential_authority.identity)
        names = ("voters", "credential_root", "salt", "credential_authority.identity")
        for name, our, their in zip(names, ours, theirs, strict=True):
            if our != their:
                raise MisuseError(f"{name} of the record is not that of this authority")

    def _refuse_after_freeze(self, why: str) -> None:
        if self.frozen_record() is not None:
            raise MisuseError(f"the election is frozen: {why}")

    def _refuse_removed(self, voter: str) -> None:
        if any(each.voter == voter for each in self.folder.removed()):
            raise MisuseError(f"the voter {voter!r} was taken out")
