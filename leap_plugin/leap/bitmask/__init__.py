"""The side of LEAP's users: a sender for Bitmask's outgoing mail, Bitmask's local API, and nicknym on loopback."""
