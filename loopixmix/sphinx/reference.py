"""The reference arithmetic: sphinxmix 0.0.7 itself, given an X25519 group.

`create_header` and `sphinx_process` are sphinxmix's own code. What we add around it: the group, whose exponentiation
refuses low-order points; MACs that compare in constant time; and randomness that is an argument.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from functools import lru_cache
from types import FunctionType

from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base
from nacl.exceptions import RuntimeError as NaclRuntimeError
from sphinxmix import SphinxException
from sphinxmix.SphinxClient import create_header
from sphinxmix.SphinxNode import sphinx_process
from sphinxmix.SphinxParams import SphinxParams

from loopixmix.drops import DropReason
from loopixmix.sphinx.arithmetic import Route
from loopixmix.sphinx.geometry import COMMAND_BYTES, KEY_BYTES, POINT_BYTES, Geometry
from loopixmix.sphinx.packet import SurbKeys, Unwrapped
from loopixmix.sphinx.payload import open_body, seal_body
from loopixmix.sphinx.points import is_canonical


class BadPointError(Exception):
    """The group element cannot be used."""


class X25519Group:
    """What sphinxmix asks of a group: elements are 32-byte u-coordinates, exponents 32-byte strings, clamped at use."""

    def __init__(self, secret: bytes) -> None:
        """`secret`: the sender's exponent, which sphinxmix asks for with `gensecret`."""
        self._secret = secret

    def gensecret(self) -> bytes:
        """Return the sender's secret exponent."""
        return self._secret

    def expon(self, base: bytes, exponents: Sequence[bytes]) -> bytes:
        """Return `base` multiplied by each exponent in turn (X25519); raise `BadPointError` if that is zero."""
        for exponent in exponents:
            try:
                base = crypto_scalarmult(exponent, base)
            except NaclRuntimeError as error:
                raise BadPointError from error
        return base

    def expon_base(self, exponents: Sequence[bytes]) -> bytes:
        """Return the generator multiplied by each exponent in turn."""
        return self.expon(crypto_scalarmult_base(exponents[0]), exponents[1:])

    def makeexp(self, data: bytes) -> bytes:
        """Return the blinding exponent for 16 derived bytes: their SHA-256."""
        return hashlib.sha256(data).digest()

    def in_group(self, element: bytes) -> bool:
        """Tell whether `element` is a canonical encoding."""
        return is_canonical(element)

    def printable(self, element: bytes) -> bytes:
        """Return the element as bytes, which it is."""
        return element


class Mac(bytes):
    """A MAC whose comparisons take the same time wherever the difference is; sphinxmix compares with `!=`."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, bytes) and hmac.compare_digest(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = bytes.__hash__


class Params(SphinxParams):  # type: ignore[misc]  # sphinxmix has no types
    """sphinxmix's parameters for one geometry, with `Mac`s."""

    def __init__(self, geometry: Geometry, group: X25519Group) -> None:
        super().__init__(
            group=group,
            header_len=POINT_BYTES + geometry.beta_bytes,  # sphinxmix counts alpha and beta
            body_len=geometry.body_bytes,
            k=KEY_BYTES,
        )

    def mu(self, key: bytes, data: bytes) -> Mac:
        """Return the MAC of `data`."""
        return Mac(super().mu(key, data))


@lru_cache(maxsize=16)
def _params(geometry: Geometry) -> Params:
    return Params(geometry, X25519Group(b""))


def create_header_with(urandom: Callable[[int], bytes]) -> FunctionType:
    """Return sphinxmix's `create_header`, its code unchanged, with `urandom` in place of the operating system's."""
    names = {**create_header.__globals__, "urandom": urandom}
    return FunctionType(create_header.__code__, names, create_header.__name__, create_header.__defaults__)


class ReferenceArithmetic:
    """Sphinx by sphinxmix (see `loopixmix.sphinx.arithmetic.Arithmetic`)."""

    name = "reference"

    def create_header(self, route: Route, geometry: Geometry) -> tuple[bytes, tuple[bytes, ...]]:
        """Return the header and each hop's payload key."""
        params = Params(geometry, X25519Group(route.secret))
        # sphinxmix gives nodelist[i] to hop i - 1 and the destination to the last hop; nodelist[0] is the sender's.
        nodes, destination = (b"", *route.commands[:-1]), route.commands[-1]

        def padding(size: int) -> bytes:
            if size != len(route.padding):
                raise ValueError("the padding does not fit the path")
            return route.padding

        (alpha, beta, gamma), secrets = create_header_with(padding)(params, nodes, route.public_keys, destination)
        return bytes(alpha + beta + gamma), tuple(bytes(params.hpi(secret)) for secret in secrets)

    def wrap(self, route: Route, content: bytes, geometry: Geometry) -> bytes:
        """Return a packet that takes `content` to the end of the route."""
        header, payload_keys = self.create_header(route, geometry)
        params = _params(geometry)
        body = seal_body(payload_keys[-1], content, geometry)
        for key in reversed(payload_keys):
            body = bytes(params.pi(key, body))
        return header + body

    def use_surb(self, reply_key: bytes, payload: bytes, geometry: Geometry) -> bytes:
        """Return the body that goes with a reply block's header."""
        return bytes(_params(geometry).pi(reply_key, seal_body(reply_key, payload, geometry)))

    def open_reply(self, keys: SurbKeys, body: bytes, geometry: Geometry) -> bytes:
        """Return the payload of a reply; raise `PacketError`."""
        params = _params(geometry)
        for key in reversed(keys.payload_keys):
            body = bytes(params.pi(key, body))
        return open_body(keys.reply_key, bytes(params.pii(keys.reply_key, body)), geometry)

    def open_body(self, payload_key: bytes, body: bytes, geometry: Geometry) -> bytes:
        """Return the content of a body at its last hop; raise `PacketError`."""
        return open_body(payload_key, body, geometry)

    def unwrap_many(
        self,
        private_keys: Sequence[bytes],
        packets: Sequence[bytes],
        geometry: Geometry,
        threads: int,  # noqa: ARG002 (sphinxmix holds the GIL)
    ) -> list[Unwrapped | DropReason]:
        """Take one layer off each packet, one after the other."""
        return [_unwrap(private_keys, packet, geometry) for packet in packets]


def _unwrap(private_keys: Sequence[bytes], packet: bytes, geometry: Geometry) -> Unwrapped | DropReason:
    if len(packet) != geometry.packet_bytes:
        return DropReason.WRONG_LENGTH
    if not is_canonical(packet[:POINT_BYTES]):
        return DropReason.BAD_POINT
    for key_index, private_key in enumerate(private_keys):
        try:
            return _process(key_index, private_key, packet, geometry)
        except BadPointError:
            return DropReason.BAD_POINT
        except SphinxException:  # the MAC; the lengths and the point were checked
            continue
    return DropReason.BAD_MAC


def _process(key_index: int, private_key: bytes, packet: bytes, geometry: Geometry) -> Unwrapped | DropReason:
    beta_end = POINT_BYTES + geometry.beta_bytes
    header = packet[:POINT_BYTES], packet[POINT_BYTES:beta_end], packet[beta_end : geometry.header_bytes]
    replay_tag, command, ((alpha, beta, gamma), body), payload_key = sphinx_process(
        _params(geometry), private_key, header, packet[geometry.header_bytes :]
    )
    if len(command) != COMMAND_BYTES:
        return DropReason.UNKNOWN_COMMAND
    return Unwrapped(
        key_index=key_index,
        replay_tag=bytes(replay_tag),
        command=bytes(command),
        packet=bytes(alpha + beta + gamma + body),
        payload_key=bytes(payload_key),
        body_bytes=geometry.body_bytes,
    )
