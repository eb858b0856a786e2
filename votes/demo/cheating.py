"""The two cheats of the demonstration: a mixer that swaps ballots, and a trustee that decrypts wrongly.

Each takes what the honest command made, changes it, and signs it with the cheat's own key. The board takes it: only
those who check the proofs can tell that something is wrong.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TypeVar

import msgspec

from loopixmix.process.files import PUBLIC_FILE, write_atomically
from votes.record.canonical import Hex
from votes.record.signing import PartyKey
from votes.record.statements import MixAnnouncement, SharesAnnouncement, Statement, open_statement, sign_statement
from votes.verify.opened import file_digest
from votes.verify.published import announcement_of, mix_files, shares_file

_S = TypeVar("_S", bound=Statement)


def stuff_mix(honest: Path, cheat: Path, poll: str, mixer: int, key: PartyKey, element_bytes: int) -> None:
    """Write into the folder `cheat` a mix in which the second ballot is gone, and the first one stands twice.

    `honest`: what `mixer mix` made. `element_bytes`: the length of an element. The poll's ballots have one ciphertext.
    """
    shutil.copytree(honest, cheat)
    output, _ = mix_files(poll, mixer)
    # Two columns: the first halves of all ciphertexts, then the second halves.
    content = bytearray((cheat / output).read_bytes())
    for column in (0, len(content) // 2):
        first = content[column : column + element_bytes]
        content[column + element_bytes : column + 2 * element_bytes] = first
    changed = bytes(content)
    write_atomically(cheat / output, changed, mode=PUBLIC_FILE)
    _sign_anew(cheat, output, MixAnnouncement, key, output=Hex(file_digest(changed)))


def falsify_share(honest: Path, cheat: Path, poll: str, trustee: int, key: PartyKey, element_bytes: int) -> None:
    """Write into the folder `cheat` a share that decrypts the first ballot as another one. `honest`: the right one."""
    shutil.copytree(honest, cheat)
    name = shares_file(poll, trustee)
    content = (cheat / name).read_bytes()
    changed = content[element_bytes : 2 * element_bytes] + content[element_bytes:]
    write_atomically(cheat / name, changed, mode=PUBLIC_FILE)
    _sign_anew(cheat, name, SharesAnnouncement, key, shares=Hex(file_digest(changed)))


def _sign_anew(folder: Path, name: str, kind: type[_S], key: PartyKey, **changed: Hex) -> None:
    path = folder / announcement_of(name)
    statement = open_statement(path.read_bytes(), kind, lambda _: key.identity)
    signed = sign_statement(msgspec.structs.replace(statement, **changed), key)
    write_atomically(path, signed, mode=PUBLIC_FILE)
