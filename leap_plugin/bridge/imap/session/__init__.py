"""One connection of a mail program: which commands it may give, and the answers."""
