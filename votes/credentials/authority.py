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
from votes.credentials.voters import ADDED, VoterRules, VoterTable, read_voters, write_rows
from votes.record.canonical import Hex
from votes.record.election import Election, decode_draft, draft_digest
from votes.record.fingerprint import fingerprint_of, shown
from votes.record.phases import Phase, Transition
from votes.record.rules.reading import decode_election
from votes.record.statements import ErasureStatement, sign_statement

CHUNK = 10_000
"""Codes that become credentials in one go, and then progress is told."""

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
        self.folder.put_voters(table)
        return len(table.rows)

    def draw_codes(self, progress: Progress = untold) -> CredentialList:
        """Draw a code for each voter, and make the list of credentials."""
        self._refuse_after_freeze("codes cannot change any more")
        count = len(self._voters().rows)
        return self._make_list([draw_secret(self._rng) for _ in range(count)], progress)

    def renew(self, voter: str, progress: Progress = untold) -> str:
        """Draw a new code for a voter who lost theirs, and return it; the old one is worth nothing any more."""
        self._refuse_after_freeze("a lost code cannot be replaced, because the list of credentials is in the record")
        number = self._voters().find(voter)
        secrets = self._secrets()
        secrets[number] = draw_secret(self._rng)
        self._make_list(secrets, progress)
        return code_of(secrets[number])

    def remove(self, voter: str, reason: str, now_s: float, progress: Progress = untold) -> RemovedVoter:
        """Take out a voter, for a reason that is written down.

        After the freeze the credential stays in the list; the administrator excludes the ballots that it casts.
        """
        if not reason.strip():
            raise MisuseError("say for what reason the voter is taken out")
        table = self._voters()
        number = table.find(voter)
        credential = b""
        if self.frozen_record() is not None:
            credential = self.credentials()[self._places()[number]]
        removed = RemovedVoter(voter=voter, reason=reason, at_s=int(now_s), credential=credential.hex())
        self.folder.put_removed([*self.folder.removed(), removed])
        if not credential:
            had_list = self.folder.codes.is_there
            secrets = self._secrets() if had_list else []
            rows = table.rows[:number] + table.rows[number + 1 :]
            self.folder.drop_list()
            self.folder.put_voters(VoterTable(table.columns, rows))
            if had_list:
                self._make_list(secrets[:number] + secrets[number + 1 :], progress)
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
            for number, row in enumerate(table.rows):
                added = [shown_code(code_of(secrets[number])), "", ""]
                if fingerprint:
                    place = places[number]
                    added[1] = Invitation(fingerprint, place, credentials.path(place)).encode()
                    added[2] = shown(fingerprint)
                if number % CHUNK == 0:
                    progress("Invitations", number, len(table.rows))
                yield *row, *added

        write_private(path, write_rows((*table.columns, *ADDED), rows()))

    def write_reminders(self, path: Path) -> None:
        """Write the file from which reminders are mailed, to every voter alike, whether they have voted or not."""
        table = self._voters()
        write_private(path, write_rows(table.columns, iter(table.rows)))

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

    def _make_list(self, secrets: list[bytes], progress: Progress) -> CredentialList:
        encoded = list(self._encoded(secrets, progress))
        size = self._group.element_bytes
        credentials = CredentialList.of(encoded, size)
        order = sorted(range(len(encoded)), key=encoded.__getitem__)
        places = array("I", bytes(4 * len(order)))
        for place, number in enumerate(order):
            places[number] = place
        self.folder.drop_list()
        self.folder.codes.write(b"".join(secrets), self._rng)
        self.folder.places.write(places.tobytes(), self._rng)
        self.folder.put(LIST_FILE, credentials.data)
        return credentials

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
        data = self.folder.codes.read()
        return [data[at : at + SECRET_BYTES] for at in range(0, len(data), SECRET_BYTES)]

    def _places(self) -> array[int]:
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
