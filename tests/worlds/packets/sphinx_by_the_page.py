"""A second implementation, written from docs/protocol/packet.md with `cryptography` and the standard library only.

It is slow, takes its randomness as arguments and refuses nothing but what the page says a node refuses. It exists to
show that the page is enough, and to put intermediate values into the vectors.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB

GENERATOR = (9).to_bytes(32, "little")
FIELD_PRIME = 2**255 - 19


class RefusedError(Exception):
    """The reason, as the page spells it."""


def x25519(exponent: bytes, element: bytes) -> bytes:
    private = X25519PrivateKey.from_private_bytes(exponent)
    return private.exchange(X25519PublicKey.from_public_bytes(element))  # ValueError if the result is zero


def ladder(element: bytes, exponents: Sequence[bytes]) -> bytes:
    for exponent in exponents:
        element = x25519(exponent, element)
    return element


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def mac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")[:16]


def block(key: bytes, plain: bytes) -> bytes:
    return Cipher(AES128(key), ECB()).encryptor().update(plain)


def ctr(key: bytes, counter: bytes, data: bytes) -> bytes:
    return Cipher(AES128(key), CTR(counter)).encryptor().update(data)


def rho(key: bytes, data: bytes) -> bytes:
    return ctr(key, bytes(16), data)


def pi(key: bytes, message: bytes) -> bytes:
    left, right = message[:16], message[16:]
    left = ctr(key, sha256(right + key + b"1")[:16], left)
    right = ctr(key, left, right)
    left = ctr(key, sha256(right + key + b"3")[:16], left)
    right = ctr(key, left, right)
    return left + right


def pi_inverse(key: bytes, message: bytes) -> bytes:
    left, right = message[:16], message[16:]
    right = ctr(key, left, right)
    left = ctr(key, sha256(right + key + b"3")[:16], left)
    right = ctr(key, left, right)
    left = ctr(key, sha256(right + key + b"1")[:16], left)
    return left + right


@dataclass(frozen=True)
class HopKeys:
    """What one shared secret gives."""

    alpha: bytes
    shared_secret: bytes
    hop_secret: bytes
    blinding_exponent: bytes
    stream_key: bytes
    mac_key: bytes
    payload_key: bytes
    replay_tag: bytes


def hop_keys(alpha: bytes, shared_secret: bytes) -> HopKeys:
    hop_secret = sha256(b"aes_key:" + shared_secret)[:16]
    return HopKeys(
        alpha=alpha,
        shared_secret=shared_secret,
        hop_secret=hop_secret,
        blinding_exponent=sha256(block(hop_secret, b"hbhbhbhbhbhbhbhb")),
        stream_key=block(hop_secret, b"hrhohrhohrhohrho"),
        mac_key=block(hop_secret, b"hmu:hmu:hmu:hmu:"),
        payload_key=block(hop_secret, b"hpi:hpi:hpi:hpi:"),
        replay_tag=block(hop_secret, b"htauhtauhtauhtau"),
    )


def path_keys(public_keys: Sequence[bytes], secret: bytes) -> list[HopKeys]:
    exponents, keys = [secret], []
    for public_key in public_keys:
        keys.append(hop_keys(ladder(GENERATOR, exponents), ladder(public_key, exponents)))
        exponents.append(keys[-1].blinding_exponent)
    return keys


def make_filler(keys: Sequence[HopKeys], beta_bytes: int) -> bytes:
    filler = b""
    for hop in keys[:-1]:
        start = beta_bytes - len(filler)
        filler = rho(hop.stream_key, bytes(start) + filler + bytes(58))[start:]
    return filler


def make_header(keys: Sequence[HopKeys], commands: Sequence[bytes], padding: bytes, beta_bytes: int) -> bytes:
    routes = [bytes([41]) + command for command in commands]
    beta = rho(keys[-1].stream_key, routes[-1] + padding) + make_filler(keys, beta_bytes)
    gamma = mac(keys[-1].mac_key, beta)
    for hop, route in zip(reversed(keys[:-1]), reversed(routes[:-1]), strict=True):
        beta = rho(hop.stream_key, (route + gamma + beta)[:beta_bytes])
        gamma = mac(hop.mac_key, beta)
    return keys[0].alpha + beta + gamma


def make_body(key: bytes, content: bytes, body_bytes: int) -> bytes:
    padded = (content + b"\x7f").ljust(body_bytes - 16, b"\xff")
    return mac(key, padded) + padded


def wrap(keys: Sequence[HopKeys], header: bytes, content: bytes, body_bytes: int) -> bytes:
    body = make_body(keys[-1].payload_key, content, body_bytes)
    for hop in reversed(keys):
        body = pi(hop.payload_key, body)
    return header + body


def use_surb(header: bytes, reply_key: bytes, payload: bytes, body_bytes: int) -> bytes:
    return header + pi(reply_key, make_body(reply_key, payload, body_bytes))


def open_body(key: bytes, body: bytes) -> bytes:
    if body[:16] != mac(key, body[16:]):
        raise RefusedError("tagged_payload")
    marked = body[16:].rstrip(b"\xff")
    if marked[-1:] != b"\x7f":
        raise RefusedError("bad_payload")
    return marked[:-1]


def open_reply(reply_key: bytes, payload_keys: Sequence[bytes], body: bytes) -> bytes:
    for key in reversed(payload_keys):
        body = pi(key, body)
    return open_body(reply_key, pi_inverse(reply_key, body))


def unwrap(private_key: bytes, packet: bytes, beta_bytes: int, body_bytes: int) -> tuple[HopKeys, bytes, bytes]:
    """The hop's keys, its command, the next packet."""
    if len(packet) != 32 + beta_bytes + 16 + body_bytes:
        raise RefusedError("wrong_length")
    alpha, beta = packet[:32], packet[32 : 32 + beta_bytes]
    gamma, body = packet[32 + beta_bytes : 48 + beta_bytes], packet[48 + beta_bytes :]
    if int.from_bytes(alpha, "little") >= FIELD_PRIME:
        raise RefusedError("bad_point")
    try:
        keys = hop_keys(alpha, x25519(private_key, alpha))
    except ValueError as error:
        raise RefusedError("bad_point") from error
    if gamma != mac(keys.mac_key, beta):
        raise RefusedError("bad_mac")
    routing = rho(keys.stream_key, beta + bytes(58))
    if routing[0] != 41:
        raise RefusedError("unknown_command")
    command, next_gamma, next_beta = routing[1:42], routing[42:58], routing[58:]
    next_alpha = x25519(keys.blinding_exponent, alpha)
    return keys, command, next_alpha + next_beta + next_gamma + pi_inverse(keys.payload_key, body)
