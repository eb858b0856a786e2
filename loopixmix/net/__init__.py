"""Links: authenticated, post-quantum TLS that carries equal-sized frames."""
