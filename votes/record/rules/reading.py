"""Reading a record whose rules all hold."""

from __future__ import annotations

from loopixmix.errors import FormatError
from loopixmix.group.group import Group
from votes.record.election import Election, decode_draft
from votes.record.rules.elections import faults


def decode_election(record: bytes, group: Group) -> Election:
    """Read a record that is complete; raise `FormatError` if it breaks any rule, with a sentence for each.

    `group`: that of the election; a record for another one is refused.
    """
    election = decode_draft(record)
    found = faults(election, group)
    if found:
        raise FormatError("the record of the election breaks its rules: " + "; ".join(map(str, found)))
    return election
