"""Packets and messages, written a second time from the pages; their vectors, and bytes of no honest peer."""
