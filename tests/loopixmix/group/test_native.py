"""The native engine gives the same bytes as libsodium, and an old build of it is noticed."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopixmix.errors import MisuseError, PeerError
from loopixmix.group.group import Elements, Group, Scalars
from loopixmix.group.ristretto import engine_names, ristretto255

if "native" not in engine_names():
    pytest.skip("the native module is not built", allow_module_level=True)

NATIVE, SODIUM = ristretto255("native"), ristretto255("libsodium")
ORDER = NATIVE.order
NUMBERS = st.one_of(
    st.integers(0, ORDER - 1), st.sampled_from([0, 1, 2, ORDER - 1, ORDER // 2, ORDER // 2 + 1, 2**128, 2**252])
)
COLUMNS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=5)

Operation = Callable[[Group, Scalars, Scalars, Elements, Elements], Scalars | Elements]
OPERATIONS: dict[str, Operation] = {
    "add scalars": lambda group, s, t, p, q: s + t,
    "subtract scalars": lambda group, s, t, p, q: s - t,
    "multiply scalars": lambda group, s, t, p, q: s * t,
    "negate scalars": lambda group, s, t, p, q: -s,
    "sum of scalars": lambda group, s, t, p, q: s.sum(),
    "inner product": lambda group, s, t, p, q: s.inner(t),
    "running products": lambda group, s, t, p, q: s.running_products(),
    "invert": lambda group, s, t, p, q: (s * s + group.scalars_of([1])).invert(),
    "take scalars": lambda group, s, t, p, q: s.take([len(s) - 1, 0]),
    "join scalars": lambda group, s, t, p, q: group.join_scalars([s, t[1:], s[:1]]),
    "one scalar with each": lambda group, s, t, p, q: s[:1] * t - t[:1],
    "add": lambda group, s, t, p, q: p + q,
    "subtract": lambda group, s, t, p, q: p - q,
    "negate": lambda group, s, t, p, q: -p,
    "sum": lambda group, s, t, p, q: p.sum(),
    "times": lambda group, s, t, p, q: p.times(s),
    "times public": lambda group, s, t, p, q: p.times_public(s),
    "products of products": lambda group, s, t, p, q: p.times(s).times(t) - q.times(t),
    "one element with each": lambda group, s, t, p, q: p[:1].times(s) + q[:1],
    "fixed base": lambda group, s, t, p, q: group.fixed_base(p[:1]).times(s),
    "fixed base public": lambda group, s, t, p, q: group.fixed_base(p[:1]).times_public(s),
    "base of products": lambda group, s, t, p, q: group.fixed_base(p.times(t)[:1]).times(s),
    "base of products public": lambda group, s, t, p, q: group.fixed_base(p.times(t)[:1]).times_public(s),
    "sum of products": lambda group, s, t, p, q: group.multi_scalar(s, p),
    "sum of products of products": lambda group, s, t, p, q: group.multi_scalar(s, q.times(t)),
    "take": lambda group, s, t, p, q: p.take([len(p) - 1, 0, 0]),
    "join": lambda group, s, t, p, q: group.join([p, q.times(t)[1:], q[:1]]),
    "join products": lambda group, s, t, p, q: group.join([p.times(s), q.times(t)]),
    "base again": lambda group, s, t, p, q: group.fixed_base(q[:1]).base,
}


def columns(group: Group, pairs: list[tuple[int, int]]) -> tuple[Scalars, Scalars, Elements, Elements]:
    """Return two columns of scalars, and two of elements: some decoded, some computed."""
    left, right = group.scalars_of(a for a, _ in pairs), group.scalars_of(b for _, b in pairs)
    products = group.generator.times(right)
    return left, right, group.elements(group.generator.times(left).encode()), products


@settings(max_examples=8, deadline=None)
@given(pairs=COLUMNS)
def test_both_engines_give_the_same_bytes(pairs: list[tuple[int, int]]) -> None:
    of_native, of_sodium = columns(NATIVE, pairs), columns(SODIUM, pairs)
    for name, operation in OPERATIONS.items():
        native = operation(NATIVE, *of_native)
        assert native.encode() == operation(SODIUM, *of_sodium).encode(), name
        assert len(native.encode()) == 32 * len(native), name


@settings(max_examples=15, deadline=None)
@given(uniform=st.binary(max_size=4).map(lambda seed: random.Random(seed).randbytes(192)), width=st.integers(1, 31))
def test_both_engines_read_the_same_scalars(uniform: bytes, width: int) -> None:
    assert NATIVE.reduced_scalars(uniform).encode() == SODIUM.reduced_scalars(uniform).encode()
    short = uniform[: 5 * width]
    assert NATIVE.short_scalars(short, width).encode() == SODIUM.short_scalars(short, width).encode()
    rngs = random.Random(width), random.Random(width)
    assert NATIVE.random_scalars(rngs[0], 3).numbers() == SODIUM.random_scalars(rngs[1], 3).numbers()


@settings(max_examples=15, deadline=None)
@given(domain=st.binary(min_size=1, max_size=255), message=st.binary(max_size=300), first=st.integers(0, 2**64 - 2))
def test_both_engines_hash_to_the_same_elements(domain: bytes, message: bytes, first: int) -> None:
    messages = [message, b"", message[:1]]
    assert NATIVE.hash_to_elements(domain, messages).encode() == SODIUM.hash_to_elements(domain, messages).encode()
    native = NATIVE.derive_elements(domain, message, first, 2)
    assert native.encode() == SODIUM.derive_elements(domain, message, first, 2).encode()


@settings(max_examples=15, deadline=None)
@given(data=st.lists(st.binary(min_size=30, max_size=30), max_size=4))
def test_both_engines_embed_data_in_the_same_elements(data: list[bytes]) -> None:
    native = NATIVE.embed(data)
    assert native.encode() == SODIUM.embed(data).encode()
    assert NATIVE.extract(native) == data


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), high=st.sampled_from([0, 0x7F, 0x80, 0xFF]))
def test_both_engines_take_and_refuse_the_same_encodings(seed: int, high: int) -> None:
    encoding = random.Random(seed).randbytes(31) + bytes([high])
    even = bytes([encoding[0] & 0xFE]) + encoding[1:]
    for candidate in (encoding, even):
        assert refusal(NATIVE.elements, candidate) == refusal(SODIUM.elements, candidate)
        assert refusal(NATIVE.scalars, candidate) == refusal(SODIUM.scalars, candidate)


def refusal(read: Callable[[bytes], object], encoding: bytes) -> str | None:
    """Return the message of the error, if there is one."""
    try:
        read(encoding)
    except PeerError as error:
        return str(error)
    return None


def test_long_columns_are_right_too() -> None:
    # Long enough for several threads, several chunks, and sums by buckets.
    rng, count = random.Random(5), 3000
    logarithms, scalars = NATIVE.random_scalars(rng, count), NATIVE.random_scalars(rng, count)
    base = NATIVE.fixed_base(NATIVE.generator)
    products = base.times_public(logarithms)
    decoded = NATIVE.elements(products.encode())
    assert products == base.times(logarithms) == decoded
    assert decoded.encode() == products.encode()
    expected = base.times(logarithms.inner(scalars))
    for elements in (products, decoded):
        assert NATIVE.multi_scalar(scalars, elements) == expected
        assert elements.times(scalars).sum() == expected
    short = NATIVE.short_scalars(rng.randbytes(16 * count), 16)
    assert NATIVE.multi_scalar(short, decoded) == base.times(logarithms.inner(short))
    assert scalars.invert() * scalars == NATIVE.scalars_of([1]) * NATIVE.scalars_of([1] * count)
    assert scalars.running_products()[-1:] * scalars[:1].invert() == scalars[1:].running_products()[-1:]
    assert (decoded + products)[1234:1235] == base.times(logarithms[1234:1235] + logarithms[1234:1235])


def test_columns_of_two_engines_do_not_mix() -> None:
    native, sodium = NATIVE.scalars_of([1]), SODIUM.scalars_of([1])
    mixed: list[Callable[[], object]] = [
        lambda: native + sodium,
        lambda: sodium + native,
        lambda: NATIVE.generator - SODIUM.generator,
        lambda: SODIUM.generator.times(native),
        lambda: NATIVE.multi_scalar(sodium, NATIVE.generator),
        lambda: SODIUM.join([NATIVE.generator]),
    ]
    for operation in mixed:
        with pytest.raises(ValueError, match="needed"):
            operation()
    assert native != sodium
    assert NATIVE.generator != SODIUM.generator


def test_other_threads_run_during_a_long_operation() -> None:
    base, scalars = NATIVE.fixed_base(NATIVE.generator), NATIVE.random_scalars(random.Random(6), 5000)
    base.times(scalars[:1])
    begun, turns, done = threading.Event(), 0, threading.Event()

    def work() -> None:
        begun.set()
        base.times(scalars)
        done.set()

    thread = threading.Thread(target=work)
    # A thread that kept the lock would let this one run only when it gives the lock up, not in the midst of the work.
    thread.start()
    begun.wait()
    while not done.is_set():
        turns += 1
    thread.join()
    assert turns > 1000


def test_an_old_build_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from loopixmix import _native

    monkeypatch.delattr(_native, "COLUMNS_VERSION")
    monkeypatch.delitem(sys.modules, "loopixmix.group.native")
    for engine in (None, "native"):
        with pytest.raises(MisuseError, match="older sources: build it again"):
            ristretto255(engine)
    assert ristretto255("libsodium").engine == "libsodium"
