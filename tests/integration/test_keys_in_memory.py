"""The memory of a process that has erased mix keys holds neither the keys nor what was made with them."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from nacl.bindings import crypto_scalarmult

from loopixmix.keys import MixKey
from loopixmix.sphinx import Hop, arithmetic_names, wrap
from tests.worlds.memory import found_in_memory
from tests.worlds.packets.sphinx_paths import GEOMETRY, make_journey, sphinx_of

PACKETS = 24
KEEPER = """
import sys
from pathlib import Path
from loopixmix.keyring.keyring import MAX_TAGS, MixKeyring
from loopixmix.keyring.keystore import KeyFiles
from loopixmix.process.main import system_rng
from loopixmix.sphinx import unwrap_many
from tests.worlds.packets.sphinx_paths import sphinx_of

def open_keyring(now_s):
    store = KeyFiles(Path(sys.argv[1]))
    made = MixKeyring(store, rng=system_rng(), epoch_length_s=3600, grace_s=60.0, max_tags=MAX_TAGS)
    return made.open(now_s)

keyring, now_s = open_keyring(100.0), 100.0
print("ready", flush=True)
for line in sys.stdin:
    word, _, rest = line.strip().partition(" ")
    if word == "unwrap":
        packets = [path.read_bytes() for path in sorted(Path(rest).iterdir())]
        done = 0
        for threads in (1, 2):
            for batch in ([each] for each in packets), (packets,):
                for each in batch:
                    keys = [private for _, private in keyring.unwrap_keys(now_s)]
                    results = unwrap_many(keys, each, sphinx=sphinx_of(sys.argv[2]), threads=threads)
                    done += sum(hasattr(result, "replay_tag") for result in results)
        del keys, each, batch, results
        print(done, flush=True)
    elif word == "restart":
        keyring.close()
        keyring = open_keyring(now_s)
        print("restarted", flush=True)
    elif word == "advance":
        now_s = float(rest)
        keyring.advance(now_s)
        print("advanced", flush=True)
"""


class Keeper:
    """A process with mix keys, which does what it is told."""

    def __init__(self, directory: Path, arithmetic: str) -> None:
        self.directory = directory
        self.wipes_shared_secrets = arithmetic == "native"
        command = [sys.executable, "-P", "-c", KEEPER, str(directory), arithmetic]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.hear()

    def hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def tell(self, line: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self.hear()

    def finds(self, secrets: Iterable[bytes]) -> list[bytes]:
        """Return those of `secrets` of which a half is in the memory, as bytes or in hexadecimal digits."""
        return found_in_memory(self._process.pid, secrets)

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture(params=arithmetic_names())
def keeper(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Keeper]:
    keeper = Keeper(tmp_path / "keys", request.param)
    yield keeper
    keeper.end()


def private_key(keeper: Keeper, epoch: int) -> bytes:
    return bytes.fromhex((keeper.directory / f"{epoch}.key").read_text().split()[2])


def packets_for(key: bytes, place: Path) -> list[bytes]:
    """Write packets for the key into `place`; return the secrets that their senders share with its holder."""
    rng = random.Random(5)
    place.mkdir()
    shared = []
    for number in range(PACKETS):
        journey = make_journey(rng, GEOMETRY.hops)
        first = Hop(MixKey(key).public, journey.hops[0].command)
        packet = wrap([first, *journey.hops[1:]], b"hello", sphinx=sphinx_of(), rng=rng)
        (place / f"{number:02}").write_bytes(packet)
        shared.append(crypto_scalarmult(key, packet[:32]))
    return shared


def test_an_erased_key_and_the_secrets_made_with_it_are_nowhere_in_memory(keeper: Keeper, tmp_path: Path) -> None:
    key, next_key = private_key(keeper, 0), private_key(keeper, 1)
    shared = packets_for(key, tmp_path / "packets")
    assert keeper.tell(f"unwrap {tmp_path / 'packets'}") == str(4 * PACKETS)
    assert keeper.finds([key]) == [key], "a key that counts must be found, or nothing here would be"
    # Python without the Rust engine puts shared secrets together by joining byte strings, of which copies stay.
    shared = shared if keeper.wipes_shared_secrets else []
    assert keeper.finds(shared) == []
    assert keeper.tell("restart") == "restarted"
    assert keeper.tell(f"unwrap {tmp_path / 'packets'}") == str(4 * PACKETS)
    assert keeper.tell(f"advance {3600 + 61}") == "advanced"
    assert not (keeper.directory / "0.key").exists()
    assert keeper.finds([key, *shared]) == []
    assert keeper.finds([next_key]) == [next_key]


def test_the_digits_of_a_key_stay_in_its_file_and_not_in_memory(keeper: Keeper) -> None:
    for epoch in range(3, 12):
        # It is made and written now, so that little has come since that could have covered what is left of it.
        assert keeper.tell(f"advance {3600 * (epoch - 2) + 61}") == "advanced"
        key = private_key(keeper, epoch)
        assert keeper.finds([key]) == [key]
        assert keeper.finds([key.hex().encode()]) == []
