"""The freeze: from a draft and what the trustees said, the record that never changes again."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from loopixmix.errors import MisuseError
from loopixmix.group.group import Group
from votes.record.canonical import Hex
from votes.record.election import Election, TrusteeParty, draft_digest, encode_election
from votes.record.rules.reading import decode_election
from votes.trustees.generation import Ceremony, JointKey
from votes.trustees.making import KeyStatements, public_key_of
from votes.trustees.statements import KeyStep, decode_key_statement


def ceremony_of(draft: Election, group: Group) -> Ceremony:
    """Return what the trustees of a draft know before they make its key."""
    return Ceremony(group, draft_digest(draft), len(draft.trustees), draft.threshold)


def freeze(draft: Election, statements: Sequence[bytes], group: Group) -> Election:
    """Return the complete record.

    Raises `MisuseError` if the key is not made, or a trustee has not shown that its backup opens,
    `KeyGenerationError` if one cheated, and `FormatError` if the record breaks a rule.
    """
    ceremony = ceremony_of(draft, group)
    identities = [bytes(trustee.identity) for trustee in draft.trustees]
    published = KeyStatements(decode_key_statement(ceremony, identities, each) for each in statements)
    key = public_key_of(ceremony, published)
    if key is None:
        raise MisuseError("the trustees have not made the key yet")
    missing = [number for number in ceremony.numbers if published.body(KeyStep.BACKUP, number) is None]
    if missing:
        # After the freeze a lost share is lost for good, and with too many of them the result.
        names = ", ".join(draft.trustees[number - 1].name for number in missing)
        raise MisuseError(f"{names}: the backup of the key was not tried yet (`loopixmix vote trustee backup`)")
    return decode_election(encode_election(_with_key(draft, key, group)), group)


def _with_key(draft: Election, key: JointKey, group: Group) -> Election:
    encoded, size = key.commitments.encode(), group.element_bytes
    commitments = tuple(Hex(encoded[start : start + size]) for start in range(0, len(encoded), size))
    trustees = tuple(_with_share(each, number, key) for number, each in enumerate(draft.trustees, 1))
    return msgspec.structs.replace(draft, key_commitments=commitments, trustees=trustees)


def _with_share(trustee: TrusteeParty, number: int, key: JointKey) -> TrusteeParty:
    return msgspec.structs.replace(trustee, public_share=Hex(key.public_share(number).encode()))
