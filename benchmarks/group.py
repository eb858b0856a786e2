"""`make bench-group`: group operations on whole columns, in microseconds of one core for each element.

Beside each stands what libsodium takes for one element, called once for each from Python. It is the raw primitive of
the operation, on the same machine and in the same run.
"""

from __future__ import annotations

import random
import time
from array import array
from collections.abc import Callable, Iterator

import rbcl

from benchmarks.report import Figure
from loopixmix.group.ristretto import ristretto255

FIGURES = (
    "group_decode_us",
    "group_encode_us",
    "group_encode_products_us",
    "group_hash_us",
    "group_add_us",
    "group_fixed_base_us",
    "group_fixed_base_public_us",
    "group_times_us",
    "group_multi_scalar_us",
    "group_multi_scalar_128_us",
    "group_embed_us",
    "group_extract_us",
    "group_dump_us",
    "group_load_us",
    "group_scalar_multiply_us",
)
COUNT = 40_000
SUMMED = 800_000
"""Elements of a large sum: as the verifier of a shuffle of 100,000 ballots has."""
CALLS = 2_000
REPEATS = 3


def measure() -> Iterator[Figure]:
    """Measure the best engine that is installed."""
    group, rng = ristretto255(), random.Random(1)
    raw = _Raw(rng)
    scalars, others = group.random_scalars(rng, COUNT), group.random_scalars(rng, COUNT)
    base = group.fixed_base(group.hash_to_elements(b"benchmark", [b"base"]))
    # The tables are made when they are first used.
    base.times(scalars[:1]), base.times_public(scalars[:1])
    products = base.times_public(scalars)
    encodings, dumped = products.encode(), products.dump()
    elements = group.elements(encodings)
    data = [rng.randbytes(group.data_bytes) for _ in range(COUNT)]
    embedded = group.embed(data)

    def figure(name: str, work: Callable[[], object], reference: float | None, count: int = COUNT) -> Figure:
        value = microseconds(work, count)
        ratio = value / reference if reference else None
        return Figure(name=name, value=value, unit="us of one core", reference=reference, ratio=ratio)

    yield figure("group_decode_us", lambda: group.elements(encodings), raw.decode)
    yield figure("group_encode_us", elements.encode, None)
    yield figure("group_encode_products_us", products.encode, None)
    yield figure("group_hash_us", lambda: group.derive_elements(b"benchmark", b"seed", 0, COUNT), raw.hash)
    yield figure("group_add_us", lambda: elements + elements, raw.add)
    yield figure("group_fixed_base_us", lambda: base.times(scalars), raw.fixed_base)
    yield figure("group_fixed_base_public_us", lambda: base.times_public(scalars), raw.fixed_base)
    yield figure("group_times_us", lambda: elements.times(scalars), raw.times)
    yield figure("group_embed_us", lambda: group.embed(data), None)
    yield figure("group_extract_us", lambda: group.extract(embedded), None)
    yield figure("group_dump_us", elements.dump, None)
    yield figure("group_load_us", lambda: group.load(dumped), None)
    yield figure("group_scalar_multiply_us", lambda: scalars * others, raw.multiply)
    repeated = array("I", (index % COUNT for index in range(SUMMED)))
    elements, scalars = elements.take(repeated), group.random_scalars(rng, SUMMED)
    short = group.short_scalars(rng.randbytes(16 * SUMMED), 16)
    reference = raw.times + raw.add
    yield figure("group_multi_scalar_us", lambda: group.multi_scalar(scalars, elements), reference, SUMMED)
    yield figure("group_multi_scalar_128_us", lambda: group.multi_scalar(short, elements), reference, SUMMED)


class _Raw:
    """What libsodium takes for one element, in microseconds."""

    def __init__(self, rng: random.Random) -> None:
        uniform = rng.randbytes(64)
        element = rbcl.crypto_core_ristretto255_from_hash(uniform)
        scalar = rbcl.crypto_core_ristretto255_scalar_reduce(uniform)
        self.decode = each(lambda: rbcl.crypto_core_ristretto255_is_valid_point(element))
        self.hash = each(lambda: rbcl.crypto_core_ristretto255_from_hash(uniform))
        self.add = each(lambda: rbcl.crypto_core_ristretto255_add(element, element))
        self.fixed_base = each(lambda: rbcl.crypto_scalarmult_ristretto255_base(scalar))
        self.times = each(lambda: rbcl.crypto_scalarmult_ristretto255(scalar, element))
        self.multiply = each(lambda: rbcl.crypto_core_ristretto255_scalar_mul(scalar, scalar))


def each(call: Callable[[], object]) -> float:
    """Return the microseconds of one call."""
    return microseconds(lambda: [call() for _ in range(CALLS)], CALLS)


def microseconds(work: Callable[[], object], count: int) -> float:
    """Return the microseconds of one core that each of `count` parts of the work takes: the best of some tries.

    Time of the processor is counted, of all threads, so that other programs on the machine disturb little.
    """
    times = []
    for _ in range(REPEATS):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times) / count * 1e6
