"""The sender's side: wrap a payload for a path, make and use single-use reply blocks, open replies."""

from __future__ import annotations

from collections.abc import Sequence

from loopixmix.drops import DropReason
from loopixmix.errors import MisuseError
from loopixmix.seams import Identity, Rng
from loopixmix.sphinx.arithmetic import Route, Sphinx
from loopixmix.sphinx.commands import encode_command
from loopixmix.sphinx.errors import PacketError
from loopixmix.sphinx.geometry import KEY_BYTES, POINT_BYTES, Geometry
from loopixmix.sphinx.packet import Hop, Surb, SurbKeys
from loopixmix.sphinx.payload import check_payload_size, encode_content
from loopixmix.sphinx.points import check_public_keys


def _draw_route(hops: Sequence[Hop], geometry: Geometry, rng: Rng) -> Route:
    """Check the path and draw what is random about its header: first the secret, then the padding."""
    if not 1 <= len(hops) <= geometry.hops:
        raise MisuseError(f"a path has 1 to {geometry.hops} hops, not {len(hops)}")
    public_keys = tuple([hop.public_key for hop in hops])
    check_public_keys(public_keys)
    # First the secret, then the padding: the committed vectors hand out random values in this order.
    return Route(
        public_keys=public_keys,
        commands=tuple([encode_command(hop.command) for hop in hops]),
        secret=rng.randbytes(POINT_BYTES),
        padding=rng.randbytes(geometry.path_padding_bytes(len(hops))),
    )


def wrap(
    hops: Sequence[Hop],
    payload: bytes,
    *,
    sphinx: Sphinx,
    rng: Rng,
    surb: Surb | None = None,
) -> bytes:
    """Return a packet for the first of `hops` that takes `payload` to the last.

    `hops`: 1 to `geometry.hops` of them. `payload`: at most `geometry.payload_bytes`. `surb`: lets the last hop
    answer. Raises `MisuseError` if an argument does not fit or a public key is not a valid X25519 key. (Danezis &
    Goldberg 2009, section 3.2 to 3.4.)
    """
    geometry = sphinx.geometry
    content = encode_content(payload, surb, geometry)
    return sphinx.arithmetic.wrap(_draw_route(hops, geometry, rng), content, geometry)


def make_surb(first_hop: Identity, hops: Sequence[Hop], *, sphinx: Sphinx, rng: Rng) -> tuple[Surb, SurbKeys]:
    """Return a single-use reply block for a path that ends at its maker, and the keys that open the reply.

    `first_hop`: the id of the node whose key is `hops[0]`'s. The last hop's command is a `Reply`. Raises
    `MisuseError` as `wrap` does.
    """
    route = _draw_route(hops, sphinx.geometry, rng)
    header, payload_keys = sphinx.arithmetic.create_header(route, sphinx.geometry)
    reply_key = rng.randbytes(KEY_BYTES)
    return Surb(first_hop, header, reply_key), SurbKeys(reply_key, payload_keys)


def use_surb(surb: Surb, payload: bytes, *, sphinx: Sphinx) -> bytes:
    """Return the packet for `surb.first_hop` that takes `payload` to the maker of the reply block.

    A reply block is for one packet: a second has the same replay tags and is dropped at the first hop. Raises
    `MisuseError` if the payload is too long or the reply block is of another geometry.
    """
    geometry = sphinx.geometry
    check_payload_size(payload, geometry)
    if len(surb.header) != geometry.header_bytes:
        raise MisuseError("the reply block was made for another geometry")
    return surb.header + sphinx.arithmetic.use_surb(surb.reply_key, payload, geometry)


def open_reply(keys: SurbKeys, body: bytes, *, sphinx: Sphinx) -> bytes:
    """Return the payload of a reply from the body that came with the reply block's id.

    Raises `PacketError`: `TAGGED_PAYLOAD` if the body was changed on its way or belongs to other keys,
    `BAD_PAYLOAD` if it was never a reply, `WRONG_LENGTH`.
    """
    geometry = sphinx.geometry
    if len(body) != geometry.body_bytes:
        raise PacketError(DropReason.WRONG_LENGTH)
    payload = sphinx.arithmetic.open_reply(keys, body, geometry)
    # The seal is right, but whoever used the block may have filled the room that is meant for padding.
    if len(payload) > geometry.payload_bytes:
        raise PacketError(DropReason.BAD_PAYLOAD)
    return payload
