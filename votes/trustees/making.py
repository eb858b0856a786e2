"""One trustee's side of key generation: what it publishes next, from all that has been published (5.1 of the page).

No sockets and no files. The trustee's own part is drawn and kept before anything is published; all else follows from
the statements, so that a program that was killed goes on where it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from loopixmix.errors import PeerError
from loopixmix.group.group import Scalars
from votes.record.signing import PartyKey
from votes.trustees.generation import (
    Ceremony,
    JointKey,
    KeyGenerationError,
    KeyOpening,
    KeyPart,
    KeyShare,
    decode_opening,
    decode_share,
    finish,
    join_openings,
    share_fits,
)
from votes.trustees.sealing import open_share, seal_share
from votes.trustees.statements import (
    VIEW_BYTES,
    KeyStatement,
    KeyStep,
    sealed_share_bytes,
    sign_key_statement,
)


class KeyStatements:
    """The statements so far. The first of each kind and author counts; an answer counts for each complaint.

    Raises `KeyGenerationError` if somebody said two different things in one step, which only a cheat does.
    """

    def __init__(self, statements: Iterable[KeyStatement]) -> None:
        self._found: dict[tuple[KeyStep, int, bytes], KeyStatement] = {}
        for statement in statements:
            about = statement.body[:2] if statement.kind is KeyStep.ANSWER else b""
            first = self._found.setdefault((statement.kind, statement.author, about), statement)
            if first.body != statement.body:
                step = statement.kind.name.lower()
                raise KeyGenerationError(statement.author, f"it published two different statements ({step})")

    def body(self, kind: KeyStep, author: int, about: bytes = b"") -> bytes | None:
        """Return what `author` said; None if nothing so far. `about` is the number that an answer begins with."""
        found = self._found.get((kind, author, about))
        return None if found is None else found.body

    def answer(self, author: int, recipient: int) -> bytes | None:
        """Return the share that `author` published after `recipient` complained; None if nothing so far."""
        body = self.body(KeyStep.ANSWER, author, recipient.to_bytes(2, "big"))
        return None if body is None else body[2:]

    def complete(self, kind: KeyStep, ceremony: Ceremony) -> bool:
        """Tell whether every trustee has made its statement."""
        return all(self.body(kind, number) is not None for number in ceremony.numbers)

    def view(self, ceremony: Ceremony) -> bytes:
        """Return what stands for all statements before the words, 32 bytes: all trustees must have seen the same."""
        hashed = hashlib.sha256()
        for kind in (KeyStep.PROMISE, KeyStep.OPENING, KeyStep.SHARES):
            for number in ceremony.numbers:
                hashed.update(hashlib.sha256(self.body(kind, number) or b"").digest())
        return hashed.digest()


def public_key_of(ceremony: Ceremony, published: KeyStatements) -> JointKey | None:
    """Return the key that the statements make, as anybody sees it; None if somebody has still to speak.

    Raises `KeyGenerationError` for a trustee whose part is wrong.
    """
    if not published.complete(KeyStep.WORD, ceremony):
        return None
    _check_words(ceremony, published)
    openings = openings_of(ceremony, published)
    for author, recipient in complaints_of(ceremony, published):
        answer = published.answer(author, recipient)
        if answer is None:
            return None
        if not share_fits(ceremony, openings[author], recipient, decode_share(ceremony, answer)):
            raise KeyGenerationError(author, f"its share for trustee {recipient} does not fit its commitments")
    return join_openings(ceremony, openings)


def openings_of(ceremony: Ceremony, published: KeyStatements) -> dict[int, KeyOpening]:
    """Return all openings, checked; raise `KeyGenerationError` for the first that is wrong."""
    found = {}
    for number in ceremony.numbers:
        promise = published.body(KeyStep.PROMISE, number) or b""
        opening = published.body(KeyStep.OPENING, number) or b""
        found[number] = decode_opening(ceremony, number, opening, promise)
    return found


def complaints_of(ceremony: Ceremony, published: KeyStatements) -> list[tuple[int, int]]:
    """Return of whom is complained, and by whom."""
    return [
        (author, recipient)
        for recipient in ceremony.numbers
        for author in _named_in(published.body(KeyStep.WORD, recipient) or b"")
    ]


def _named_in(word: bytes) -> list[int]:
    return [int.from_bytes(word[place : place + 2], "big") for place in range(VIEW_BYTES, len(word), 2)]


def _check_words(ceremony: Ceremony, published: KeyStatements) -> None:
    view = published.view(ceremony)
    for number in ceremony.numbers:
        word = published.body(KeyStep.WORD, number) or b""
        if word[:VIEW_BYTES] != view:
            raise KeyGenerationError(number, "it has not seen the same statements as we have")
        for author in _named_in(word):
            if author == number or author not in ceremony.numbers:
                raise KeyGenerationError(number, f"it complains of trustee {author}, which makes no sense")


@dataclass(frozen=True)
class MadeKey:
    """The end of key generation: the election's key, and this trustee's share of it."""

    key: JointKey
    share: KeyShare = field(repr=False)


class KeyMaking:
    """Trustee `part.number` while the key is made.

    `encryption_keys` are the trustees' public X25519 keys in order, `decryption_key` is this one's private key.
    """

    def __init__(
        self,
        ceremony: Ceremony,
        part: KeyPart,
        *,
        signing_key: PartyKey,
        decryption_key: bytes,
        encryption_keys: Sequence[bytes],
    ) -> None:
        self._ceremony = ceremony
        self._part = part
        self._signing_key = signing_key
        self._decryption_key = decryption_key
        self._encryption_keys = encryption_keys

    def next_statements(self, published: KeyStatements) -> list[KeyStatement]:
        """Return what this trustee publishes now; nothing if it waits for others, or has no more to say.

        Raises `KeyGenerationError` if another trustee cheated: then there is no key, and it is named.
        """
        return [
            self._signed(kind, body)
            for kind, body in self._due(published)
            if published.body(kind, self._part.number, body[:2] if kind is KeyStep.ANSWER else b"") is None
        ]

    def made(self, published: KeyStatements) -> MadeKey | None:
        """Return the key if it is made, None if others have still to speak.

        Raises `KeyGenerationError` for a trustee whose part is wrong.
        """
        key = public_key_of(self._ceremony, published)
        if key is None:
            return None
        shares, own = self._shares(published), self._part.number
        for author, recipient in complaints_of(self._ceremony, published):
            if recipient == own:
                shares[author] = decode_share(self._ceremony, published.answer(author, own) or b"")
        known = {author: share for author, share in shares.items() if share is not None}
        return MadeKey(key, finish(self._ceremony, own, openings_of(self._ceremony, published), known))

    def _due(self, published: KeyStatements) -> Iterable[tuple[KeyStep, bytes]]:
        ceremony = self._ceremony
        yield KeyStep.PROMISE, self._part.opening.promise()
        if not published.complete(KeyStep.PROMISE, ceremony):
            return
        yield KeyStep.OPENING, self._part.opening.encode()
        if not published.complete(KeyStep.OPENING, ceremony):
            return
        openings_of(self._ceremony, published)
        if published.body(KeyStep.SHARES, self._part.number) is None:
            # Sealing draws new randomness each time: what was published once is not made again.
            yield KeyStep.SHARES, self._sealed_shares()
        if not published.complete(KeyStep.SHARES, ceremony):
            return
        yield KeyStep.WORD, published.view(ceremony) + self._own_complaints(published)
        for author, recipient in complaints_of(self._ceremony, published):
            if author == self._part.number:
                yield KeyStep.ANSWER, recipient.to_bytes(2, "big") + self._part.share_for(recipient).encode()

    def _sealed_shares(self) -> bytes:
        return b"".join(
            seal_share(
                self._ceremony,
                self._part.number,
                number,
                self._encryption_keys[number - 1],
                self._part.share_for(number).encode(),
            )
            for number in self._ceremony.numbers
            if number != self._part.number
        )

    def _shares(self, published: KeyStatements) -> dict[int, Scalars | None]:
        """Return the share that each trustee made for this one; None for one that does not open or fit."""
        openings, own = openings_of(self._ceremony, published), self._part.number
        found: dict[int, Scalars | None] = {own: self._part.share_for(own)}
        for author in self._ceremony.numbers:
            if author != own:
                share = self._opened(author, published.body(KeyStep.SHARES, author) or b"")
                fits = share is not None and share_fits(self._ceremony, openings[author], own, share)
                found[author] = share if fits else None
        return found

    def _opened(self, author: int, sealed: bytes) -> Scalars | None:
        size, own = sealed_share_bytes(self._ceremony), self._part.number
        place = (own - 1 if own < author else own - 2) * size
        try:
            opened = open_share(self._ceremony, author, own, self._decryption_key, sealed[place : place + size])
            return decode_share(self._ceremony, opened)
        except PeerError:
            return None

    def _own_complaints(self, published: KeyStatements) -> bytes:
        shares = self._shares(published)
        return b"".join(author.to_bytes(2, "big") for author in sorted(shares) if shares[author] is None)

    def _signed(self, kind: KeyStep, body: bytes) -> KeyStatement:
        return sign_key_statement(self._ceremony, self._signing_key, kind, self._part.number, body)
