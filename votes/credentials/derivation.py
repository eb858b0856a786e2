"""From codes to credentials (docs/protocol/votes.md, 3)."""

from __future__ import annotations

from collections.abc import Sequence

from loopixmix.group.group import Elements, FixedBase, Group, Scalars
from votes.record.transcript import Transcript


def secrets_of(group: Group, salt: bytes, codes: Sequence[str]) -> Scalars:
    """Return the secret scalar of each code's credential.

    `salt`: 16 bytes, of the election, so that one code gives other credentials in other elections. `codes`: 25 letters
    each, as `codes.read_code` returns them.
    """
    blocks = [Transcript("credential", salt, code).uniform(group) for code in codes]
    return group.reduced_scalars(b"".join(blocks))


def credentials_of(group: Group, secrets: Scalars, *, base: FixedBase | None = None) -> Elements:
    """Return the credentials `X = xG`. `base`: tables for the generator, for many."""
    return (base or group.fixed_base(group.generator)).times(secrets)
