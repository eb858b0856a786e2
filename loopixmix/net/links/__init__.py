"""Links over TLS: handshake, certificates, one connection to each peer."""
