"""Signing documents, and deciding without any I/O whether a document received is to be believed."""

from __future__ import annotations

import hashlib
from typing import Annotated

import msgspec

from loopixmix.directory.codec import Codec
from loopixmix.directory.document import Document, document_faults
from loopixmix.directory.errors import (
    DocumentExpired,
    DocumentFromFuture,
    DocumentInconsistent,
    DocumentOfOtherNetwork,
    DocumentRolledBack,
    DocumentTooLarge,
    DocumentUnderSigned,
)
from loopixmix.directory.trust import TrustRoot
from loopixmix.directory.words import Key, Signature
from loopixmix.errors import MisuseError, SignatureError
from loopixmix.keys import IdentityKey, verify

MAX_DOCUMENT_BYTES = 2 * 1024 * 1024
MAX_SIGNATURES = 64

_DOMAIN = b"loopixmix/document/v1"


class DocumentSignature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One authority's signature over the bytes of a document."""

    authority: Key
    signature: Signature


class SignedDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The bytes of a document and the signatures over them, in ascending order of the authorities' keys."""

    document: bytes
    signatures: Annotated[tuple[DocumentSignature, ...], msgspec.Meta(max_length=MAX_SIGNATURES)]


_codec = Codec(Document, "network document")
_signed_codec = Codec(SignedDocument, "signed network document")


def encode_document(document: Document) -> bytes:
    """Return the bytes that authorities sign; raise `MisuseError` if clients would refuse the document."""
    for fault in document_faults(document):
        raise MisuseError(f"network document: {fault}")
    return _codec.encode(document)


def sign_document(document: Document, identity_key: IdentityKey) -> bytes:
    """Return `document` with one signature, as it is published; raise `MisuseError` if clients would refuse it."""
    return _signed(encode_document(document), {}, identity_key)


def add_signature(signed: bytes, identity_key: IdentityKey) -> bytes:
    """Return the signed document with one more signature over the very same bytes."""
    parts = _signed_codec.decode(signed)
    return _signed(parts.document, {s.authority: s.signature for s in parts.signatures}, identity_key)


def document_digest(signed: bytes) -> bytes:
    """Return the SHA-256 of the signed bytes, the same however many signatures there are."""
    return hashlib.sha256(_signed_codec.decode(signed).document).digest()


def decode_document(
    data: bytes, trust_root: TrustRoot, *, now_s: float, newest_seen_epoch: int | None = None
) -> Document:
    """Return the document in `data` if all of these rules hold, otherwise raise a `DocumentError` or `FormatError`.

    1. It has at most `MAX_DOCUMENT_BYTES` (`DocumentTooLarge`) and is the canonical encoding of an envelope
       (`FormatError`).
    2. At least `trust_root.threshold` distinct authorities of the trust root signed the same document bytes
       (`DocumentUnderSigned`). Signatures of others count for nothing, and neither do wrong ones. Nothing of the
       document is read before.
    3. The document is the canonical encoding of a known version whose every field is in range (`FormatError`).
    4. It is of this network (`DocumentOfOtherNetwork`), with the trust root's length of an epoch
       (`DocumentInconsistent`).
    5. Its epoch is not lower than the newest that was ever believed here, `newest_seen_epoch` (`DocumentRolledBack`).
    6. `valid_from_s - grace_s <= now_s < valid_until_s`, so that a clock may be slow by the document's own `grace_s`
       (`DocumentFromFuture`, `DocumentExpired`).
    7. It does not contradict itself (`DocumentInconsistent`): it is valid from the start of its epoch until one of the
       next three edges of epochs; node ids ascend and differ, names differ; every mix is in a layer from 1 to
       `params.layers` and no provider is in one; no layer is empty and there is a provider; hosts are addresses or
       host names; only providers offer services, in ascending order; mix keys ascend by epoch, differ, are canonical
       points of prime order on Curve25519 and cover every epoch of the document's validity; no mail domain occurs
       twice or is the name of a node.

    To judge a document that is fetched ahead of its epoch, pass the start of that epoch as `now_s`.
    """
    document = read_document(data, trust_root)
    if newest_seen_epoch is not None and document.epoch < newest_seen_epoch:
        raise DocumentRolledBack(
            f"the network document is of epoch {document.epoch}, older than {newest_seen_epoch} seen before"
        )
    if now_s < document.valid_from_s - document.params.grace_s:
        raise DocumentFromFuture(
            f"the network document is valid only in {document.valid_from_s - now_s:.0f} s: the clock here is behind, "
            "or that of the authorities ahead"
        )
    if now_s >= document.valid_until_s:
        raise DocumentExpired(
            f"the network document expired {now_s - document.valid_until_s:.0f} s ago: the authorities have no newer "
            "one, or the clock here is ahead"
        )
    return document


def read_document(data: bytes, trust_root: TrustRoot) -> Document:
    """Return the document in `data` if rules 1 to 4 and 7 of `decode_document` hold: those that no time can change."""
    if len(data) > MAX_DOCUMENT_BYTES:
        raise DocumentTooLarge(f"the network document has {len(data)} bytes; {MAX_DOCUMENT_BYTES} are allowed")
    signed = _signed_codec.decode(data)
    count = _trusted_signatures(signed, trust_root)
    if count < trust_root.threshold:
        raise DocumentUnderSigned(
            f"the network document has {count} valid signatures of trusted authorities; it needs {trust_root.threshold}"
        )
    document = _codec.decode(signed.document)
    if document.network_id != trust_root.network_id:
        raise DocumentOfOtherNetwork("the network document belongs to another network")
    if document.params.epoch_length_s != trust_root.epoch_length_s:
        raise DocumentInconsistent("the network document has another length of an epoch than the trust root")
    for fault in document_faults(document):
        raise DocumentInconsistent(f"network document: {fault}")
    return document


def _trusted_signatures(signed: SignedDocument, trust_root: TrustRoot) -> int:
    return len(
        {s.authority for s in signed.signatures if s.authority in trust_root.authority_keys and _fits(s, signed)}
    )


def _fits(signature: DocumentSignature, signed: SignedDocument) -> bool:
    try:
        verify(signature.authority, signature.signature, _DOMAIN, signed.document)
    except SignatureError:
        return False
    return True


def _signed(document: bytes, signatures: dict[bytes, bytes], identity_key: IdentityKey) -> bytes:
    signatures = signatures | {identity_key.public: identity_key.sign(_DOMAIN, document)}
    ordered = tuple(DocumentSignature(authority=key, signature=signatures[key]) for key in sorted(signatures))
    signed = _signed_codec.encode(SignedDocument(document=document, signatures=ordered))
    if len(signed) > MAX_DOCUMENT_BYTES:
        raise MisuseError(f"the network document has {len(signed)} bytes; {MAX_DOCUMENT_BYTES} are allowed")
    return signed
