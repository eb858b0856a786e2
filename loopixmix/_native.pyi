"""The Rust engine (crate `native/`): Sphinx in bulk, outside the GIL. Absent where no Rust toolchain was at install.

Apart from the classes and functions of columns at the end, which are for `loopixmix.group`, all of it is about Sphinx.

Bytes are those of sphinxmix 0.0.7 with the X25519 group of `loopixmix.sphinx`. A packet is
`alpha 32 | beta beta_bytes | gamma 16 | body body_bytes`, a header its first three parts. Commands have 41 bytes;
in the header each is preceded by its length. Group elements are canonical encodings (RFC 7748 section 5, u < p);
anything else is refused like a low-order point.

Arguments that the caller got wrong (key, command, padding, payload or geometry of a wrong size, a public key that is
not canonical, of low order or on the twist) raise `ValueError`; a message never holds secret bytes. What peers got
wrong comes back as one of the codes below, named as in `loopixmix.drops.DropReason`.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from loopixmix.group.group import Elements, Scalars

COMMAND_BYTES: Final = 41

WRONG_LENGTH: Final = 1
"""The packet (or body) does not have the size of the geometry."""
BAD_POINT: Final = 2
"""alpha is not canonical or of low order (the shared secret would be all zero, RFC 7748 section 6.1)."""
BAD_MAC: Final = 3
"""gamma fits beta under none of the private keys."""
UNKNOWN_COMMAND: Final = 4
"""The MAC is right but the length byte in front of the command is not `COMMAND_BYTES`."""
TAGGED_PAYLOAD: Final = 5
"""The body's MAC is wrong: it was changed on the way."""
BAD_PAYLOAD: Final = 6
"""The body's MAC is right but its padding is not."""

UnwrappedTuple: TypeAlias = tuple[int, bytes, bytes, bytes, bytes]
"""(index of the private key that fitted, replay tag 16, command 41, packet for the next hop, payload key 16)."""

def create_header(
    public_keys: Sequence[bytes], commands: Sequence[bytes], secret: bytes, padding: bytes, beta_bytes: int
) -> tuple[bytes, list[bytes]]:
    """Make a header: `commands[i]` is what the holder of `public_keys[i]` is told.

    `secret`: 32 random bytes, used once. `padding`: random, exactly `beta_bytes - 58 * (len(public_keys) - 1) - 42`
    bytes. Returns the header and each hop's payload key (sphinxmix `hpi`, 16 bytes), in path order.
    """

def wrap(
    public_keys: Sequence[bytes],
    commands: Sequence[bytes],
    secret: bytes,
    padding: bytes,
    beta_bytes: int,
    content: bytes,
    body_bytes: int,
) -> bytes:
    """Make a packet: the header of `create_header` and `content` (at most `body_bytes - 17` bytes) padded, MACed and
    encrypted for every hop."""

def use_surb_body(ktilde: bytes, payload: bytes, body_bytes: int) -> bytes:
    """Make the body that goes with a SURB's header from `payload` (at most `body_bytes - 17` bytes)."""

def open_reply(ktilde: bytes, payload_keys: Sequence[bytes], body: bytes) -> bytes | int:
    """Undo every hop's layer (`payload_keys` in path order) and `use_surb_body`: the payload, or `TAGGED_PAYLOAD`,
    `BAD_PAYLOAD`, `WRONG_LENGTH` (shorter than any body)."""

def open_body(payload_key: bytes, body: bytes) -> bytes | int:
    """Check MAC and padding of a body that the last hop unwrapped: the content, or `TAGGED_PAYLOAD`, `BAD_PAYLOAD`,
    `WRONG_LENGTH` (shorter than any body)."""

def unwrap_many(
    private_keys: Sequence[bytes], packets: Sequence[bytes], beta_bytes: int, body_bytes: int, threads: int
) -> list[UnwrappedTuple | int]:
    """Take one layer off each packet, in order: what it holds, or `WRONG_LENGTH`, `BAD_POINT`, `BAD_MAC`,
    `UNKNOWN_COMMAND`.

    Each private key is tried in turn until the MAC fits. Works on up to `threads` threads, outside the GIL; a small
    batch stays on the calling thread.
    """

def x25519(private_key: bytes, public_key: bytes) -> bytes:
    """RFC 7748 X25519 of two 32-byte strings; `ValueError` where the result would be all zero."""

def info() -> dict[str, str]:
    """Tell what was picked at run time: `version` of the crate, implementations of `x25519` and `ristretto255`."""

class TagSet:
    """An exact set of 16-byte replay tags, about 20 to 40 bytes each; hashed under a random key."""

    def __init__(self) -> None: ...
    def add(self, tag: bytes, /) -> bool:
        """Add one tag; true where it was not there yet."""

    def add_many(self, tags: Sequence[bytes], /) -> list[bool]:
        """Add tags in order; for each, true where it was not there yet (nor earlier in `tags`)."""

    def __contains__(self, tag: bytes, /) -> bool: ...
    def __len__(self) -> int: ...

class Propagation:
    """Entropy by propagation for simulations: see `simulations.vector.recursion.Propagation`, which does the same.

    Columns are arrays of one dimension; nodes and targets of 32-bit integers, times of doubles. `ValueError` where
    something does not fit; then nothing was added.
    """

    def __init__(
        self, corrupt: Sequence[bool], *, live_from_s: float, live_until_s: float, bucket_s: float
    ) -> None: ...
    def push(
        self,
        nodes: Sequence[NDArray[np.int32]],
        enters_s: Sequence[NDArray[np.float64]],
        leaves_s: Sequence[NDArray[np.float64]],
        targets: NDArray[np.int32],
        /,
    ) -> None:
        """Add packets; those at the indices `targets` are followed."""

    def advance(self, until_s: float, /) -> None:
        """Settle what is before `until_s`, outside the GIL."""

    def finish(self) -> list[float]:
        """Settle everything and return each target's entropy in bits."""

    @property
    def live_bits(self) -> list[float]:
        """The mean of eq. 5 at each node."""

    @property
    def active(self) -> int:
        """Targets that have mass on its way, and those that are yet to come."""

COLUMNS_VERSION: Final = 1
"""Raised whenever the interface of columns changes. An older build has another one, or none."""

DUMP_BYTES: Final[int]
"""The length of one element as `ElementColumn.dump` gives it: 160, or 32 on uncommon machines."""

class ScalarColumn:
    """Integers modulo the order of ristretto255: `loopixmix.group.group.Scalars`. Wiped from memory when unused.

    A slice shares the memory of the whole column and keeps it.
    """

    def __len__(self) -> int: ...
    def __getitem__(self, which: slice, /) -> ScalarColumn: ...
    def take(self, indices: Sequence[int], /) -> ScalarColumn: ...
    def encode(self) -> bytes: ...
    def numbers(self) -> list[int]: ...
    def __add__(self, other: Scalars, /) -> ScalarColumn: ...
    def __sub__(self, other: Scalars, /) -> ScalarColumn: ...
    def __mul__(self, other: Scalars, /) -> ScalarColumn: ...
    def __neg__(self) -> ScalarColumn: ...
    def invert(self) -> ScalarColumn: ...
    def sum(self) -> ScalarColumn: ...
    def inner(self, other: Scalars, /) -> ScalarColumn: ...
    def running_products(self) -> ScalarColumn: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

class ElementColumn:
    """Elements of ristretto255: `loopixmix.group.group.Elements`. A slice shares the memory of the whole column."""

    def __len__(self) -> int: ...
    def __getitem__(self, which: slice, /) -> ElementColumn: ...
    def take(self, indices: Sequence[int], /) -> ElementColumn: ...
    def encode(self) -> bytes: ...
    def dump(self) -> bytes: ...
    def __add__(self, other: Elements, /) -> ElementColumn: ...
    def __sub__(self, other: Elements, /) -> ElementColumn: ...
    def __neg__(self) -> ElementColumn: ...
    def times(self, scalars: Scalars, /) -> ElementColumn: ...
    def times_public(self, scalars: Scalars, /) -> ElementColumn: ...
    def sum(self) -> ElementColumn: ...
    def is_identity(self) -> list[bool]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

class FixedBaseTable:
    """Tables of ristretto255: `loopixmix.group.group.FixedBase`. They are made when they are first needed."""

    def __init__(self, base: Elements, /) -> None:
        """Take a column of one; `ValueError` for others."""

    @property
    def base(self) -> ElementColumn: ...
    def times(self, scalars: Scalars, /) -> ElementColumn: ...
    def times_public(self, scalars: Scalars, /) -> ElementColumn: ...

def decode_elements(encodings: bytes, /) -> ElementColumn | int:
    """Decode elements of 32 bytes each, or return the index of the first bad encoding."""

def load_elements(dumped: bytes, /) -> ElementColumn:
    """Read back what `ElementColumn.dump` gave. The content is not checked."""

def decode_scalars(encodings: bytes, /) -> ScalarColumn | int:
    """Decode scalars of 32 bytes each, or return the index of the first bad encoding."""

def short_scalars(numbers: bytes, width: int, /) -> ScalarColumn:
    """Read little-endian numbers of `width` bytes, which is less than 32."""

def reduce_scalars(uniform: bytes, /) -> ScalarColumn:
    """Reduce blocks of 64 little-endian bytes modulo the order."""

def hash_to_elements(domain: bytes, messages: Sequence[bytes], /) -> ElementColumn:
    """Hash each message to the group. `domain` has 1 to 255 bytes."""

def derive_elements(domain: bytes, seed: bytes, first: int, count: int, /) -> ElementColumn:
    """Hash `seed` with each of `count` numbers from `first` on, as 8 bytes, to the group."""

def embed_elements(data: Sequence[bytes], /) -> ElementColumn:
    """Put data of 30 bytes each into elements, as `loopixmix.group.embedding` says."""

def extract_elements(elements: Elements, /) -> list[bytes | None]:
    """Return the data in each element; `None` for one that `embed_elements` does not make."""

def multi_scalar(scalars: Scalars, elements: Elements, /) -> ElementColumn:
    """Return the sum of each element times its scalar, a column of one."""

def join_elements(columns: Sequence[Elements], /) -> ElementColumn:
    """Return one column with all elements, in order."""

def join_scalars(columns: Sequence[Scalars], /) -> ScalarColumn:
    """Return one column with all scalars, in order."""
