"""Plans of elections, as an administrator writes them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from importlib.resources import files

from nacl.public import PrivateKey

from votes.record.merkle import MerkleTree
from votes.record.signing import PartyKey


def example_plan(name: str = "example.toml") -> str:
    """Return the plan that `loopixmix vote admin init` writes."""
    return files("votes.administration").joinpath(name).read_text()


def filled_plan(
    trustees: Sequence[dict[str, str]] = (),
    credentials: dict[str, object] | None = None,
    *,
    example: str = "example.toml",
) -> str:
    """Return the example with the lines of all parties in it, as their commands print them.

    `trustees`: what `vote trustee init` prints, once for each; two are made up if there is none.
    """
    rng = random.Random(5)
    tree = MerkleTree()
    for number in range(3):
        tree.append(bytes([number]) * 32)
    listed = credentials or {"voters": 3, "credential_root": tree.root().hex(), "salt": bytes(range(16)).hex()}
    before, _, rest = example_plan(example).partition("[[trustees]]")
    _, _, mixers = rest.partition("[[mixers]]")
    made_up = [trustee_card(rng, f"Trustee {number}") for number in (1, 2)]
    plan = before + "".join(map(_table, trustees or made_up)) + "[[mixers]]" + mixers
    plan = re.sub(r'identity = ""', lambda _: f'identity = "{PartyKey.generate(rng).identity.hex()}"', plan)
    for name, value in listed.items():
        plan = re.sub(rf'^{name} = (""|0)$', f"{name} = {json.dumps(value)}", plan, flags=re.MULTILINE)
    return plan


def trustee_card(rng: random.Random, name: str) -> dict[str, str]:
    """Return what `vote trustee init` prints."""
    return {
        "name": name,
        "identity": PartyKey.generate(rng).identity.hex(),
        "encryption_key": bytes(PrivateKey(rng.randbytes(32)).public_key).hex(),
    }


def _table(trustee: dict[str, str]) -> str:
    return "[[trustees]]\n" + "".join(f'{name} = "{value}"\n' for name, value in trustee.items()) + "\n"
