"""IMAP4rev1 (RFC 3501) without sockets: bytes in, bytes out."""
