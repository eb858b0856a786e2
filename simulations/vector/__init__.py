"""The `vector` engine: millions of packets as arrays, since a mix that delays each packet alone needs no event loop."""
