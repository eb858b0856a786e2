"""Wrap and unwrap by both implementations, beside raw X25519 and plain sphinxmix in the same run."""

from __future__ import annotations

import hashlib
import random
import statistics
import time
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from sphinxmix.SphinxClient import create_forward_message
from sphinxmix.SphinxNode import sphinx_process
from sphinxmix.SphinxParams import SphinxParams
from sphinxmix.SphinxParamsC25519 import Group_C25519

from benchmarks.report import Figure, barred
from loopixmix import sphinx
from loopixmix.keys import MixKey

GEOMETRY = sphinx.Geometry(hops=5, payload_bytes=2048)
SPHINX = sphinx.Sphinx(GEOMETRY, sphinx.load_arithmetic())
ROUNDS = 15
REPEATS = 20
BATCH = 128


class Group(Group_C25519):  # type: ignore[misc]
    """sphinxmix's own Curve25519 group, with the blinding exponent hashed to the 32 bytes that X25519 takes."""

    def makeexp(self, data: bytes) -> bytes:
        return hashlib.sha256(data).digest()


def measure() -> list[Figure]:
    """Time everything in interleaved rounds and return the figures."""
    rng = random.Random(1)
    keys = [MixKey.generate(rng) for _ in range(5)]
    hops = [sphinx.Hop(key.public, sphinx.Relay(bytes(32), 1000)) for key in keys[:-1]]
    hops.append(sphinx.Hop(keys[-1].public, sphinx.Deliver(bytes(32))))
    payload = rng.randbytes(GEOMETRY.payload_bytes)
    packet = sphinx.wrap(hops, payload, sphinx=SPHINX, rng=rng)
    secrets = [keys[0].private]
    private, peer = X25519PrivateKey.generate(), X25519PrivateKey.generate().public_key().public_bytes_raw()

    peer_params = SphinxParams(group=Group(), header_len=GEOMETRY.beta_bytes + 32, body_len=GEOMETRY.body_bytes)
    nodes = [sphinx.encode_command(hop.command) for hop in hops]
    publics = [key.public for key in keys]
    long_message = rng.randbytes(GEOMETRY.payload_bytes)
    peer_header, peer_body = create_forward_message(peer_params, nodes, publics, b"dest", long_message)

    def wrap_by(chosen: sphinx.Sphinx) -> Callable[[], object]:
        return lambda: sphinx.wrap(hops, payload, sphinx=chosen, rng=rng)

    def unwrap_by(chosen: sphinx.Sphinx) -> Callable[[], object]:
        return lambda: sphinx.unwrap(secrets, packet, sphinx=chosen)

    jobs: dict[str, Callable[[], object]] = {
        "x25519": lambda: private.exchange(X25519PublicKey.from_public_bytes(peer)),
        "sphinxmix_wrap": lambda: create_forward_message(peer_params, nodes, publics, b"dest", long_message),
        "sphinxmix_unwrap": lambda: sphinx_process(peer_params, secrets[0], peer_header, peer_body),
    }
    for name in sphinx.arithmetic_names():
        chosen = sphinx.Sphinx(GEOMETRY, sphinx.load_arithmetic(name))
        jobs[f"{name}_wrap"] = wrap_by(chosen)
        jobs[f"{name}_unwrap_alone"] = unwrap_by(chosen)
    batch = [packet] * BATCH
    jobs["unwrap_batch"] = lambda: sphinx.unwrap_many(secrets, batch, sphinx=SPHINX, threads=1)
    times = interleaved(jobs)
    name = SPHINX.arithmetic.name
    # Nodes unwrap in batches, on one thread here; a packet that comes alone is measured beside it.
    times[f"{name}_unwrap"] = times.pop("unwrap_batch") / BATCH
    two_x25519 = 2 * times["x25519"]
    unwrap, wrap = times[f"{name}_unwrap"], times[f"{name}_wrap"]
    alone = times[f"{name}_unwrap_alone"]
    figures = [
        barred("unwrap_vs_two_x25519", unwrap / two_x25519, "ratio", bar=1.25, better="lower"),
        barred("unwrap_speedup_vs_sphinxmix", times["sphinxmix_unwrap"] / unwrap, "ratio", bar=2.5, better="higher"),
        barred("wrap_speedup_vs_sphinxmix", times["sphinxmix_wrap"] / wrap, "ratio", bar=4, better="higher"),
        Figure(name="unwrap_alone_vs_two_x25519", value=alone / two_x25519, unit="ratio"),
        Figure(name="unwrap_alone_speedup_vs_sphinxmix", value=times["sphinxmix_unwrap"] / alone, unit="ratio"),
        barred("unwrap_two_core_speedup", two_core_speedup(secrets, packet), "ratio", bar=1.8, better="higher"),
    ]
    for name, seconds in times.items():
        reference = two_x25519 * 1e6
        figures.append(
            Figure(name=f"{name}_us", value=seconds * 1e6, unit="us", reference=reference, ratio=seconds / two_x25519)
        )
    return figures


def interleaved(jobs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median time of each job in seconds, the jobs taking turns so that noise falls on all alike."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            begin = time.perf_counter()
            for _ in range(REPEATS):
                job()
            times[name].append((time.perf_counter() - begin) / REPEATS)
    return {name: statistics.median(found) for name, found in times.items()}


def two_core_speedup(secrets: Sequence[bytes], packet: bytes) -> float:
    """Return how much faster `unwrap_many` is on two threads than on one."""
    packets = [packet] * 256
    jobs: dict[str, Callable[[], object]] = {
        "one": lambda: sphinx.unwrap_many(secrets, packets, sphinx=SPHINX, threads=1),
        "two": lambda: sphinx.unwrap_many(secrets, packets, sphinx=SPHINX, threads=2),
    }
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(2 * ROUNDS):
        for name, job in jobs.items():
            begin = time.perf_counter()
            job()
            times[name].append(time.perf_counter() - begin)
    # The best of many: whatever else runs for a moment takes away the second core.
    return min(times["one"]) / min(times["two"])
