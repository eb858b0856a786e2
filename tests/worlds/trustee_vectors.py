"""Makes the test vectors of what trustees say. Run it as a module; it prints tests/vectors/votes-trustees.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.worlds.elections import CLOSES_AT
from tests.worlds.whole_elections import WholeElection
from votes.record.canonical import Hex
from votes.record.statements import sign_statement
from votes.record.trustees import ListCommitment, TrusteeObjection
from votes.trustees.guard import list_digest


def _lists(election: WholeElection) -> list[Mapping[str, Any]]:
    told = []
    for poll in range(2):
        statement = election.decryption(poll)
        columns = statement.ciphertexts.encode().hex()
        told.append({"poll": poll, "width": 1, "columns": columns, "list": list_digest(statement).hex()})
    return told


def vectors() -> Mapping[str, Any]:
    """Return what the file holds."""
    election = WholeElection()
    election.vote()
    election.mix()
    world = election.world
    fingerprint, key = Hex(world.fingerprint), world.keys.trustees[1]
    lists = _lists(election)
    commitment = ListCommitment(
        fingerprint=fingerprint, trustee=2, lists=tuple(Hex(bytes.fromhex(each["list"])) for each in lists)
    )
    objection = TrusteeObjection(
        fingerprint=fingerprint, trustee=2, at_s=CLOSES_AT, reason="by my clock it closed early"
    )
    approvals, binding = world.approvals(), sign_statement(commitment, key)
    of_another_purpose = binding[:64] + approvals[1][64:]
    return {
        "source": "Made by this project from docs/protocol/votes.md, sections 5.1, 5.2 and 7.1; checked by other code.",
        "record": world.record.decode(),
        "fingerprint": world.fingerprint.hex(),
        "approvals": [body.hex() for body in approvals],
        "lists": lists,
        "binding": binding.hex(),
        "objection": sign_statement(objection, key).hex(),
        "refused": [
            {"what": "trustee 1 in the name of trustee 2", "body": (approvals[0][:64] + approvals[1][64:]).hex()},
            {"what": "a signature for another purpose", "body": of_another_purpose.hex()},
            {"what": "another spelling", "body": (approvals[1][:64] + approvals[1][64:].replace(b",", b", ")).hex()},
        ],
    }


if __name__ == "__main__":
    print(json.dumps(vectors(), indent=1))
