"""The fast arithmetic: the Rust crate in `native/`."""

from __future__ import annotations

from collections.abc import Sequence

from loopixmix import _native
from loopixmix.drops import DropReason
from loopixmix.sphinx.arithmetic import Route
from loopixmix.sphinx.errors import PacketError
from loopixmix.sphinx.geometry import Geometry
from loopixmix.sphinx.packet import SurbKeys, Unwrapped

# The crate gives numbers: it is built without knowing our enumerations.
_REASONS = {
    _native.WRONG_LENGTH: DropReason.WRONG_LENGTH,
    _native.BAD_POINT: DropReason.BAD_POINT,
    _native.BAD_MAC: DropReason.BAD_MAC,
    _native.UNKNOWN_COMMAND: DropReason.UNKNOWN_COMMAND,
    _native.TAGGED_PAYLOAD: DropReason.TAGGED_PAYLOAD,
    _native.BAD_PAYLOAD: DropReason.BAD_PAYLOAD,
}


class NativeArithmetic:
    """Sphinx outside the GIL, a batch at a time (see `loopixmix.sphinx.arithmetic.Arithmetic`)."""

    name = "native"

    def create_header(self, route: Route, geometry: Geometry) -> tuple[bytes, tuple[bytes, ...]]:
        """Return the header and each hop's payload key."""
        header, payload_keys = _native.create_header(
            route.public_keys, route.commands, route.secret, route.padding, geometry.beta_bytes
        )
        return header, tuple(payload_keys)

    def wrap(self, route: Route, content: bytes, geometry: Geometry) -> bytes:
        """Return a packet that takes `content` to the end of the route."""
        return _native.wrap(
            route.public_keys,
            route.commands,
            route.secret,
            route.padding,
            geometry.beta_bytes,
            content,
            geometry.body_bytes,
        )

    def use_surb(self, reply_key: bytes, payload: bytes, geometry: Geometry) -> bytes:
        """Return the body that goes with a reply block's header."""
        return _native.use_surb_body(reply_key, payload, geometry.body_bytes)

    def open_reply(self, keys: SurbKeys, body: bytes, geometry: Geometry) -> bytes:  # noqa: ARG002 (body has its length)
        """Return the payload of a reply; raise `PacketError`."""
        opened = _native.open_reply(keys.reply_key, keys.payload_keys, body)
        if isinstance(opened, int):
            raise PacketError(_REASONS[opened])
        return opened

    def open_body(self, payload_key: bytes, body: bytes, geometry: Geometry) -> bytes:
        """Return the content of a body at its last hop; raise `PacketError`."""
        if len(body) != geometry.body_bytes:
            raise PacketError(DropReason.WRONG_LENGTH)
        opened = _native.open_body(payload_key, body)
        if isinstance(opened, int):
            raise PacketError(_REASONS[opened])
        return opened

    def unwrap_many(
        self, private_keys: Sequence[bytes], packets: Sequence[bytes], geometry: Geometry, threads: int
    ) -> list[Unwrapped | DropReason]:
        """Take one layer off each packet, on up to `threads` threads."""
        body_bytes = geometry.body_bytes
        results = _native.unwrap_many(private_keys, packets, geometry.beta_bytes, body_bytes, threads)
        return [
            _REASONS[result] if isinstance(result, int) else Unwrapped(*result, body_bytes=body_bytes)
            for result in results
        ]
