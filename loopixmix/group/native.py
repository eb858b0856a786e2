"""Ristretto255 by the Rust engine: whole columns at once, on all processors, without Python's global lock.

`times` of elements and of fixed bases, and all arithmetic on scalars but `running_products` and `invert`'s refusal of
0, take a time that depends on lengths only. `times_public` of fixed bases and `multi_scalar` depend on the scalars.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from loopixmix import _native
from loopixmix.errors import MisuseError
from loopixmix.group.group import BadElementError, BadScalarError, Buffer, Elements, Scalars
from loopixmix.group.hashing import check_domain, check_numbers_fit
from loopixmix.group.ristretto_rules import (
    GENERATOR,
    IDENTITY,
    SCALAR_BYTES,
    RistrettoNumbers,
    check_numbers,
    check_width,
)
from loopixmix.seams import Rng

COLUMNS_VERSION = 1
"""The interface that this module needs; see `loopixmix/_native.pyi`."""

_found = getattr(_native, "COLUMNS_VERSION", None)
if _found != COLUMNS_VERSION:
    raise MisuseError(f"loopixmix._native was built from older sources: build it again by make setup ({_found})")


class NativeGroup(RistrettoNumbers):
    """Ristretto255 by the native engine. It keeps nothing."""

    engine = "native"
    dump_bytes = _native.DUMP_BYTES

    @property
    def generator(self) -> _native.ElementColumn:
        return self.elements(GENERATOR)

    @property
    def identity(self) -> _native.ElementColumn:
        return self.elements(IDENTITY)

    def elements(self, encodings: Buffer, /) -> _native.ElementColumn:
        decoded = _native.decode_elements(bytes(encodings))
        if isinstance(decoded, int):
            raise BadElementError(decoded)
        return decoded

    def load(self, dumped: Buffer, /) -> _native.ElementColumn:
        return _native.load_elements(bytes(dumped))

    def scalars(self, encodings: Buffer, /) -> _native.ScalarColumn:
        decoded = _native.decode_scalars(bytes(encodings))
        if isinstance(decoded, int):
            raise BadScalarError(decoded)
        return decoded

    def scalars_of(self, numbers: Iterable[int], /) -> _native.ScalarColumn:
        return self.scalars(b"".join(number.to_bytes(SCALAR_BYTES, "little") for number in check_numbers(numbers)))

    def short_scalars(self, numbers: Buffer, width: int, /) -> _native.ScalarColumn:
        check_width(width)
        return _native.short_scalars(bytes(numbers), width)

    def reduced_scalars(self, uniform: Buffer, /) -> _native.ScalarColumn:
        return _native.reduce_scalars(bytes(uniform))

    def random_scalars(self, rng: Rng, count: int, /) -> _native.ScalarColumn:
        return self.reduced_scalars(rng.randbytes(2 * SCALAR_BYTES * count))

    def hash_to_elements(self, domain: bytes, messages: Sequence[bytes], /) -> _native.ElementColumn:
        return _native.hash_to_elements(domain, messages)

    def derive_elements(self, domain: bytes, seed: bytes, first: int, count: int, /) -> _native.ElementColumn:
        check_domain(domain)
        check_numbers_fit(first, count)
        # The first of no numbers may be 2^64.
        return _native.derive_elements(domain, seed, first if count else 0, count)

    def embed(self, data: Sequence[bytes], /) -> _native.ElementColumn:
        return _native.embed_elements(data)

    def extract(self, elements: Elements, /) -> list[bytes | None]:
        return _native.extract_elements(elements)

    def fixed_base(self, base: Elements, /) -> _native.FixedBaseTable:
        return _native.FixedBaseTable(base)

    def multi_scalar(self, scalars: Scalars, elements: Elements, /) -> _native.ElementColumn:
        return _native.multi_scalar(scalars, elements)

    def join(self, columns: Sequence[Elements], /) -> _native.ElementColumn:
        return _native.join_elements(columns)

    def join_scalars(self, columns: Sequence[Scalars], /) -> _native.ScalarColumn:
        return _native.join_scalars(columns)
