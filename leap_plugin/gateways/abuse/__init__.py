"""Against abuse: what a gateway refuses to send, whoever asks, and how often at most."""
