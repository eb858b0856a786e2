"""The cards of a provider's accounts, and decoys for all other names."""
