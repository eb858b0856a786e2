"""The client as a whole: its parts wired, and the daemon."""
