"""Blind tokens at a provider: an issuer that signs them for those whom it knows, a redeemer that takes each once."""
