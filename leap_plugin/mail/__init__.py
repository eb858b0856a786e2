"""Messages and their parts: bytes and values in, bytes and values out; no I/O, clock or randomness of its own."""
