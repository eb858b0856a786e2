"""Makes native/tests/sphinxmix.txt: packets and replies as sphinxmix 0.0.7 makes and processes them.

Run as a program it writes the file; `tests/native/test_native.py` checks that the file is still what this makes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base
from sphinxmix import SphinxClient
from sphinxmix.SphinxNode import sphinx_process
from sphinxmix.SphinxParams import SphinxParams

VECTORS = Path(__file__).parents[3] / "native" / "tests" / "sphinxmix.txt"
COMMAND_BYTES = 41


class X25519Group:
    """sphinxmix's group interface over X25519; `gensecret` gives the secret it was made with."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def gensecret(self) -> bytes:
        return self._secret

    def expon(self, base: bytes, exp: Sequence[bytes]) -> bytes:
        for factor in exp:
            base = crypto_scalarmult(factor, base)
        return base

    def expon_base(self, exp: Sequence[bytes]) -> bytes:
        return self.expon(crypto_scalarmult_base(exp[0]), exp[1:])

    def makeexp(self, data: bytes) -> bytes:
        return hashlib.sha256(data).digest()

    def in_group(self, alpha: bytes) -> bool:
        return len(alpha) == 32

    def printable(self, alpha: bytes) -> bytes:
        return alpha


class SphinxmixSender:
    """What sphinxmix makes of one route.

    sphinxmix draws the padding of the innermost beta itself (`os.urandom`), so `create` puts the given padding in by
    setting the name it draws from, and puts it back.
    """

    def __init__(self, secret: bytes, beta_bytes: int, body_bytes: int) -> None:
        self.params = SphinxParams(group=X25519Group(secret), header_len=beta_bytes + 32, body_len=body_bytes)

    def create(
        self, public_keys: Sequence[bytes], commands: Sequence[bytes], padding: bytes
    ) -> tuple[bytes, list[bytes]]:
        """Return the header and the AES keys of the hops."""
        drawn = SphinxClient.urandom
        SphinxClient.urandom = lambda size: padding[:size]
        try:
            header, aes_keys = SphinxClient.create_header(
                self.params, [b"", *commands[:-1]], list(public_keys), commands[-1]
            )
        finally:
            SphinxClient.urandom = drawn
        return b"".join(header), aes_keys

    def wrap(self, public_keys: Sequence[bytes], commands: Sequence[bytes], padding: bytes, content: bytes) -> bytes:
        """Return a whole packet."""
        header, aes_keys = self.create(public_keys, commands, padding)
        payload_keys = [self.params.hpi(key) for key in aes_keys]
        padded = SphinxClient.pad_body(self.params.m - self.params.k, content)
        body = self.params.mu(payload_keys[-1], padded) + padded
        for key in reversed(payload_keys):
            body = self.params.pi(key, body)
        return bytes(header + body)


def process(private_key: bytes, packet: bytes, beta_bytes: int) -> tuple[bytes, bytes, bytes, bytes]:
    """Return replay tag, command, next packet and payload key, as `sphinx_process` gives them."""
    params = SphinxParams(group=X25519Group(b""), header_len=beta_bytes + 32, body_len=len(packet) - beta_bytes - 48)
    header = (packet[:32], packet[32 : 32 + beta_bytes], packet[32 + beta_bytes : 48 + beta_bytes])
    tag, command, (next_header, next_body), payload_key = sphinx_process(
        params, private_key, header, packet[48 + beta_bytes :]
    )
    return tag, command, b"".join(next_header) + next_body, payload_key


def _bytes(name: str, size: int) -> bytes:
    return hashlib.shake_256(name.encode()).digest(size)


def _case(name: str, hops: int, beta_bytes: int, body_bytes: int, content: bytes) -> Iterator[tuple[str, bytes]]:
    private_keys = [_bytes(f"{name} private {i}", 32) for i in range(hops)]
    public_keys = [crypto_scalarmult_base(key) for key in private_keys]
    commands = [_bytes(f"{name} command {i}", COMMAND_BYTES) for i in range(hops)]
    padding = _bytes(f"{name} padding", beta_bytes - 58 * (hops - 1) - 42)
    ktilde = _bytes(f"{name} ktilde", 16)
    sender = SphinxmixSender(_bytes(f"{name} secret", 32), beta_bytes, body_bytes)
    header, aes_keys = sender.create(public_keys, commands, padding)
    payload_keys = [sender.params.hpi(key) for key in aes_keys]
    yield "geometry", beta_bytes.to_bytes(4, "big") + body_bytes.to_bytes(4, "big")
    yield "secret", _bytes(f"{name} secret", 32)
    yield "private_keys", b"".join(private_keys)
    yield "public_keys", b"".join(public_keys)
    yield "commands", b"".join(commands)
    yield "padding", padding
    yield "content", content
    yield "payload_keys", b"".join(payload_keys)

    packet = sender.wrap(public_keys, commands, padding, content)
    yield "packet_0", packet
    for i, private_key in enumerate(private_keys):
        tag, _, packet, _ = process(private_key, packet, beta_bytes)
        yield f"replay_tag_{i}", tag
        yield f"packet_{i + 1}", packet

    header_parts = (header[:32], header[32:-16], header[-16:])
    _, body = SphinxClient.package_surb(sender.params, (b"", header_parts, ktilde), content)
    yield "ktilde", ktilde
    yield "reply_body", body
    packet = header + body
    for private_key in private_keys:
        packet = process(private_key, packet, beta_bytes)[2]
    yield "reply_arrived", packet[48 + beta_bytes :]


def make_vectors() -> str:
    """Return the text of the vector file: a blank line between cases, `name hex` lines in them."""
    cases = [
        _case("full", 5, 274, 500, b"the longest path"),
        _case("short", 2, 274, 2436, _bytes("content", 2419)),
        _case("one", 1, 42, 32, b""),
    ]
    text = ["\n".join(f"{name} {value.hex()}".rstrip() for name, value in case) for case in cases]
    return (
        "# sphinxmix 0.0.7 with X25519; made by tests/worlds/packets/sphinxmix_vectors.py\n" + "\n\n".join(text) + "\n"
    )


if __name__ == "__main__":
    VECTORS.write_text(make_vectors())
