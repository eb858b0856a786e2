"""SMTP submission (RFC 6409), by which mail programs send."""
