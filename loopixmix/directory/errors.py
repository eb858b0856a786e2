"""The faults of a network document or a descriptor: one class for each reaction a reader can have.

Bytes that are no encoding at all raise `loopixmix.errors.FormatError`.
"""

# ruff: noqa: N818 (the names say what happened)
from __future__ import annotations

from loopixmix.errors import PeerError, SignatureError


class DocumentError(PeerError):
    """The network document cannot be used."""


class DocumentTooLarge(DocumentError):
    """The network document is larger than any honest one."""


class DocumentOfOtherNetwork(DocumentError):
    """The network document belongs to another network."""


class DocumentUnderSigned(DocumentError):
    """The network document is not signed by enough of the authorities that are trusted here."""


class DocumentExpired(DocumentError):
    """The network document has expired: the clock is wrong or no newer one could be had."""


class DocumentFromFuture(DocumentError):
    """The network document is not valid yet: the clock is wrong here or at the authorities."""


class DocumentRolledBack(DocumentError):
    """The network document is older than one seen before."""


class DocumentInconsistent(DocumentError):
    """The network document contradicts itself."""


class DocumentConflict(DocumentError):
    """The authorities signed two different network documents for one epoch: they cannot be trusted."""


class NoEpochKey(DocumentError):
    """The network document has no key of this node for this epoch."""


class DescriptorError(PeerError):
    """The node's descriptor cannot be accepted."""


class DescriptorTooLarge(DescriptorError):
    """The node's descriptor is larger than any honest one."""


class DescriptorOfOtherNetwork(DescriptorError):
    """The node's descriptor belongs to another network."""


class DescriptorForged(DescriptorError, SignatureError):
    """The node's descriptor is not signed by the identity that it names."""


class DescriptorExpired(DescriptorError):
    """The node's descriptor has no key for this epoch: the node's clock is wrong or the descriptor is old."""


class DescriptorFromFuture(DescriptorError):
    """The node's descriptor was issued in the future: the node's clock is wrong."""


class DescriptorReplayed(DescriptorError):
    """The node's descriptor is not newer than the one already known."""


class DescriptorInconsistent(DescriptorError):
    """The node's descriptor contradicts itself."""


class DescriptorNotAllowed(DescriptorError):
    """The authority does not let this node take part."""


class DescriptorNameTaken(DescriptorError):
    """Another node of the network has this name already."""
