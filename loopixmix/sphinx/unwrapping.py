"""The node's side: take one layer off packets, open the body at the end of the path."""

from __future__ import annotations

from collections.abc import Sequence

from loopixmix.drops import DropReason
from loopixmix.errors import MisuseError
from loopixmix.sphinx.arithmetic import Sphinx
from loopixmix.sphinx.errors import PacketError
from loopixmix.sphinx.geometry import POINT_BYTES
from loopixmix.sphinx.packet import Payload, Unwrapped
from loopixmix.sphinx.payload import decode_content


def unwrap_many(
    private_keys: Sequence[bytes], packets: Sequence[bytes], *, sphinx: Sphinx, threads: int = 1
) -> list[Unwrapped | DropReason]:
    """Take one layer off each packet, in order; a packet that is wrong gives its reason and disturbs no other.

    `private_keys`: X25519 private keys of 32 bytes, tried in turn until the MAC fits, so the likeliest goes first.
    `threads`: 1 or more; the native arithmetic works without the GIL. Nothing is remembered: the caller looks up
    `replay_tag`. Reasons: `WRONG_LENGTH`, `BAD_POINT`, `BAD_MAC` (no key fits), `UNKNOWN_COMMAND`. Raises
    `MisuseError` if a key is none. (Danezis & Goldberg 2009, section 3.6.)
    """
    if not private_keys:
        raise MisuseError("unwrapping takes one or more private keys")
    # Refused here: to the arithmetic a key of another length would be one that no packet fits.
    for key in private_keys:
        if len(key) != POINT_BYTES:
            raise MisuseError(f"unwrapping takes private keys of {POINT_BYTES} bytes, not {len(key)}")
    if threads < 1:
        raise MisuseError(f"unwrapping takes one thread or more, not {threads}")
    return sphinx.arithmetic.unwrap_many(private_keys, packets, sphinx.geometry, threads)


def unwrap(private_keys: Sequence[bytes], packet: bytes, *, sphinx: Sphinx) -> Unwrapped:
    """Take one layer off one packet; raise `PacketError` with the reason `unwrap_many` would give."""
    (result,) = unwrap_many(private_keys, (packet,), sphinx=sphinx)
    if isinstance(result, DropReason):
        raise PacketError(result)
    return result


def open_payload(payload_key: bytes, body: bytes, *, sphinx: Sphinx) -> Payload:
    """Return what a forward packet carried, at its last hop.

    `payload_key`, `body`: from `Unwrapped`. Raises `PacketError`: `TAGGED_PAYLOAD` if somebody changed the body on
    its way, `BAD_PAYLOAD` if its sender made it wrong, `WRONG_LENGTH`.
    """
    geometry = sphinx.geometry
    return decode_content(sphinx.arithmetic.open_body(payload_key, body, geometry), geometry)
