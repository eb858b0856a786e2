"""What IMAP tells of a message: its parts, envelope and structure, and whether a search finds it."""
