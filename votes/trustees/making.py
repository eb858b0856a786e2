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
from votes.trustees.statements import KeyStatement, KeyStep, sealed_share_bytes, sign_key_statement


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
        if not published.complete(KeyStep.WORD, self._ceremony):
            return None
        self._check_views(published)
        openings = self._openings(published)
        shares = self._shares(published)
        for author, recipient in self._complaints(published):
            answer = published.body(KeyStep.ANSWER, author, recipient.to_bytes(2, "big"))
            if answer is None:
                return None
            share = decode_share(self._ceremony, answer[2:])
            if not share_fits(self._ceremony, openings[author], recipient, share):
                raise KeyGenerationError(author, f"its share for trustee {recipient} does not fit its commitments")
            if recipient == self._part.number:
                shares[author] = share
        known = {author: share for author, share in shares.items() if share is not None}
        own = finish(self._ceremony, self._part.number, openings, known)
        return MadeKey(join_openings(self._ceremony, openings), own)

    def _due(self, published: KeyStatements) -> Iterable[tuple[KeyStep, bytes]]:
        ceremony = self._ceremony
        yield KeyStep.PROMISE, self._part.opening.promise()
        if not published.complete(KeyStep.PROMISE, ceremony):
            return
        yield KeyStep.OPENING, self._part.opening.encode()
        if not published.complete(KeyStep.OPENING, ceremony):
            return
        self._openings(published)
        if published.body(KeyStep.SHARES, self._part.number) is None:
            # Sealing draws new randomness each time: what was published once is not made again.
            yield KeyStep.SHARES, self._sealed_shares()
        if not published.complete(KeyStep.SHARES, ceremony):
            return
        yield KeyStep.WORD, published.view(ceremony) + self._own_complaints(published)
        for author, recipient in self._complaints(published):
            if author == self._part.number:
                yield KeyStep.ANSWER, recipient.to_bytes(2, "big") + self._part.share_for(recipient).encode()

    def _openings(self, published: KeyStatements) -> dict[int, KeyOpening]:
        found = {}
        for number in self._ceremony.numbers:
            promise = published.body(KeyStep.PROMISE, number) or b""
            opening = published.body(KeyStep.OPENING, number) or b""
            found[number] = decode_opening(self._ceremony, number, opening, promise)
        return found

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
        openings, own = self._openings(published), self._part.number
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

    def _complaints(self, published: KeyStatements) -> list[tuple[int, int]]:
        """Return of whom is complained, and by whom."""
        found = []
        for recipient in self._ceremony.numbers:
            word = published.body(KeyStep.WORD, recipient) or b""
            for place in range(32, len(word), 2):
                found.append((int.from_bytes(word[place : place + 2], "big"), recipient))
        return found

    def _check_views(self, published: KeyStatements) -> None:
        view = published.view(self._ceremony)
        for number in self._ceremony.numbers:
            word = published.body(KeyStep.WORD, number) or b""
            if word[:32] != view:
                raise KeyGenerationError(number, "it has not seen the same statements as we have")
            for author in (int.from_bytes(word[place : place + 2], "big") for place in range(32, len(word), 2)):
                if author == number or author not in self._ceremony.numbers:
                    raise KeyGenerationError(number, f"it complains of trustee {author}, which makes no sense")

    def _signed(self, kind: KeyStep, body: bytes) -> KeyStatement:
        return sign_key_statement(self._ceremony, self._signing_key, kind, self._part.number, body)
