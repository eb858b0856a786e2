"""Readers of received messages, over restarts of the daemon and of themselves."""
