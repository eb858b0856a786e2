"""The grammar of IMAP (RFC 3501 section 9): bytes to commands, values to responses."""
