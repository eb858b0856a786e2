"""Messages once more, from docs/protocol/message.md alone: no code of the client's or of `loopixmix` is used.

What it makes the client opens, and what the client makes it opens (`tests/client/test_by_the_page.py`).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

X_WING_LABEL = bytes.fromhex("5c2e2f2f5e5c")
SUITE = b"HPKE" + bytes.fromhex("647a 0001 0003")


def u32(number: int) -> bytes:
    return number.to_bytes(4, "big")


def mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def prefixed(domain: bytes) -> bytes:
    return bytes([len(domain)]) + domain


def sign(key: Ed25519PrivateKey, domain: bytes, message: bytes) -> bytes:
    return key.sign(prefixed(domain) + message)


@dataclass
class SealingPair:
    """The sealing key of section 1, from its 96-byte seed."""

    seed: bytes

    @property
    def mlkem(self) -> MLKEM768PrivateKey:
        return MLKEM768PrivateKey.from_seed_bytes(self.seed[:64])

    @property
    def x25519(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(self.seed[64:])

    @property
    def public(self) -> bytes:
        return self.mlkem.public_key().public_bytes_raw() + self.x25519.public_key().public_bytes_raw()


# 2. Cards


def make_card(identity: Ed25519PrivateKey, *, name: str, provider: bytes, sealing_key: bytes, day: int) -> bytes:
    head = bytes([1, len(name)]) + name.encode().ljust(64, b"\0") + provider
    head += identity.public_key().public_bytes_raw() + u32(day) + sealing_key
    return head + sign(identity, b"loopixmix/card/v1", head)


def fingerprint(identity: bytes) -> str:
    digits = hashlib.sha256(prefixed(b"loopixmix/fingerprint/v1") + identity).hexdigest()[:32]
    return "-".join([digits[n : n + 4] for n in range(0, 32, 4)])


# 5. Sealing: HPKE with X-Wing, written out


def x_wing(mlkem_secret: bytes, x25519_secret: bytes, ephemeral: bytes, public: bytes) -> bytes:
    return hashlib.sha3_256(mlkem_secret + x25519_secret + ephemeral + public + X_WING_LABEL).digest()


def labelled_extract(salt: bytes, label: bytes, material: bytes) -> bytes:
    return mac(salt or bytes(32), b"HPKE-v1" + SUITE + label + material)


def labelled_expand(secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
    # At most 32 bytes are wanted: one block of HKDF-Expand.
    return mac(secret, length.to_bytes(2, "big") + b"HPKE-v1" + SUITE + label + info + b"\x01")[:length]


def key_and_nonce(shared_secret: bytes, info: bytes) -> tuple[bytes, bytes]:
    context = b"\0" + labelled_extract(b"", b"psk_id_hash", b"") + labelled_extract(b"", b"info_hash", info)
    secret = labelled_extract(shared_secret, b"secret", b"")
    return labelled_expand(secret, b"key", context, 32), labelled_expand(secret, b"base_nonce", context, 12)


def info_for(recipient: bytes) -> bytes:
    return prefixed(b"loopixmix/message/v1") + recipient


def seal(public: bytes, recipient: bytes, plaintext: bytes) -> bytes:
    mlkem_secret, mlkem_ciphertext = MLKEM768PublicKey.from_public_bytes(public[:1184]).encapsulate()
    ephemeral = X25519PrivateKey.from_private_bytes(os.urandom(32))
    ephemeral_public = ephemeral.public_key().public_bytes_raw()
    x25519_secret = ephemeral.exchange(X25519PublicKey.from_public_bytes(public[1184:]))
    shared = x_wing(mlkem_secret, x25519_secret, ephemeral_public, public[1184:])
    key, nonce = key_and_nonce(shared, info_for(recipient))
    return mlkem_ciphertext + ephemeral_public + ChaCha20Poly1305(key).encrypt(nonce, plaintext, b"")


def unseal(pair: SealingPair, recipient: bytes, sealed: bytes) -> bytes:
    mlkem_ciphertext, ephemeral, box = sealed[:1088], sealed[1088:1120], sealed[1120:]
    mlkem_secret = pair.mlkem.decapsulate(mlkem_ciphertext)
    x25519_secret = pair.x25519.exchange(X25519PublicKey.from_public_bytes(ephemeral))
    shared = x_wing(mlkem_secret, x25519_secret, ephemeral, pair.public[1184:])
    key, nonce = key_and_nonce(shared, info_for(recipient))
    return ChaCha20Poly1305(key).decrypt(nonce, box, b"")


# 6. Fragments


def tag(message_key: bytes, index: int) -> bytes:
    key = mac(message_key, b"loopixmix/fragment-tag/v1")
    return Cipher(AES256(key), ECB()).encryptor().update(u32(index) + bytes(12))


def cut(
    stream: bytes, *, message_key: bytes, public: bytes, recipient: bytes, payload_bytes: int = 2048
) -> list[bytes]:
    head_data, body_data = payload_bytes - 1173, payload_bytes - 32
    head = b"\x01" + message_key + u32(len(stream)) + stream[:head_data].ljust(head_data, b"\0")
    fragments = [seal(public, recipient, head)]
    box = ChaCha20Poly1305(mac(message_key, b"loopixmix/fragment-body/v1"))
    rest = stream[head_data:]
    for start in range(0, len(rest), body_data):
        index = start // body_data + 1
        piece = rest[start : start + body_data].ljust(body_data, b"\0")
        fragments.append(tag(message_key, index) + box.encrypt(index.to_bytes(12, "big"), piece, None))
    return fragments


def put_together(fragments: Sequence[bytes], pair: SealingPair, recipient: bytes) -> bytes:
    """Put a message together whose head comes first and whose other fragments come in any order."""
    head = unseal(pair, recipient, fragments[0])
    assert head[0] == 1
    message_key, length, data = head[1:33], int.from_bytes(head[33:37], "big"), head[37:]
    pieces: dict[int, bytes] = {}
    decryptor = Cipher(AES256(mac(message_key, b"loopixmix/fragment-tag/v1")), ECB()).decryptor()
    box = ChaCha20Poly1305(mac(message_key, b"loopixmix/fragment-body/v1"))
    for fragment in fragments[1:]:
        opened_tag = decryptor.update(fragment[:16])
        assert opened_tag[4:] == bytes(12)
        index = int.from_bytes(opened_tag[:4], "big")
        pieces[index] = box.decrypt(index.to_bytes(12, "big"), fragment[16:], None)
    return (data + b"".join(pieces[index] for index in sorted(pieces)))[:length]


# 4. Contents


def signed_contents(
    key: Ed25519PrivateKey, *, recipient: bytes, message_id: bytes, kind: str, body: bytes, name: str, provider: bytes
) -> bytes:
    sender = [key.public_key().public_bytes_raw(), name, provider]
    array = msgspec.msgpack.encode([message_id, kind, body, sender])
    return b"\x01" + sign(key, b"loopixmix/content/v1", recipient + array) + array


def receipt(
    key: Ed25519PrivateKey, *, recipient: bytes, message_id: bytes, received: bytes, name: str, provider: bytes
) -> bytes:
    array = msgspec.msgpack.encode([message_id, received, [key.public_key().public_bytes_raw(), name, provider]])
    return b"\x03" + sign(key, b"loopixmix/receipt/v1", recipient + array) + array


def anonymous_contents(
    *, message_id: bytes, kind: str, body: bytes, reply_key: bytes, blocks: Sequence[tuple[int, bytes]]
) -> bytes:
    return b"\x02" + msgspec.msgpack.encode([message_id, kind, body, reply_key, [list(block) for block in blocks]])


def read_contents(stream: bytes, recipient: bytes) -> list[object]:
    if stream[0] == 2:
        return list(msgspec.msgpack.decode(stream[1:]))
    signature, array = stream[1:65], stream[65:]
    values = list(msgspec.msgpack.decode(array))
    domain = {1: b"loopixmix/content/v1", 3: b"loopixmix/receipt/v1"}[stream[0]]
    sender: Sequence[bytes] = values[-1]
    Ed25519PublicKey.from_public_bytes(sender[0]).verify(signature, prefixed(domain) + recipient + array)
    return values


# 9. Answers


def answer_box(reply_key: bytes, number: int) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(mac(reply_key, b"loopixmix/reply/v1" + u32(number)))


def make_answer(
    kind: str, body: bytes, *, message_id: bytes, sequence: int, reply_key: bytes, first: int, payload_bytes: int = 2048
) -> dict[int, bytes]:
    """Return the payloads by the number of the block that each takes, counted from `first`."""
    stream, step = msgspec.msgpack.encode([kind, body]), payload_bytes - 44
    pieces = [stream[start : start + step] for start in range(0, len(stream), step)]
    payloads = {}
    for index, piece in enumerate(pieces):
        head = message_id + u32(sequence) + index.to_bytes(2, "big") + len(pieces).to_bytes(2, "big") + u32(len(piece))
        plaintext = (head + piece).ljust(payload_bytes - 16, b"\0")
        payloads[first + index] = answer_box(reply_key, first + index).encrypt(bytes(12), plaintext, None)
    return payloads


def read_answer(payloads: Mapping[int, bytes], reply_key: bytes) -> tuple[str, bytes]:
    pieces: dict[int, bytes] = {}
    for number, payload in payloads.items():
        opened = answer_box(reply_key, number).decrypt(bytes(12), payload, None)
        index, length = int.from_bytes(opened[20:22], "big"), int.from_bytes(opened[24:28], "big")
        pieces[index] = opened[28 : 28 + length]
    kind, body = msgspec.msgpack.decode(b"".join(pieces[index] for index in sorted(pieces)))
    return kind, body
