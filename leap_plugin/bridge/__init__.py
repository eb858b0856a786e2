"""The local bridge: what mail programs speak with."""
