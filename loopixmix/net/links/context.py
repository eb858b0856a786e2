"""TLS as links use it: version 1.3 only, both sides show a certificate, nothing is ever resumed."""

from __future__ import annotations

from typing import Protocol

from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from loopixmix.drops import RefusalReason
from loopixmix.keys import IdentityKey
from loopixmix.net.links.certificates import identity_of, make_certificate, private_key
from loopixmix.net.links.handshake import Dialled, Negotiated, Side

# AES-GCM must be re-keyed after 2^24.5 records (RFC 8446, 5.5), which a busy link reaches in a day and OpenSSL does
# not do by itself; ChaCha20-Poly1305 has no such bound and costs a microsecond more a frame.
_CIPHER_SUITES = b"TLS_CHACHA20_POLY1305_SHA256"

_REFUSALS = (
    ("unsupported protocol", RefusalReason.NOT_TLS13),
    ("alert protocol version", RefusalReason.NOT_TLS13),
    ("peer did not return a certificate", RefusalReason.UNKNOWN_KEY),
    ("certificate verify failed", RefusalReason.WRONG_KEY),
)
"""The reasons that OpenSSL gives, and their meaning between our peers."""


class SocketTransport(Protocol):
    """The transport under TLS."""

    def getHandle(self) -> object:  # noqa: N802 (Twisted's name)
        """Return the socket."""

    def pauseProducing(self) -> None:  # noqa: N802 (Twisted's name)
        """Read nothing more."""

    def resumeProducing(self) -> None:  # noqa: N802 (Twisted's name)
        """Read on."""


class TlsTransport(Protocol):
    """The transport of a link: the part of Twisted's TLS protocol that it uses."""

    transport: SocketTransport

    def getHandle(self) -> SSL.Connection:  # noqa: N802 (Twisted's name)
        """Return the TLS connection."""

    def write(self, data: bytes, /) -> None:
        """Send bytes."""

    def registerProducer(self, producer: object, streaming: bool, /) -> None:  # noqa: N802 (Twisted's name)
        """Tell `producer` to pause while too much is buffered."""

    def unregisterProducer(self) -> None:  # noqa: N802 (Twisted's name)
        """Tell the producer nothing more."""

    def loseConnection(self) -> None:  # noqa: N802 (Twisted's name)
        """End the connection when all bytes that were written are delivered."""

    def abortConnection(self) -> None:  # noqa: N802 (Twisted's name)
        """End the connection now."""


def make_context(identity_key: IdentityKey) -> SSL.Context:
    """Return the TLS settings of a node, for both directions."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_max_proto_version(SSL.TLS1_3_VERSION)
    context.set_tls13_ciphersuites(_CIPHER_SUITES)
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_COMPRESSION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.use_privatekey(private_key(identity_key))
    context.use_certificate(make_certificate(identity_key))
    return context


@implementer(IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator)
class PinnedConnections:
    """Makes the TLS connection under one link: it proves keys, and whose key is right is decided by pins alone."""

    def __init__(self, context: SSL.Context, side: Side) -> None:
        """`context`: the node's settings and certificate. `side`: tells which end dialled and whose key is right."""
        self._context = context
        self._side = side

    def clientConnectionForTLS(self, _: TLSMemoryBIOProtocol) -> SSL.Connection:  # noqa: N802 (Twisted's name)
        """Return a connection for the side that dialled."""
        return self._connection()

    def serverConnectionForTLS(self, _: TLSMemoryBIOProtocol) -> SSL.Connection:  # noqa: N802 (Twisted's name)
        """Return a connection for the side that accepted."""
        return self._connection()

    def _connection(self) -> SSL.Connection:
        connection = SSL.Connection(self._context, None)
        connection.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, self._believe)
        return connection

    def _believe(self, _: SSL.Connection, certificate: X509, _error: int, depth: int, _ok: int) -> bool:
        # No authority has signed these certificates, so OpenSSL's own verdict means nothing. Refusing the wrong key
        # here and not only after the handshake keeps the dialling side's own certificate from an impostor.
        match self._side:
            case Dialled(peer=expected) if depth == 0:
                return identity_of(certificate) == expected
            case _:
                return True


def negotiated_by(connection: SSL.Connection) -> Negotiated:
    """Return the result of a finished handshake."""
    certificate = connection.get_peer_certificate()
    return Negotiated(
        tls_version=connection.get_protocol_version_name(),
        group=connection.get_group_name(),
        peer=None if certificate is None else identity_of(certificate),
    )


def refusal_of(failure: Failure) -> RefusalReason:
    """Return why a TLS handshake failed, as OpenSSL said it."""
    said = str(failure.value).lower() if isinstance(failure.value, SSL.Error) else ""
    return next((reason for words, reason in _REFUSALS if words in said), RefusalReason.TLS_FAILED)


def is_end(failure: Failure) -> bool:
    """Tell whether a connection just ended, rather than failed over what was said."""
    return not isinstance(failure.value, SSL.Error)
