"""The low-level engine: the arithmetic of Sphinx, without randomness, checks of the caller or meaning.

The functions of `loopixmix.sphinx` check arguments, draw what is random, and then call one of the two engines, which
therefore get valid lengths and public keys and give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Protocol

import msgspec

from loopixmix.errors import MisuseError
from loopixmix.seams import DropReason
from loopixmix.sphinx.geometry import Geometry
from loopixmix.sphinx.packet import SurbKeys, Unwrapped

NATIVE = "native"
REFERENCE = "reference"


class Route(msgspec.Struct, frozen=True, gc=False):
    """A path ready for an engine: each hop's mix key, each hop's encoded command, and the sender's random values.

    `secret` is the 32-byte private scalar x of the paper; `padding` fills the innermost routing command.
    """

    public_keys: tuple[bytes, ...]
    commands: tuple[bytes, ...]
    secret: bytes
    padding: bytes

    def __repr__(self) -> str:
        return f"Route(public_keys={self.public_keys!r}, commands={self.commands!r})"


class Engine(Protocol):
    """One implementation of Sphinx."""

    def create_header(self, route: Route, geometry: Geometry) -> tuple[bytes, tuple[bytes, ...]]:
        """Return the header and each hop's payload key."""

    def wrap(self, route: Route, content: bytes, geometry: Geometry) -> bytes:
        """Return a packet that takes `content` to the end of the route."""

    def use_surb(self, reply_key: bytes, payload: bytes, geometry: Geometry) -> bytes:
        """Return the body that goes with a reply block's header."""

    def open_reply(self, keys: SurbKeys, body: bytes, geometry: Geometry) -> bytes:
        """Return the payload of a reply; raise `PacketError`."""

    def open_body(self, payload_key: bytes, body: bytes, geometry: Geometry) -> bytes:
        """Return the content of a forward packet's body at its last hop; raise `PacketError`."""

    def unwrap_many(
        self, private_keys: Sequence[bytes], packets: Sequence[bytes], geometry: Geometry, threads: int
    ) -> list[Unwrapped | DropReason]:
        """Take one layer off each packet."""


def _find_native() -> bool:
    try:
        import loopixmix._native  # noqa: F401
    except ImportError:
        return False
    return True


_NATIVE_IS_HERE = _find_native()


def engines() -> tuple[str, ...]:
    """Return the names of the engines this installation has, the default first."""
    return (NATIVE, REFERENCE) if _NATIVE_IS_HERE else (REFERENCE,)


def engine_name(engine: str | None = None) -> str:
    """Return the name of the engine that `engine=None` stands for, or `engine` itself.

    Raises `MisuseError` where this installation has no such engine.
    """
    if engine is None:
        return engines()[0]
    if engine not in engines():
        raise MisuseError(f'no Sphinx engine "{engine}" here (there is: {", ".join(engines())})')
    return engine


@lru_cache(maxsize=2)
def _load(name: str) -> Engine:
    # Imported on first use: sphinxmix brings petlib and pytest into the process, which a node with the native
    # engine does not need.
    if name == NATIVE:
        from loopixmix.sphinx.native import NativeEngine

        return NativeEngine()
    from loopixmix.sphinx.reference import ReferenceEngine

    return ReferenceEngine()


_in_place: Engine | None = None


@contextmanager
def using_engine(engine: Engine) -> Iterator[None]:
    """Let `engine` take the place of the default one, in this process, until the block ends: in simulations and tests.

    It is how simulations follow packets, or leave the ciphers out. No configuration, environment or message reaches
    it, and no node calls it. Who asks for an engine by its name gets that one all the same. Blocks may be nested.
    """
    global _in_place
    before, _in_place = _in_place, engine
    try:
        yield
    finally:
        _in_place = before


def select(engine: str | None) -> Engine:
    """Return the engine of that name; for `None` the default one, or what `using_engine` put in its place."""
    if engine is None and _in_place is not None:
        return _in_place
    return _load(engine_name(engine))
