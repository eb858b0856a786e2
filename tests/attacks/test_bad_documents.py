"""Nodes and authorities that sign what is harmful, or different things to different people."""

from __future__ import annotations

import random

import msgspec
import pytest

from loopixmix.directory import (
    DescriptorInconsistent,
    Document,
    DocumentInconsistent,
    decode_descriptor,
    decode_document,
    document_digest,
)
from loopixmix.directory.codec import Codec
from loopixmix.directory.descriptor import _SignedDescriptor
from loopixmix.directory.verification import DocumentSignature, SignedDocument
from loopixmix.directory.words import mix_key_is_valid
from loopixmix.errors import MisuseError
from loopixmix.keys import IdentityKey, MixKey
from loopixmix.sphinx.points import check_public_keys
from tests.worlds.networks.models import NOW_S, model_network

NETWORK = model_network(random.Random(1))
FIELD = 2**255 - 19
ORDER_TWO = 0
ORDER_EIGHT = int.from_bytes(
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"), "little"
)


def forge(document: Document, authority: IdentityKey) -> bytes:
    data = msgspec.msgpack.encode(document)
    signature = DocumentSignature(authority=authority.public, signature=authority.sign(b"loopixmix/document/v1", data))
    return Codec(SignedDocument, "forged").encode(SignedDocument(document=data, signatures=(signature,)))


def senders_take(public_key: bytes) -> bool:
    try:
        check_public_keys([public_key])
    except MisuseError:
        return False
    return True


def test_a_key_that_a_document_may_hold_is_one_that_senders_wrap_for() -> None:
    """A node whose key the directory takes and senders refuse would stop every packet drawn to go through it."""
    rng = random.Random(2)
    honest = [MixKey.generate(rng).public for _ in range(50)]
    shifted = [pow(int.from_bytes(key, "little"), -1, FIELD).to_bytes(32, "little") for key in honest]
    anything = [rng.randbytes(31) + bytes([rng.randrange(128)]) for _ in range(300)]
    edges = [
        value.to_bytes(32, "little") for value in (0, 1, 2, 9, FIELD - 1, FIELD, FIELD + 9, ORDER_TWO, ORDER_EIGHT)
    ]
    assert all(map(mix_key_is_valid, honest))
    assert not any(map(mix_key_is_valid, shifted))
    keys = [*honest, *shifted, *anything, *edges]
    assert [mix_key_is_valid(key) for key in keys] == [senders_take(key) for key in keys]


def test_such_a_key_is_refused_by_authorities_and_in_a_document_that_one_signed_all_the_same() -> None:
    node = NETWORK.nodes[0]
    descriptor = node.descriptor(NETWORK.trust_root.network_id, issued_at_ms=int(NOW_S * 1000))
    shifted = {
        epoch: pow(int.from_bytes(key, "little"), -1, FIELD).to_bytes(32, "little")
        for epoch, key in descriptor.mix_keys.items()
    }
    data = msgspec.msgpack.encode(msgspec.structs.replace(descriptor, mix_keys=shifted))
    signed = _SignedDescriptor(descriptor=data, signature=node.identity_key.sign(b"loopixmix/descriptor/v1", data))
    with pytest.raises(DescriptorInconsistent, match="prime order"):
        decode_descriptor(
            msgspec.msgpack.encode(signed),
            network_id=NETWORK.trust_root.network_id,
            epoch_length_s=NETWORK.params.epoch_length_s,
            now_s=NOW_S,
        )
    document = NETWORK.document
    entries = tuple(
        msgspec.structs.replace(entry, mix_keys=shifted) if entry.id == node.id else entry for entry in document.nodes
    )
    with pytest.raises(DocumentInconsistent, match="prime order"):
        decode_document(
            forge(msgspec.structs.replace(document, nodes=entries), NETWORK.authority), NETWORK.trust_root, now_s=NOW_S
        )


def test_what_remains_of_equivocation_two_views_are_believed_apart_and_told_apart_together() -> None:
    """One authority can show two people two networks. Each view is believed where it is seen alone; the digests, which
    people can compare, differ; and who sees both calls it what it is (test_follower)."""
    document = NETWORK.document
    other = msgspec.structs.replace(document, params=msgspec.structs.replace(document.params, delay_mean_s=0.3))
    views = [forge(view, NETWORK.authority) for view in (document, other)]
    assert [decode_document(view, NETWORK.trust_root, now_s=NOW_S) for view in views] == [document, other]
    assert len({document_digest(view) for view in views}) == 2
