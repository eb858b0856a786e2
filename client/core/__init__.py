"""The client's decisions: bytes, values and `now_s` in, facts out; no clock, network or store."""
