"""Following the network document: fetched from the authorities, kept, and enrolled in."""
