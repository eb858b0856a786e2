"""Mailboxes: filled by deliveries, emptied by pulls, tidied from time to time."""
