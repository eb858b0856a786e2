"""Demonstrations: real data answered by simulated people, over a network on this machine or within one process."""
