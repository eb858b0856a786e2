"""The ways of packets: which node may follow which, and the path that a sender draws."""
