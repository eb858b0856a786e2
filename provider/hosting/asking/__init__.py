"""Asking one service: within its limits, on the reactor or in threads."""
