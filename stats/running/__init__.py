"""The collector as a program: its directory, and its parts put together."""
